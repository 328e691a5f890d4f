//! Searches of the token cache, and the checks that use it.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

use super::{CachedToken, ENTRY_OVERHEAD, HashedToken, TokenCache};
use crate::authn::authenticator::attempt::{Attempt, CacheLookup};
use crate::authn::authenticator::{Authentication, Authenticator};
use crate::authn::identity::{EncodeIdentity, Identity};
use crate::authn::issuers::{Issuer, Issuers, Startup};
use crate::authn::moment::Moment;
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

mod limits;

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

fn weight_of(token: &str, cached: &CachedToken) -> u64 {
    (token.len() + cached.identity.weight()) as u64 + ENTRY_OVERHEAD
}

fn weight_in<S>(cache: &TokenCache<S>) -> u64 {
    let tokens = cache.tokens.as_ref().expect("is on");
    tokens.evictions().weight
}
