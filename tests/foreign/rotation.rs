//! An issuer changes its keys, in each way in which issuers do, and no request is answered wrongly meanwhile.
//!
//! Wrong is a 401 for a token that the issuer stands by, or a 200 for one that it no longer does. "Come again"
//! (503) is always permitted while the key set can be out of date.

use std::time::{Duration, Instant};

use serde_json::json;

use super::support::edge::Edge;
use super::support::provider::{ALGORITHMS, Old, Provider};

/// Far beyond the cooldown after which an unknown key is looked for again.
const LIMIT: Duration = Duration::from_secs(30);

/// The tokens of all three keys.
async fn tokens(provider: &Provider) -> Vec<String> {
    let mut tokens = Vec::new();
    for algorithm in ALGORITHMS {
        tokens.push(provider.token(algorithm).await);
    }
    tokens
}

/// Asks with each token until it gets this status. Every answer before is 503, or one of `meanwhile`.
async fn settles(edge: &Edge, tokens: &[String], status: u16, meanwhile: &[u16]) {
    for token in tokens {
        let started = Instant::now();
        loop {
            let answer = edge.ask(token).await;
            if answer.status == status {
                break;
            }
            let allowed = answer.status == 503 || meanwhile.contains(&answer.status);
            assert!(
                allowed,
                "{} before {status}: {}",
                answer.status,
                answer.text()
            );
            assert!(
                started.elapsed() < LIMIT,
                "never {status}: {}",
                answer.text()
            );
            // Only time can be awaited: the next fetch is accredit's own business.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn admits(edge: &Edge, tokens: &[String]) {
    for token in tokens {
        let answer = edge.ask(token).await;
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

    // The first of them is waited for while the keys are fetched, the others find theirs.
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
    // Never admitted again once the new set is known: not by the token cache either.
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
