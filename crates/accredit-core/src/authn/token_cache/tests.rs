//! Cached tokens with equal hashes, the checks that use the cache, and the bytes that a cached token counts.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

use super::{CachedToken, ENTRY_OVERHEAD, HashedToken, TokenCache};
use crate::authn::authenticator::attempt::{Attempt, CacheLookup};
use crate::authn::authenticator::{Authentication, Authenticator};
use crate::authn::flat_metadata::FlatMetadata;
use crate::authn::identity::{EncodeIdentity, EncodedIdentity, Identity};
use crate::authn::issuers::{Issuer, Issuers, Startup};
use crate::authn::moment::Moment;
use crate::authn::token_metadata::MetadataValue;
use crate::forward::claim_headers::ClaimHeaders;
use crate::jose::algorithm::Algorithm;
use crate::jose::base64url;
use crate::keys::key_set::KeySet;
use crate::keys::lease::KeyLease;
use crate::keys::source::KeySource;
use crate::keys::store::KeyStore;
use crate::proof::presentation::CredentialScheme;
use crate::request::{ClientCertificate, Completeness, Headers, Request};
use crate::token::bearer::BearerToken;
use crate::token::requirements::{Audiences, Binding, Requirements};

/// Gives every text the same hash.
struct Colliding;

struct Constant;

impl BuildHasher for Colliding {
    type Hasher = Constant;

    fn build_hasher(&self) -> Constant {
        Constant
    }
}

impl Hasher for Constant {
    fn finish(&self) -> u64 {
        7
    }

    fn write(&mut self, _: &[u8]) {}
}

/// Counts the texts that are hashed.
#[derive(Clone, Default)]
struct Counting {
    texts: Arc<AtomicUsize>,
    hasher: foldhash::quality::RandomState,
}

impl BuildHasher for Counting {
    type Hasher = <foldhash::quality::RandomState as BuildHasher>::Hasher;

    fn build_hasher(&self) -> Self::Hasher {
        self.texts.fetch_add(1, Ordering::Relaxed);
        self.hasher.build_hasher()
    }
}

/// An issuer and its key.
struct Signer {
    key: Ed25519KeyPair,
    authenticator: Authenticator,
}

impl Signer {
    fn new() -> Signer {
        Signer::encoding_by(None)
    }

    fn encoding_by(encode: Option<EncodeIdentity>) -> Signer {
        let key = Ed25519KeyPair::from_seed_unchecked(&[9; 32]).expect("is a seed");
        let public = base64url::encode(key.public_key().as_ref());
        let keys = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{public}"}}]}}"#);
        let keys = Arc::new(KeySet::parse(keys.as_bytes()).expect("is a key set"));
        let lease = KeyLease::new(KeyStore::new(KeySource::Inline(keys), Instant::now()));
        let issuer = Issuer {
            names: vec!["https://a.example".into()],
            requirements: Requirements {
                algorithms: [Algorithm::EdDsa].into_iter().collect(),
                audiences: Audiences::Any,
                token_types: ["JWT"].into_iter().collect(),
                clock_skew: Duration::ZERO,
                max_lifetime: None,
                required_claims: vec![],
                audience_claims: vec![],
                scope_claims: vec![],
                claims: vec![],
                binding: Binding::Enforce,
            },
            keys: lease.store().clone(),
            claim_headers: ClaimHeaders::new(vec![]),
            payload_header: None,
            startup: Startup::WaitsForKeys,
            tenants: None,
        };
        let issuers = Issuers::new(vec![(Arc::new(issuer), lease)]);
        Signer {
            key,
            authenticator: Authenticator::new(issuers, Arc::new(TokenCache::new(1 << 20)), encode),
        }
    }

