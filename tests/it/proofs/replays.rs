//! A proof can be used once, also across reloads, and the memory of used proofs is bounded.

use serde_json::json;

use crate::support::http_get::get;
use crate::support::keys::{p256, rsa};
use crate::support::proof::{key_thumbprint, proof};
use crate::support::service::Service;
use crate::support::token::Token;

use super::place::{
    ISSUER, URL, bound, client_request, configuration, explained, good_proof,
    one_of_many_is_admitted,
};

#[tokio::test]
async fn a_proof_can_be_used_once_also_after_a_reload() {
    let service = Service::ready(&configuration("", "")).await;
    let envoy = service.envoy().await;
    let token = bound(p256(0));
    let used = good_proof(&token).signed(p256(0));
    let reason = async || envoy.check(client_request(&token, &used)).await.reason();
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
        let proof = proof(key, "ES256", ("GET", URL), token);
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

/// Otherwise one client with a token that has expired could fill the memory, and stop every client that sends proofs.
#[tokio::test]
async fn a_request_that_is_refused_leaves_its_proof_unused() {
    let rules = "
replay: { size: 2 }
rules:
  - { name: scoped, match: { paths: [/scoped] }, scopes: [things:read] }
  - { name: conditional, match: { paths: [/things] }, when: 'request.headers[\"x-go\"] == \"yes\"' }
";
    let service = Service::ready(&configuration("required_claims: [tier]", rules)).await;
    let envoy = service.envoy().await;
    let cnf = json!({ "jkt": key_thumbprint(p256(0)) });
    let token = Token::of(ISSUER).claim("cnf", cnf).claim("tier", "gold");
    let scoped = "https://api.test/scoped";
    let cases = [
        (token.clone().time("exp", -100), URL, "expired"),
        (token.clone().time("nbf", 100), URL, "not_yet_valid"),
        (token.clone().claim("aud", "other"), URL, "invalid_audience"),
        (token.clone().without("tier"), URL, "missing_claim"),
        (token.clone(), scoped, "insufficient_scope"),
        (token.clone(), URL, "condition_failed"),
    ];
    for (token, url, reason) in cases {
        let token = token.signed(rsa(0));
        for _ in 0..3 {
            let proof = proof(p256(0), "ES256", ("GET", url), &token).signed(p256(0));
            let request = client_request(&token, &proof).path(&url["https://api.test".len()..]);
            assert_eq!(envoy.check(request).await.reason(), reason);
        }
    }
    let (_, text) = get(service.admin, "localhost", "/metrics").await;
    assert!(text.contains("\naccredit_used_proofs 0"), "{text}");
    // A proof of a refused request is as good as new, and used up when a request is admitted.
    let token = token.signed(rsa(0));
    let proof = good_proof(&token).signed(p256(0));
    for (value, reason) in [
        ("no", "condition_failed"),
        ("yes", "allowed"),
        ("yes", "replayed_proof"),
        // Step 13 comes before the rule's.
        ("no", "replayed_proof"),
    ] {
        let request = client_request(&token, &proof).header("x-go", value);
        assert_eq!(envoy.check(request).await.reason(), reason, "{value}");
    }
}

#[tokio::test]
async fn one_of_many_concurrent_checks_with_one_proof_is_admitted() {
    let service = Service::ready(&configuration("", "")).await;
    // On one connection, and on several, which different threads serve.
    let mut connections = Vec::new();
    for _ in 0..4 {
        connections.push(service.envoy().await);
    }
    one_of_many_is_admitted(&connections).await;
}

#[tokio::test]
async fn a_full_memory_refuses_new_proofs_with_503() {
    // A rule on trial does not admit either: the rule did not cause this denial.
    let trial = "rules: [{ name: trial, shadow: { until: 2999-12-31 } }]\n";
    let refusing = "rules: [{ name: trial, scopes: [x], shadow: { until: 2999-12-31 } }]\n";
    for (rules, admitted) in [
        ("", "allowed"),
        (trial, "allowed"),
        (refusing, "insufficient_scope"),
    ] {
        let settings = format!("replay: {{ size: 2 }}\n{rules}");
        let service = Service::ready(&configuration("", &settings)).await;
        let envoy = service.envoy().await;
        for (key, reason, http) in [
            (0, admitted, 0),
            (1, admitted, 0),
            (0, "internal_error", 503),
            (1, "internal_error", 503),
        ] {
            let token = bound(p256(key));
            let proof = proof(p256(key), "ES256", ("GET", URL), &token).signed(p256(key));
            let answer = envoy.check(client_request(&token, &proof)).await;
            assert_eq!((answer.reason().as_str(), answer.http), (reason, http));
            let explained = explained(&service, &token, &proof).await;
            let expected = match reason {
                "internal_error" => reason,
                _ => "replayed_proof",
            };
            assert_eq!(explained, expected);
        }
    }
}

#[tokio::test]
async fn one_key_gets_half_of_the_memory() {
    let service = Service::ready(&configuration("", "replay: { size: 4 }\n")).await;
    let envoy = service.envoy().await;
    for (key, reason) in [
        (0, "allowed"),
        (0, "allowed"),
        (0, "internal_error"),
        (1, "allowed"),
    ] {
        let token = bound(p256(key));
        let proof = proof(p256(key), "ES256", ("GET", URL), &token).signed(p256(key));
        let answer = envoy.check(client_request(&token, &proof)).await;
        assert_eq!(answer.reason(), reason, "{key}");
    }
}

/// A rule on trial admits a replay as a request without a token: without claim headers (CONTRACT 8.7.4).
#[tokio::test]
async fn a_rule_on_trial_gives_no_claim_headers_to_a_replay() {
    for scopes in ["", "scopes: [x], "] {
        let lines = "claim_headers: { x-sub: sub }";
        let trial =
            format!("rules: [{{ name: trial, {scopes}shadow: {{ until: 2999-12-31 }} }}]\n");
        let service = Service::ready(&configuration(lines, &trial)).await;
        let envoy = service.envoy().await;
        let token = bound(p256(0));
        let proof = good_proof(&token).signed(p256(0));
        let first = envoy.check(client_request(&token, &proof)).await;
        assert!(first.is_admission());
        assert_eq!(first.header("x-sub"), Some("someone"), "{scopes}");
        let spoofed = client_request(&token, &proof).header("x-sub", "evil");
        let again = envoy.check(spoofed).await;
        assert!(again.is_admission());
        assert_eq!(again.text("decision").as_deref(), Some("shadow"));
        assert_eq!(again.reason(), "replayed_proof");
        assert_eq!(again.header("x-sub"), None);
        assert!(again.removes("x-sub"));
    }
}
