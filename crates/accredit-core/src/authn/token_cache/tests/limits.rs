//! The bytes that a cached token counts, and the tokens that are evicted at the limit.

use super::{Colliding, Signer, hashed, weight_in, weight_of};
use crate::authn::flat_metadata::FlatMetadata;
use crate::authn::identity::{EncodeIdentity, EncodedIdentity};
use crate::authn::token_cache::{CachedToken, TokenCache};
use crate::authn::token_metadata::MetadataValue;

/// Nothing else keeps the header of a token, so that its bytes count only in its text.
#[test]
fn the_limit_counts_the_bytes_of_the_tokens_text() {
    let signer = Signer::new();
    let cache = TokenCache::new(64 * 1024);
    let header = format!(r#"{{"alg":"EdDSA","x":"{}"}}"#, "x".repeat(6 * 1024));
    for number in 0..50 {
        let token = signer.token(&number.to_string(), &header);
        assert!(token.len() > 8 * 1024, "{}", token.len());
        cache.insert(hashed(&cache, &token), signer.cached(&token));
    }
    assert!((1..8).contains(&cache.len()), "{}", cache.len());
}

#[test]
fn every_encoded_form_of_metadata_counts_in_the_weight_of_a_token() {
    let flat = || FlatMetadata::of([("a", &MetadataValue::Text("text".into()))]);
    let nothing: EncodeIdentity = |_| EncodedIdentity::default();
    let full: EncodeIdentity = |_| EncodedIdentity {
        metadata: Some([7; 100].into()),
        ..EncodedIdentity::default()
    };
    let both: EncodeIdentity = |_| EncodedIdentity {
        metadata: Some([7; 100].into()),
        flat_metadata: Some(Box::new(FlatMetadata::of([(
            "a",
            &MetadataValue::Text("text".into()),
        )]))),
        ..EncodedIdentity::default()
    };
    let weight = |encode: EncodeIdentity| {
        let signer = Signer::encoding_by(Some(encode));
        let identity = signer.identity(&signer.token("a", r#"{"alg":"EdDSA"}"#));
        identity.weight()
    };
    assert_eq!(weight(full), weight(nothing) + 100);
    assert_eq!(weight(both), weight(full) + flat().weight());
}

#[test]
fn the_weight_of_the_cache_is_that_of_its_tokens_and_within_its_limit() {
    let signer = Signer::new();
    let cache = TokenCache::new(32 * 1024);
    let mut weights = Vec::new();
    let check = |weights: &[(String, u64)]| {
        let weight = cache
            .tokens
            .as_ref()
            .map(|tokens| tokens.evictions().weight);
        let cached = weights
            .iter()
            .filter(|(token, _)| cache.get(hashed(&cache, token)).is_some());
        assert_eq!(Some(cached.map(|(_, weight)| weight).sum::<u64>()), weight);
        assert!(
            weight <= Some(cache.limit()),
            "{weight:?} of {}",
            cache.limit()
        );
    };
    let subjects = [40, 4000, 1, 40_000, 300];
    for number in 0..200 {
        let subject = "s".repeat(subjects[number % subjects.len()]) + &number.to_string();
        let token = signer.token(&subject, r#"{"alg":"EdDSA"}"#);
        let cached = signer.cached(&token);
        let weight = weight_of(&token, &cached);
        cache.insert(hashed(&cache, &token), cached);
        weights.push((token, weight));
        check(&weights);
        if number == 150 {
            cache.set_limit(8 * 1024);
            check(&weights);
        }
    }
    assert!(!cache.is_empty());
    cache.set_limit(1);
    check(&weights);
    assert!(cache.is_empty());
}

/// A use is counted, and protects the token although it is the oldest.
#[test]
fn a_used_token_is_evicted_later_than_unused_ones() {
    let signer = Signer::new();
    let cache = TokenCache::new(64 * 1024);
    let token = |number: usize| signer.token(&number.to_string(), r#"{"alg":"EdDSA"}"#);
    let used = token(0);
    cache.insert(hashed(&cache, &used), signer.cached(&used));
    assert!(cache.get(hashed(&cache, &used)).is_some());
    let again = CachedToken {
        generation: 1,
        ..signer.cached(&used)
    };
    // It keeps its uses when it is verified again.
    cache.insert(hashed(&cache, &used), again);
    let mut number = 0;
    while number == cache.len() - 1 {
        number += 1;
        let unused = token(number);
        cache.insert(hashed(&cache, &unused), signer.cached(&unused));
    }
    assert!(cache.get(hashed(&cache, &used)).is_some());
    assert!(cache.get(hashed(&cache, &token(1))).is_none());
}

#[test]
fn tokens_with_equal_hashes_are_evicted_like_others() {
    let signer = Signer::new();
    let cache = TokenCache::with_hasher(16 * 1024, Colliding);
    for number in 0..100 {
        let token = signer.token(&number.to_string(), r#"{"alg":"EdDSA"}"#);
        cache.insert(hashed(&cache, &token), signer.cached(&token));
        assert!(weight_in(&cache) <= 16 * 1024);
    }
    assert!((2..30).contains(&cache.len()), "{}", cache.len());
    cache.set_limit(1);
    assert_eq!((cache.len(), weight_in(&cache)), (0, 0));
}

#[test]
fn every_limit_makes_a_cache() {
    let signer = Signer::new();
    let token = signer.token("a", r#"{"alg":"EdDSA"}"#);
    for limit in [1, 4096, 1 << 40, u64::MAX] {
        let cache = TokenCache::new(limit);
        for _ in 0..3 {
            cache.insert(hashed(&cache, &token), signer.cached(&token));
            let is_cached = cache.get(hashed(&cache, &token)).is_some();
            assert_eq!(is_cached, limit >= 4096, "{limit}");
        }
    }
}

/// The limit is lowered in steps, so that an insertion does not wait for all evictions.
#[test]
fn a_limit_that_is_lowered_by_several_steps_is_kept() {
    let signer = Signer::new();
    let cache = TokenCache::new(8 << 20);
    for number in 0..2500 {
        let token = signer.token(&number.to_string(), r#"{"alg":"EdDSA"}"#);
        cache.insert(hashed(&cache, &token), signer.cached(&token));
    }
    assert!(weight_in(&cache) > 2 << 20, "{}", weight_in(&cache));
    cache.set_limit(100_000);
    assert_eq!(cache.limit(), 100_000);
    assert!((50_000..=100_000).contains(&weight_in(&cache)));
}
