//! Tokens that wait while the keys of their issuer grow too old.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Attempt, Authentication, Authenticator};
use crate::authn::error::Error;
use crate::authn::issuers::{Issuer, Issuers, Readiness};
use crate::authn::moment::Moment;
use crate::authn::token_cache::TokenCache;
use crate::forward::claim_headers::ClaimHeaders;
use crate::jose::algorithm::Algorithm;
use crate::jose::base64url;
use crate::jwks::key_set::KeySet;
use crate::jwks::source::{KeyAddress, KeySource, Transport};
use crate::jwks::store::KeyStore;
use crate::token;
use crate::token::bearer::BearerToken;
use crate::token::requirements::{Audiences, Binding, Requirements};

const KEYS: &str = r#"{"keys":[{"kid":"k","kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

const MAX_STALE: Duration = Duration::from_secs(60);

/// An authenticator of one issuer that holds the key `k` until [`MAX_STALE`] from now.
fn authenticator(now: Instant) -> Authenticator {
    let key_set = KeySet::parse(KEYS.as_bytes()).expect("is a key set");
    let given = KeyStore::new(KeySource::Inline(Arc::new(key_set)), now);
    let address = KeyAddress::parse("http://127.0.0.1:1/keys", Transport::Https);
    let keys = KeyStore::new(KeySource::Uri(address.expect("is an address")), now);
    keys.inherit(&given, MAX_STALE, now);
    let issuer = Issuer {
        names: vec!["https://a.example".into()],
        requirements: Requirements {
            algorithms: [Algorithm::EdDsa, Algorithm::Rs256].into_iter().collect(),
            audiences: Audiences::Any,
            token_types: ["JWT"].into_iter().collect(),
            clock_skew: Duration::ZERO,
            max_lifetime: None,
            required_claims: vec![],
            scope_claims: vec![],
            binding: Binding::Enforce,
        },
        keys: Arc::new(keys),
        claim_headers: ClaimHeaders::new(vec![]),
        readiness: Readiness::Required,
    };
    let issuers = Issuers::new(vec![Arc::new(issuer)]);
    Authenticator::new(issuers, TokenCache::new(0), None)
}

fn forged(header: &str) -> String {
    let claims = r#"{"iss":"https://a.example","exp":2000}"#;
    let signature = base64url::encode(&[7; 64]);
    let [header, claims] = [header, claims].map(|text| base64url::encode(text.as_bytes()));
    format!("{header}.{claims}.{signature}")
}

#[tokio::test(start_paused = true)]
async fn the_first_verdict_stands_where_the_keys_grow_too_old_during_the_wait() {
    let bad_signature = Error::from(token::error::TokenError::InvalidSignature);
    let other_algorithm = Error::from(token::error::TokenError::UnsupportedAlgorithm);
    for (header, error, key_id) in [
        (r#"{"alg":"EdDSA","kid":"k"}"#, bad_signature, Some("k")),
        (r#"{"alg":"EdDSA"}"#, bad_signature, None),
        (r#"{"alg":"RS256","kid":"k"}"#, other_algorithm, Some("k")),
        (r#"{"alg":"RS256"}"#, Error::UnknownKey, None),
    ] {
        let began = Instant::now();
        let authenticator = authenticator(began);
        let token = forged(header);
        let authenticate = |wall, attempt| {
            let bearer = BearerToken::new(token.as_bytes()).expect("is a bearer");
            let moment = Moment::new(Duration::from_secs(wall), Instant::now());
            authenticator.authenticate(bearer, moment, attempt)
        };
        let Authentication::Waits(wait) = authenticate(1000, Attempt::First) else {
            panic!("{header} waits for a fetch")
        };
        let waited = wait.until(began + MAX_STALE).await;
        for wall in [1060, 2060] {
            let Authentication::Refused(refusal) = authenticate(wall, Attempt::Again(waited))
            else {
                panic!("{header} is refused")
            };
            assert_eq!(refusal.error, error, "{header} at {wall}");
            assert_eq!(refusal.key_id.as_deref(), key_id, "{header} at {wall}");
        }
    }
}