    fn token(&self, subject: &str, header: &str) -> String {
        let claims = format!(r#"{{"iss":"https://a.example","exp":2000,"sub":"{subject}"}}"#);
        let [header, claims] = [header, &claims].map(|text| base64url::encode(text.as_bytes()));
        let signed = format!("{header}.{claims}");
        let signature = base64url::encode(self.key.sign(signed.as_bytes()).as_ref());
        format!("{signed}.{signature}")
    }

    fn identity(&self, token: &str) -> Arc<Identity> {
        match self.authenticate(token, 1000, Attempt::First(None)) {
            Authentication::Verified(token) => token.identity,
            other => panic!("{other:?}"),
        }
    }

    /// Authenticates a token at that second of 1970.
    fn authenticate(&self, token: &str, second: u64, attempt: Attempt<'_>) -> Authentication {
        let now = Moment::new(Duration::from_secs(second), Instant::now());
        let request = Request {
            method: "GET",
            scheme: "https",
            host: "api.example",
            path: "/",
            headers: Headers::new(std::iter::empty(), Completeness::Complete),
            source_address: "",
            source_principal: "",
            source_certificate: ClientCertificate::Absent,
            context: Vec::new(),
            trace: None,
        };
        let scheme = CredentialScheme::Bearer;
        self.authenticator
            .authenticate(bearer(token), scheme, &request, now, attempt)
    }

    fn cached(&self, token: &str) -> CachedToken {
        CachedToken {
            identity: self.identity(token),
            generation: 0,
        }
    }
}

fn hashed<'a, S: BuildHasher>(cache: &TokenCache<S>, token: &'a str) -> HashedToken<'a> {
    cache.hashed(bearer(token))
}

fn bearer(token: &str) -> BearerToken<'_> {
    BearerToken::new(token.as_bytes(), 64 * 1024).expect("is a token")
}

