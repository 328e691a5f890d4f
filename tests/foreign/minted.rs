//! Tokens of `POST /dev/token` that are bound, or of a tenant, through a real Envoy and an accredit that demands both.

use accredit_test_support::client::RawRequest;
use accredit_test_support::keys::p256;
use accredit_test_support::proof::{key_thumbprint, proof};
use serde_json::{Value, json};

use super::support::accredit::Accredit;
use super::support::edge::Edge;
use super::support::http::post;

#[tokio::test]
async fn the_development_issuer_mints_bound_tokens_and_those_of_a_tenant() {
    let (_dev, issuer) = Accredit::dev().await;
    let entry = json!({
        "issuer": format!("{issuer}/{{tid}}"),
        "tenants": ["acme"],
        "audiences": ["api.acme.example"],
        "jwks": { "uri": format!("{issuer}/keys") },
    });
    let edge = Edge::start(&[entry]).await;
    let mint = async |claims: Value| {
        let answer = post(&format!("{issuer}/dev/token"), &claims).await;
        answer["access_token"].as_str().unwrap().to_owned()
    };
    let of = |tenant: &str| json!({ "iss": format!("{issuer}/{tenant}"), "tid": tenant });
    let with = |mut claims: Value, name: &str, value: Value| {
        claims[name] = value;
        claims
    };
    let mut reasons = Vec::new();
    for (claims, status, reason) in [
        (of("acme"), 200, "allowed"),
        (of("other"), 401, "unknown_issuer"),
        (
            with(of("acme"), "tid", json!("other")),
            401,
            "unknown_issuer",
        ),
        (with(of("acme"), "tid", json!(null)), 401, "unknown_issuer"),
        (json!({}), 401, "unknown_issuer"),
    ] {
        let answer = edge.request(&mint(claims.clone()).await).await;
        assert_eq!(answer.status, status, "{claims}");
        reasons.push(reason);
    }

    let cnf = json!({ "jkt": key_thumbprint(p256(0)) });
    let bound = mint(with(of("acme"), "cnf", cnf)).await;
    assert_eq!(edge.request(&bound).await.status, 401);
    reasons.push("unproven_binding");
    for (key, status, reason) in [(p256(0), 200, "allowed"), (p256(1), 401, "invalid_proof")] {
        let url = "http://api.example/api/data";
        let fresh = proof(key, "ES256", ("GET", url), &bound).signed(key);
        let request = RawRequest::get("/api/data")
            .host(Some(b"api.example"))
            .header("authorization", format!("DPoP {bound}"))
            .header("dpop", fresh);
        assert_eq!(edge.send(request).await.status, status, "{reason}");
        reasons.push(reason);
    }
    assert_eq!(edge.reasons(reasons.len()).await, reasons);
}
