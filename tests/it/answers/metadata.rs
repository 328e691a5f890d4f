//! What dynamic metadata tell, and what they never repeat.

use serde_json::json;

use crate::support::check_request::ClientRequest;
use crate::support::keys::{p256, rsa};
use crate::support::service::Service;
use crate::support::token::{Token, now};

use super::expected::{ISSUER, configuration};

#[tokio::test]
async fn metadata_of_admissions_has_every_documented_field() {
    let lines = "claim_headers:\n  x-org: oid\n  x-env: custom_claims.environment\n  x-n: n\n  x-big: big\n  x-gone: gone\n  x-scope: scopes\nalgorithms: [RS256, ES256]";
    let service = Service::ready(&configuration(lines, "")).await;
    let expires = now() + 1000;
    let token = Token::of(ISSUER)
        .claim("client_id", "c1")
        .claim("oid", "org_1")
        .claim("custom_claims", json!({ "environment": "prod" }))
        .claim("n", json!([1, 2.5, true, null]))
        .claim("big", 9_007_199_254_740_993_u64)
        .claim("scope", "a b")
        .claim("secret", "kept")
        .claim("exp", expires);
    let answer = service
        .check(ClientRequest::bearer(&token.signed(rsa(0))))
        .await;
    assert_eq!(
        answer.metadata(),
        json!({
            "decision": "allow",
            "reason": "allowed",
            "rule": "default",
            "issuer": ISSUER,
            "key_id": "k",
            "subject": "someone",
            "client_id": "c1",
            "scopes": ["a", "b"],
            "expires_at": expires as f64,
            "claims": {
                "oid": "org_1",
                "custom_claims.environment": "prod",
                "n": [1.0, 2.5, true, null],
                "big": "9007199254740993",
                "scopes": "a b",
            },
        })
    );
    let by_other = token.kid("e").alg("ES256").signed(p256(0));
    let answer = service.check(ClientRequest::bearer(&by_other)).await;
    assert_eq!(answer.text("key_id").as_deref(), Some("e"));
}

/// CONTRACT 4.13.3: content of a token appears only after its signature was verified, or if it equals a configured issuer or
/// a held key ID. CONTRACT 4.13.1: once the signature was verified, a refusal shows whose token it was.
#[tokio::test]
async fn metadata_of_refusals_has_no_unverified_content() {
    let service = Service::ready(&configuration("", "")).await;
    let envoy = service.envoy().await;
    let good = || Token::of(ISSUER).claim("client_id", "c1");
    let expired = now() - 100;
    let cases = [
        (good().claim("iss", "https://evil.test"), rsa(0), None, None),
        (good().kid("invented"), rsa(0), Some(ISSUER), None),
        (good(), rsa(1), Some(ISSUER), Some("k")),
        (
            good().claim("exp", expired),
            rsa(0),
            Some(ISSUER),
            Some("k"),
        ),
        (good().header("typ", "evil"), rsa(0), Some(ISSUER), None),
    ];
    for (token, key, issuer, key_id) in cases {
        let answer = envoy.check(ClientRequest::bearer(&token.signed(key))).await;
        let mut metadata = json!({
            "decision": "deny",
            "reason": answer.reason(),
            "rule": "default",
        });
        for (name, value) in [("issuer", issuer), ("key_id", key_id)] {
            if let Some(value) = value {
                metadata[name] = value.into();
            }
        }
        if answer.reason() == "expired" {
            metadata["subject"] = "someone".into();
            metadata["client_id"] = "c1".into();
            metadata["scopes"] = json!([]);
            metadata["expires_at"] = json!(expired as f64);
        }
        assert_eq!(answer.metadata(), metadata);
    }
}
