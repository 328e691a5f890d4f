//! Tokens that wait while the keys of their issuer become too old.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Attempt, Authentication, Authenticator};
use crate::authn::error::AuthenticationError;
use crate::authn::issuers::{Issuer, Issuers, Startup};
use crate::authn::moment::Moment;
use crate::authn::token_cache::TokenCache;
use crate::forward::claim_headers::ClaimHeaders;
use crate::jose::algorithm::Algorithm;
use crate::jose::base64url;
use crate::keys::key_set::KeySet;
use crate::keys::lease::KeyLease;
use crate::keys::ledger::MissingKey;
use crate::keys::source::{KeyAddress, KeySource, Transport};
use crate::keys::store::KeyStore;
use crate::proof::presentation::CredentialScheme;
use crate::request::{ClientCertificate, Completeness, Headers, Request};
use crate::token::bearer::BearerToken;
use crate::token::error::TokenError;
use crate::token::requirements::{Audiences, Binding, Requirements};

const KEYS: &str = r#"{"keys":[{"kid":"k","kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

const MAX_STALE: Duration = Duration::from_secs(60);

/// An authenticator of one issuer that holds the key `k` until [`MAX_STALE`] from now.
fn authenticator(now: Instant) -> Authenticator {
    let key_set = KeySet::parse(KEYS.as_bytes()).expect("is a key set");
    let address = KeyAddress::parse("http://127.0.0.1:1/keys", Transport::Https);
    let keys = KeyStore::new(KeySource::Uri(address.expect("is an address")), now);
    let restored = keys.restore(Arc::new(key_set), Duration::ZERO, MAX_STALE, now);
    assert!(restored.is_some());
    let lease = KeyLease::new(keys);
    let issuer = Issuer {
        names: vec!["https://a.example".into()],
        requirements: Requirements {
            algorithms: [Algorithm::EdDsa, Algorithm::Rs256].into_iter().collect(),
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
    Authenticator::new(issuers, Arc::new(TokenCache::new(0)), None)
}

fn request() -> Request<'static> {
    Request {
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
    }
}

fn forged(header: &str) -> String {
    let claims = r#"{"iss":"https://a.example","exp":2000}"#;
    let signature = base64url::encode(&[7; 64]);
    let [header, claims] = [header, claims].map(|text| base64url::encode(text.as_bytes()));
    format!("{header}.{claims}.{signature}")
}

#[test]
fn the_first_result_stands_if_the_keys_become_too_old_during_the_wait() {
    let bad_signature = AuthenticationError::from(TokenError::InvalidSignature);
    let other_algorithm = AuthenticationError::from(MissingKey::Unfit);
    let unknown = AuthenticationError::from(MissingKey::Unknown);
    for (header, error, key_id) in [
        (r#"{"alg":"EdDSA","kid":"k"}"#, &bad_signature, Some("k")),
        (r#"{"alg":"EdDSA"}"#, &bad_signature, None),
        (r#"{"alg":"RS256","kid":"k"}"#, &other_algorithm, Some("k")),
        (r#"{"alg":"RS256"}"#, &unknown, None),
    ] {
        let began = Instant::now();
        let authenticator = authenticator(began);
        let token = forged(header);
        let authenticate = |wall, steady, attempt| {
            let bearer = BearerToken::new(token.as_bytes(), 16 * 1024).expect("is a bearer");
            let moment = Moment::new(Duration::from_secs(wall), steady);
            let scheme = CredentialScheme::Bearer;
            authenticator.authenticate(bearer, scheme, &request(), moment, attempt)
        };
        let Authentication::Wait(ticket) = authenticate(1000, began, Attempt::First(None)) else {
            panic!("{header} waits for a fetch")
        };
        for wall in [1060, 2060] {
            let later = began + MAX_STALE;
            let Authentication::Denied(denial) =
                authenticate(wall, later, Attempt::AfterWait(&ticket))
            else {
                panic!("{header} is denied")
            };
            assert_eq!(denial.error, *error, "{header} at {wall}");
            assert_eq!(denial.key_id.as_deref(), key_id, "{header} at {wall}");
        }
    }
}
