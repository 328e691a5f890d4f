//! The issuer npm oidc-provider, which accredit finds through discovery only, with a real Envoy.

use accredit_test_support::eventually::eventually;
use serde_json::{Value, json};

use super::support::edge::Edge;
use super::support::provider::{ALGORITHMS, Provider};
use super::support::scripts::answer;
use super::support::token::tamper;

#[tokio::test]
async fn oidc_provider_tokens_are_admitted_with_every_algorithm() {
    let provider = Provider::start().await;
    let edge = Edge::start(&[provider.entry(json!({}))]).await;
    for algorithm in ALGORITHMS {
        let token = provider.token(algorithm).await;
        let answer = edge.request(&token).await;
        assert_eq!(answer.status, 200, "{algorithm}: {}", answer.text());
        let seen = edge.last_seen();
        assert_eq!(seen.header("x-jwt-sub").as_deref(), Some("machine"));
        assert_eq!(seen.header("x-jwt-client-id").as_deref(), Some("machine"));
        assert_eq!(
            seen.header("x-jwt-scope").as_deref(),
            Some("read write"),
            "{algorithm}"
        );
        assert_eq!(seen.header("x-jwt-org"), None);
    }
}

#[tokio::test]
async fn oidc_provider_tokens_that_break_a_requirement_are_refused() {
    let (provider, stranger) = tokio::join!(Provider::start(), Provider::start());
    let edge = Edge::start(&[provider.entry(json!({ "algorithms": ["RS256", "ES256"] }))]).await;
    let good = provider.token("RS256").await;
    let bound: Value = answer("dpop_token.js", provider.script("dpop_token.js")).await;
    let refused = [
        (
            provider.token("RS256?audience=other.example").await,
            "invalid_audience",
        ),
        (provider.token("EdDSA").await, "unsupported_algorithm"),
        (
            provider.token("RS256?format=opaque").await,
            "malformed_token",
        ),
        (stranger.token("RS256").await, "unknown_issuer"),
        (
            bound["access_token"].as_str().unwrap().to_owned(),
            "unproven_binding",
        ),
        (
            tamper(&good, "scope", "read write admin"),
            "invalid_signature",
        ),
        (
            tamper(&stranger.token("RS256").await, "iss", provider.issuer()),
            "invalid_signature",
        ),
    ];
    for (token, reason) in &refused {
        let answer = edge.request(token).await;
        assert_eq!(answer.status, 401, "{reason}: {}", answer.text());
        assert_eq!(answer.json()["error"], "Invalid token", "{reason}");
    }
    let expected: Vec<&str> = refused.iter().map(|(_, reason)| *reason).collect();
    assert_eq!(edge.reasons(refused.len()).await, expected);
    assert_eq!(edge.request(&good).await.status, 200);
}

#[tokio::test]
async fn oidc_provider_tokens_are_refused_after_they_expire() {
    let provider = Provider::start().await;
    let edge = Edge::start(&[provider.entry(json!({ "clock_skew": "0s" }))]).await;
    let token = provider.token("ES256?ttl=2").await;
    let mut asked = 0;
    let answer = eventually("the token expires after two seconds", async || {
        asked += 1;
        let answer = edge.request(&token).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert_eq!(answer.status, 401, "{}", answer.text());
    let reasons = edge.reasons(asked).await;
    assert_eq!(reasons.first().map(String::as_str), Some("allowed"));
    assert_eq!(reasons.last().map(String::as_str), Some("expired"));
}

#[tokio::test]
async fn two_oidc_providers_with_equal_key_ids_are_not_confused() {
    let (one, other) = tokio::join!(Provider::start(), Provider::start());
    let edge = Edge::start(&[
        one.entry(json!({})),
        other.entry(json!({ "audiences": ["other.example"] })),
    ])
    .await;
    assert_eq!(edge.request(&one.token("RS256").await).await.status, 200);
    assert_eq!(
        edge.request(&other.token("RS256?audience=other.example").await)
            .await
            .status,
        200
    );
    assert_eq!(
        edge.request(&one.token("RS256?audience=other.example").await)
            .await
            .status,
        401
    );
    assert_eq!(edge.request(&other.token("RS256").await).await.status, 401);
    let expected = ["allowed", "allowed", "invalid_audience", "invalid_audience"];
    assert_eq!(edge.reasons(4).await, expected);
}

#[tokio::test]
async fn rules_decide_on_the_scopes_of_oidc_provider_tokens() {
    let provider = Provider::start().await;
    let rules = [
        json!({ "name": "write", "match": { "paths": ["/write"] }, "scopes": ["read", "write"] }),
        json!({ "name": "any", "match": { "paths": ["/any"] }, "any_scope": ["admin", "read"] }),
        json!({ "name": "admin", "match": { "paths": ["/admin"] }, "scopes": ["admin"] }),
        json!({ "name": "nothing-else", "access": "deny" }),
    ];
    let edge = Edge::start_with_rules(&[provider.entry(json!({}))], &rules).await;
    let token = provider.token("RS256").await;

    assert_eq!(edge.ask_for("/write", &token).await.status, 200);
    assert_eq!(edge.ask_for("/any", &token).await.status, 200);
    let admin = edge.ask_for("/admin", &token).await;
    assert_eq!(admin.status, 403);
    assert_eq!(admin.json()["error"], "Insufficient scope");
    let challenge = admin.header("www-authenticate").unwrap();
    assert!(
        challenge.contains("error=\"insufficient_scope\""),
        "{challenge}"
    );
    assert!(challenge.contains("scope=\"admin\""), "{challenge}");
    let other = edge.ask_for("/other", &token).await;
    assert_eq!(
        (other.status, other.json()["error"].as_str()),
        (403, Some("Forbidden"))
    );
}