#[test]
fn tokens_with_equal_hashes_are_not_confused() {
    let signer = Signer::new();
    let cache = TokenCache::with_hasher(1 << 20, Colliding);
    let tokens: Vec<String> = ["a", "b", "c", "d"]
        .map(|subject| signer.token(subject, r#"{"alg":"EdDSA"}"#))
        .into();
    let subject = |token: &str| {
        let found = cache.get(hashed(&cache, token))?;
        let claims = found.identity.token.claims();
        claims.text("sub").map(str::to_owned)
    };
    let [first, others @ ..] = &tokens[..] else {
        panic!("has tokens");
    };
    cache.insert(hashed(&cache, first), signer.cached(first));
    for other in others {
        assert_eq!(subject(other), None, "only the first token is cached");
    }
    let forged = format!("{first}A");
    assert_eq!(subject(&forged), None, "it only begins like a cached token");
    assert_eq!(subject(&first[..first.len() - 1]), None);
    for other in others {
        cache.insert(hashed(&cache, other), signer.cached(other));
    }
    let subjects: Vec<_> = tokens.iter().map(|token| subject(token)).collect();
    let expected = ["a", "b", "c", "d"].map(|subject| Some(subject.to_owned()));
    assert_eq!(subjects, expected);
}

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
fn a_cleared_cache_has_no_token_and_takes_new_ones() {
    let signer = Signer::new();
    let cache = TokenCache::new(64 * 1024);
    let [first, second] = ["a", "b"].map(|subject| signer.token(subject, r#"{"alg":"EdDSA"}"#));
    cache.insert(hashed(&cache, &first), signer.cached(&first));
    cache.clear();
    assert!(cache.is_empty());
    assert!(cache.get(hashed(&cache, &first)).is_none());
    cache.insert(hashed(&cache, &second), signer.cached(&second));
    assert!(cache.get(hashed(&cache, &second)).is_some());
    TokenCache::new(0).clear();
}

#[test]
fn an_explanation_neither_reads_nor_fills_the_cache() {
    let signer = Signer::new();
    let token = signer.token("a", r#"{"alg":"EdDSA"}"#);
    let lookup = |second, attempt| match signer.authenticate(&token, second, attempt) {
        Authentication::Verified(token) => (true, token.cache),
        Authentication::Denied(denial) => (false, denial.cache),
        other @ Authentication::Wait(_) => panic!("{other:?}"),
    };
    let cache = signer.authenticator.token_cache();
    assert_eq!(lookup(1000, Attempt::Peek), (true, None));
    assert!(cache.is_empty());
    let first = || Attempt::First(None);
    assert_eq!(lookup(1000, first()), (true, Some(CacheLookup::Miss)));
    assert_eq!(cache.len(), 1);
    assert_eq!(lookup(1000, first()), (true, Some(CacheLookup::Hit)));
    assert_eq!(lookup(1000, Attempt::Peek), (true, None));
    // The cached token has expired.
    assert_eq!(lookup(3000, first()), (false, Some(CacheLookup::Hit)));
    assert_eq!(lookup(3000, Attempt::Peek), (false, None));
}

/// The cache is too small for all tokens, so that it evicts some.
#[test]
fn a_text_is_hashed_once_and_finds_its_own_token_only() {
    let signer = Signer::new();
    let hasher = Counting::default();
    let cache = TokenCache::with_hasher(128 * 1024, hasher.clone());
    let tokens: Vec<(String, String)> = (0..500)
        .map(|number| {
            let subject = number.to_string();
            let token = signer.token(&subject, r#"{"alg":"EdDSA"}"#);
            (subject, token)
        })
        .collect();
    for (_, token) in &tokens {
        let sent = hashed(&cache, token);
        assert!(cache.get(sent).is_none());
        cache.insert(sent, signer.cached(token));
    }
    assert_eq!(hasher.texts.load(Ordering::Relaxed), tokens.len());
    let found = tokens.iter().filter(|(subject, token)| {
        let found = cache.get(hashed(&cache, token));
        found.is_some_and(|found| {
            assert_eq!(found.identity.token.claims().text("sub"), Some(&**subject));
            true
        })
    });
    assert_eq!(found.count(), cache.len());
    assert!((10..400).contains(&cache.len()), "{}", cache.len());
}

/// A token is verified again when the keys of its issuer have changed.
#[test]
fn a_token_that_is_cached_again_replaces_itself() {
    let signer = Signer::new();
    let cache = TokenCache::new(64 * 1024);
    let token = signer.token("a", r#"{"alg":"EdDSA"}"#);
    cache.insert(hashed(&cache, &token), signer.cached(&token));
    let first = weight_in(&cache);
    for generation in 1..1000 {
        let cached = CachedToken {
            generation,
            ..signer.cached(&token)
        };
        cache.insert(hashed(&cache, &token), cached);
        let found = cache.get(hashed(&cache, &token));
        assert_eq!(found.map(|found| found.generation), Some(generation));
    }
    assert_eq!((cache.len(), weight_in(&cache)), (1, first));
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

/// If a search took the lock of insertions, this test would not end.
#[test]
fn a_search_does_not_wait_for_an_insertion() {
    let signer = Signer::new();
    let cache = TokenCache::new(64 * 1024);
    let token = signer.token("a", r#"{"alg":"EdDSA"}"#);
    cache.insert(hashed(&cache, &token), signer.cached(&token));
    let _insertion = cache.tokens.as_ref().map(|tokens| tokens.evictions());
    assert!(cache.get(hashed(&cache, &token)).is_some());
}

/// Threads search while others insert, evict and clear.
#[test]
fn a_search_finds_its_own_token_while_others_change_the_cache() {
    let signer = Signer::new();
    let cache = TokenCache::new(64 * 1024);
    let tokens: Vec<(String, String, CachedToken)> = (0..200)
        .map(|number| {
            let subject = number.to_string();
            let token = signer.token(&subject, r#"{"alg":"EdDSA"}"#);
            let cached = signer.cached(&token);
            (subject, token, cached)
        })
        .collect();
    let found: usize = std::thread::scope(|scope| {
        let threads = [1, 3, 7, 11].map(|step| {
            let (cache, tokens) = (&cache, &tokens);
            scope.spawn(move || {
                let mut found = 0;
                for turn in 0..20_000 {
                    let (subject, token, cached) = &tokens[turn * step % tokens.len()];
                    let sent = hashed(cache, token);
                    if let Some(own) = cache.get(sent) {
                        let claims = own.identity.token.claims();
                        assert_eq!(claims.text("sub"), Some(&**subject));
                        found += 1;
                    } else {
                        cache.insert(sent, cached.clone());
                    }
                    match turn % 5000 {
                        4000 => cache.set_limit(16 * 1024),
                        4500 => cache.set_limit(64 * 1024),
                        4999 => cache.clear(),
                        _ => {}
                    }
                }
                found
            })
        });
        let found = threads.map(|thread| thread.join().expect("ends"));
        found.iter().sum()
    });
    assert!(found > 0);
    let held = tokens
        .iter()
        .filter(|(_, token, _)| cache.get(hashed(&cache, token)).is_some());
    let weights = held.map(|(_, token, cached)| weight_of(token, cached));
    assert_eq!(weights.sum::<u64>(), weight_in(&cache));
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

fn weight_of(token: &str, cached: &CachedToken) -> u64 {
    (token.len() + cached.identity.weight()) as u64 + ENTRY_OVERHEAD
}

fn weight_in<S>(cache: &TokenCache<S>) -> u64 {
    let tokens = cache.tokens.as_ref().expect("is on");
    tokens.evictions().weight
}
