//! A proof can be used once, also across reloads, and the memory of used proofs is bounded.

use crate::support::http_get::get;
use crate::support::keys::p256;
use crate::support::service::Service;

use super::place::{bound, client_request, configuration, good_proof};

#[tokio::test]
async fn a_proof_can_be_used_once_also_after_a_reload() {
    let service = Service::ready(&configuration("", "")).await;
    let envoy = service.envoy().await;
    let token = bound(p256(0));
    let proof = good_proof(&token).signed(p256(0));
    let reason = async || envoy.check(client_request(&token, &proof)).await.reason();
    assert_eq!(reason().await, "allowed");
    assert_eq!(reason().await, "replayed_proof");
    service
        .reload(&configuration("clock_skew: 20s", "replay: { size: 7 }\n"))
        .await;
    assert_eq!(reason().await, "replayed_proof");
    // Another key can have a proof with the same `jti`.
    let other = bound(p256(1));
    let id: serde_json::Value = serde_json::from_str(&good_proof(&token).claims_text()).unwrap();
    for (key, token) in [(p256(0), &token), (p256(1), &other)] {
        let proof = crate::support::proof::proof(key, "ES256", ("GET", super::place::URL), token);
        let proof = proof.claim("jti", id["jti"].clone()).signed(key);
        assert_eq!(
            envoy.check(client_request(token, &proof)).await.reason(),
            "allowed"
        );
    }
    let (_, text) = get(service.admin, "localhost", "/metrics").await;
    assert!(text.contains("\naccredit_used_proofs 3"), "{text}");
}

/// A proof that was not for this request or this token is not used up.
#[tokio::test]
async fn a_proof_that_was_refused_can_still_be_used() {
    let service = Service::ready(&configuration("", "")).await;
    let envoy = service.envoy().await;
    let token = bound(p256(0));
    let proof = good_proof(&token).signed(p256(0));
    let elsewhere = client_request(&token, &proof).path("/other");
    assert_eq!(envoy.check(elsewhere).await.reason(), "invalid_proof");
    assert_eq!(
        envoy.check(client_request(&token, &proof)).await.reason(),
        "allowed"
    );
}

#[tokio::test]
async fn a_full_memory_refuses_new_proofs_with_503() {
    // A rule on trial does not admit either: a full memory is no matter of the rule.
    let trial = "rules: [{ name: trial, shadow: { until: 2999-12-31 } }]\n";
    for rules in ["", trial] {
        let settings = format!("replay: {{ size: 2 }}\n{rules}");
        let service = Service::ready(&configuration("", &settings)).await;
        let envoy = service.envoy().await;
        let token = bound(p256(0));
        for (reason, http) in [
            ("allowed", 0),
            ("allowed", 0),
            ("internal_error", 503),
            ("internal_error", 503),
        ] {
            let proof = good_proof(&token).signed(p256(0));
            let answer = envoy.check(client_request(&token, &proof)).await;
            assert_eq!((answer.reason().as_str(), answer.http), (reason, http));
        }
    }
}
