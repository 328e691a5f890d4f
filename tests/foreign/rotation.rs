//! An issuer changes its keys in each way that is known from real issuers. No request gets a wrong answer meanwhile.
//!
//! A 401 for a token of a published key is wrong, and so is a 200 for a token of a withdrawn key. A 503 is permitted while
//! the key set can be out of date.

use accredit_test_support::eventually::eventually;
use serde_json::json;

use super::support::edge::Edge;
use super::support::provider::{ALGORITHMS, Old, Provider};

/// The tokens of all three keys.
async fn tokens(provider: &Provider) -> Vec<String> {
    let mut tokens = Vec::new();
    for algorithm in ALGORITHMS {
        tokens.push(provider.token(algorithm).await);
    }
    tokens
}

/// Sends requests with each token until the answer has this status. Each earlier answer is 503, or one of `meanwhile`.
async fn settles(edge: &Edge, tokens: &[String], status: u16, meanwhile: &[u16]) {
    for token in tokens {
        eventually(&format!("a request gets {status}"), async || {
            let answer = edge.request(token).await;
            let now = answer.status;
            let allowed = now == status || now == 503 || meanwhile.contains(&now);
            assert!(allowed, "{now} before {status}: {}", answer.text());
            (now == status).then_some(())
        })
        .await;
    }
}

async fn admits(edge: &Edge, tokens: &[String]) {
    for token in tokens {
        let answer = edge.request(token).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[tokio::test]
async fn new_keys_beside_old_ones_verify_tokens_at_once() {
    let provider = Provider::start().await;
    let edge = Edge::start(&[provider.entry(json!({}))]).await;
    let old = tokens(&provider).await;
    admits(&edge, &old).await;

    provider.change_keys("second", Old::Keep).await;
    let new = tokens(&provider).await;

    // The check of the first token waits until accredit has fetched the keys. The others then find their key.
    settles(&edge, &new, 200, &[]).await;
    admits(&edge, &old).await;
}

#[tokio::test]
async fn withdrawn_keys_stop_admitting() {
    let provider = Provider::start().await;
    let refresh = json!({ "jwks": { "refresh": "1s" } });
    let edge = Edge::start(&[provider.entry(refresh)]).await;
    let old = tokens(&provider).await;
    admits(&edge, &old).await;

    provider.change_keys("second", Old::Withdraw).await;
    let new = tokens(&provider).await;

    settles(&edge, &new, 200, &[]).await;
    // Once the new set is known, no old token is admitted, cached ones included.
    settles(&edge, &old, 401, &[]).await;
    admits(&edge, &new).await;
}

#[tokio::test]
async fn withdrawn_keys_stop_admitting_without_any_new_token() {
    let provider = Provider::start().await;
    let refresh = json!({ "jwks": { "refresh": "1s" } });
    let edge = Edge::start(&[provider.entry(refresh)]).await;
    let old = tokens(&provider).await;
    admits(&edge, &old).await;

    provider.change_keys("second", Old::Withdraw).await;

    settles(&edge, &old, 401, &[200]).await;
}

#[tokio::test]
async fn keys_that_change_under_the_same_ids_are_fetched() {
    let provider = Provider::start().await;
    let edge = Edge::start(&[provider.entry(json!({ "jwks": { "refresh": "1s" } }))]).await;
    let old = tokens(&provider).await;
    admits(&edge, &old).await;

    provider.change_keys("first", Old::Withdraw).await;
    let new = tokens(&provider).await;

    settles(&edge, &new, 200, &[]).await;
    settles(&edge, &old, 401, &[]).await;
    admits(&edge, &new).await;
}
