//! Issuers without keys, and keys past their time.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::support::check_request::ClientRequest;
use crate::support::eventually::{eventually, within};
use crate::support::issuer::{Answer, KeyServer, Reply};
use crate::support::keys::{rsa, set};
use crate::support::service::{Service, issuer_at};
use crate::support::token::Token;

use super::place::{SHORT, old_keys, place};

#[tokio::test]
async fn an_issuer_without_keys_waits_for_the_fetch_in_flight() {
    let gate = Arc::new(Semaphore::new(0));
    let server = KeyServer::with_keys(Reply::When(gate.clone(), Answer::of(200, old_keys()))).await;
    let service = Service::start(&issuer_at(&server, ""));
    server.wait_for_requests("/keys", 1).await;
    let envoy = service.envoy().await;
    let token = Token::of(&server.url("")).signed(rsa(0));
    let late = envoy
        .check_within(ClientRequest::bearer(&token), SHORT)
        .await;
    assert_eq!(late.reason(), "keys_unavailable");
    assert!(late.retry_after().is_some());
    let waiting = envoy.check(ClientRequest::bearer(&token));
    let (answer, ()) = tokio::join!(waiting, async { gate.add_permits(1) });
    assert!(answer.is_admission(), "{answer:?}");
    assert_eq!(server.count("/keys"), 1);
}

#[tokio::test]
async fn an_issuer_without_keys_starts_no_fetch_for_a_token() {
    let leave_alone = Answer::of(429, "no").with("retry-after", "120");
    let server = KeyServer::with_keys(leave_alone).await;
    let service = Service::start(&issuer_at(&server, ""));
    server.wait_for_requests("/keys", 1).await;
    let token = Token::of(&server.url("")).signed(rsa(0));
    let answer = eventually("the failure is known", async || {
        let answer = service.check(ClientRequest::bearer(&token)).await;
        assert_eq!(answer.reason(), "keys_unavailable");
        answer.retry_after().filter(|seconds| *seconds > 100)
    })
    .await;
    assert!(answer <= 120);
    for kid in ["a", "b"] {
        let token = Token::of(&server.url("")).kid(kid).signed(rsa(0));
        assert_eq!(
            service.check(ClientRequest::bearer(&token)).await.reason(),
            "keys_unavailable"
        );
    }
    assert_eq!(server.count("/keys"), 1);
}

#[tokio::test]
async fn an_empty_key_set_withdraws_every_key() {
    let place = place("").await;
    assert_eq!(place.reason(&place.known()).await, "allowed");
    place.server.serve("/keys", set([]));
    let result = place.service.refresh_keys().await.remove(0);
    assert!(
        !result.has_keys && result.keys.is_empty() && result.last_error.is_empty(),
        "{result:?}"
    );
    for _ in 0..2 {
        assert!(
            !place
                .envoy
                .check(ClientRequest::bearer(&place.known()))
                .await
                .is_admission()
        );
    }
    place.server.serve("/keys", old_keys());
    place.service.refresh_keys().await;
    assert_eq!(place.reason(&place.known()).await, "allowed");
}

#[tokio::test]
async fn keys_older_than_max_stale_verify_no_token() {
    let server = KeyServer::with_keys(old_keys()).await;
    let jwks = format!(
        "jwks: {{ uri: '{}', refresh: 1s, max_stale: 2s }}",
        server.url("/keys")
    );
    let plain = format!("jwks: {{ uri: '{}' }}", server.url("/keys"));
    let service = Service::ready(&issuer_at(&server, "").replace(&plain, &jwks)).await;
    let envoy = service.envoy().await;
    let request = ClientRequest::bearer(&Token::of(&server.url("")).signed(rsa(0)));
    assert!(envoy.check(request.clone()).await.is_admission());
    server.serve("/keys", Answer::of(500, "no"));
    eventually("the keys are too old, for a cached token too", async || {
        let answer = envoy.check(request.clone()).await;
        (answer.reason() == "keys_unavailable").then_some(())
    })
    .await;
    server.serve("/keys", old_keys());
    eventually("the keys are back", async || {
        envoy
            .check(request.clone())
            .await
            .is_admission()
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_key_that_a_new_set_lacks_stops_admitting_at_once() {
    let keys = set([rsa(0).jwk("k"), rsa(1).jwk("next")]);
    for more in ["", "token_cache: 0\n"] {
        let server = KeyServer::with_keys(keys.clone()).await;
        let service = Service::ready(&format!("{}{more}", issuer_at(&server, ""))).await;
        let envoy = service.envoy().await;
        let old = ClientRequest::bearer(&Token::of(&server.url("")).signed(rsa(0)));
        let next = ClientRequest::bearer(&Token::of(&server.url("")).kid("next").signed(rsa(1)));
        for request in [&old, &next, &old, &next] {
            assert!(envoy.check(request.clone()).await.is_admission());
        }
        server.serve("/keys", set([rsa(1).jwk("next")]));
        service.refresh_keys().await;
        assert_eq!(envoy.check(old.clone()).await.reason(), "unknown_key");
        assert!(envoy.check(next.clone()).await.is_admission());
        // Back again, it admits again.
        server.serve("/keys", keys.clone());
        service.refresh_keys().await;
        assert!(envoy.check(old).await.is_admission());
    }
}

#[tokio::test]
async fn an_issuer_that_hangs_does_not_delay_others() {
    let (good, hung) = (
        KeyServer::with_keys(old_keys()).await,
        KeyServer::with_keys(Reply::Hang).await,
    );
    let entry = issuer_at(&hung, "required: false").replace("issuers:\n", "");
    let service = Service::ready(&format!("{}{entry}", issuer_at(&good, ""))).await;
    let envoy = service.envoy().await;
    let token =
        |server: &KeyServer| ClientRequest::bearer(&Token::of(&server.url("")).signed(rsa(0)));
    let waiting = envoy.check(token(&hung));
    let others = async {
        for _ in 0..20 {
            assert!(envoy.check(token(&good)).await.is_admission());
        }
    };
    let (answer, ()) = within(
        "both end",
        Box::pin(async { tokio::join!(waiting, others) }),
    )
    .await;
    assert_eq!(answer.reason(), "keys_unavailable");
}
