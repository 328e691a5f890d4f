//! Tokens with an unknown `kid`: at most one fetch in ten seconds, and no other check waits.

use std::sync::Arc;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::Semaphore;

use crate::support::check_request::ClientRequest;
use crate::support::eventually::eventually;
use crate::support::issuer::{Answer, KeyServer, Reply};
use crate::support::keys::{rsa, set};
use crate::support::service::{Service, issuer_at};
use crate::support::token::Token;

use super::place::{SHORT, old_keys, place};

#[tokio::test]
async fn the_first_token_with_a_new_key_triggers_a_fetch() {
    let place = place("").await;
    place
        .server
        .serve("/keys", set([rsa(0).jwk("k"), rsa(1).jwk("new")]));
    assert_eq!(place.reason(&place.unknown("new")).await, "allowed");
    assert_eq!(place.reason(&place.known()).await, "allowed");
    assert_eq!(place.fetches(), 2);
}

#[tokio::test]
async fn a_key_that_a_later_fetch_lacks_is_unknown() {
    let place = place("").await;
    for _ in 0..5 {
        assert_eq!(
            place.reason(&place.unknown("invented")).await,
            "unknown_key"
        );
    }
    assert_eq!(place.fetches(), 2);
    // Another key can have come since, and no fetch may start yet.
    let answer = place
        .envoy
        .check(ClientRequest::bearer(&place.unknown("another")))
        .await;
    assert_eq!(answer.reason(), "key_pending");
    assert!(
        (1..=10).contains(&answer.retry_after().unwrap()),
        "{answer:?}"
    );
    // A refresh of the operator's tells of both, and spends nothing.
    place.service.refresh_keys().await;
    assert_eq!(place.reason(&place.unknown("another")).await, "unknown_key");
    assert_eq!(place.fetches(), 3);
}

#[tokio::test]
async fn a_fetch_that_started_earlier_does_not_make_a_key_unknown() {
    let place = place("").await;
    let gate = place.gate(old_keys());
    let refreshing = place.service.refresh_keys();
    let asking = async {
        place.server.wait_for_requests("/keys", 2).await;
        place.reason(&place.unknown("new")).await
    };
    let releasing = async {
        place.server.wait_for_requests("/keys", 2).await;
        // The check waits by then, or comes too late to wait and starts a fetch of its own.
        tokio::task::yield_now().await;
        gate.add_permits(9);
    };
    let (_, reason, ()) = tokio::join!(refreshing, asking, releasing);
    assert!(
        ["key_pending", "unknown_key"].contains(&reason.as_str()),
        "{reason}"
    );
    assert_eq!(
        reason == "unknown_key",
        place.fetches() == 3,
        "only a fetch since then can tell"
    );
    assert_eq!(place.reason(&place.unknown("new")).await, "unknown_key");
    assert_eq!(place.fetches(), 3);
}

#[tokio::test]
async fn after_a_failed_fetch_unknown_keys_are_pending_and_known_keys_admit() {
    let place = place("").await;
    place
        .server
        .serve("/keys", Answer::of(503, "no").with("retry-after", "77"));
    for kid in ["a", "a", "b"] {
        let answer = place
            .envoy
            .check(ClientRequest::bearer(&place.unknown(kid)))
            .await;
        assert_eq!(answer.reason(), "keys_unavailable", "{kid}");
        assert!(
            (70..=77).contains(&answer.retry_after().unwrap()),
            "{answer:?}"
        );
    }
    assert_eq!(place.reason(&place.known()).await, "allowed");
    assert_eq!(place.fetches(), 2, "its `Retry-After` is obeyed");
    let result = place.service.issuers().await.remove(0);
    assert!(
        result.has_keys && result.last_error.contains("503"),
        "{result:?}"
    );
    assert!(
        (60.0..=77.0).contains(&result.next_refresh_seconds.unwrap()),
        "{result:?}"
    );
}

#[tokio::test]
async fn a_flood_of_unknown_key_ids_causes_one_fetch_and_a_limited_wait() {
    let place = place("").await;
    let gate = place.gate(old_keys());
    let mut checks: FuturesUnordered<_> = (0..100)
        .map(|number| {
            let (envoy, token) = (place.envoy.clone(), place.unknown(&format!("z{number}")));
            async move { envoy.check(ClientRequest::bearer(&token)).await }
        })
        .collect();
    // 64 checks wait, and the others are refused at once with Retry-After.
    for _ in 0..36 {
        let answer = checks.next().await.unwrap();
        assert_eq!(answer.reason(), "key_pending");
        assert!(
            (1..=10).contains(&answer.retry_after().unwrap()),
            "{answer:?}"
        );
    }
    place.server.wait_for_requests("/keys", 2).await;
    assert_eq!(
        place.reason(&place.known()).await,
        "allowed",
        "no other check waits"
    );
    gate.add_permits(9);
    let mut unknown = 0;
    while let Some(answer) = checks.next().await {
        match answer.reason().as_str() {
            "unknown_key" => unknown += 1,
            "key_pending" => {}
            other => panic!("{other}"),
        }
    }
    // The fetch began with the first of them, and can tell of none that was seen later.
    assert!(unknown >= 1);
    // Few, so that all checks begin before the cooldown ends.
    for number in 0..10 {
        let reason = place.reason(&place.unknown(&format!("y{number}"))).await;
        assert_eq!(reason, "key_pending");
    }
    assert_eq!(place.fetches(), 2);
}

#[tokio::test]
async fn after_the_cooldown_a_token_can_trigger_another_fetch() {
    let place = place("").await;
    assert_eq!(place.reason(&place.unknown("first")).await, "unknown_key");
    assert_eq!(place.reason(&place.unknown("second")).await, "key_pending");
    place
        .server
        .serve("/keys", set([rsa(0).jwk("k"), rsa(1).jwk("second")]));
    eventually("the cooldown ends", async || {
        (place.reason(&place.unknown("second")).await == "allowed").then_some(())
    })
    .await;
    assert_eq!(place.fetches(), 3);
}

#[tokio::test]
async fn a_key_server_that_hangs_does_not_delay_answers_past_the_deadline() {
    let place = place("").await;
    place.server.serve("/keys", Reply::Hang);
    let request = ClientRequest::bearer(&place.unknown("new"));
    let answer = place.envoy.check_within(request, SHORT).await;
    assert_eq!(answer.reason(), "key_pending");
    // The caller who is gone stops no fetch, the next one joins it, and known keys do not wait.
    let request = ClientRequest::bearer(&place.unknown("other"));
    assert_eq!(
        place.envoy.check_within(request, SHORT).await.reason(),
        "key_pending"
    );
    assert_eq!(place.reason(&place.known()).await, "allowed");
    assert_eq!(place.fetches(), 2);
}

#[tokio::test]
async fn check_timeout_ends_a_wait_for_keys() {
    let server = KeyServer::with_keys(old_keys()).await;
    let configuration = format!("{}check_timeout: 200ms\n", issuer_at(&server, ""));
    let service = Service::ready(&configuration).await;
    server.serve("/keys", Reply::Hang);
    let token = Token::of(&server.url("")).kid("new").signed(rsa(1));
    let answer = service.check(ClientRequest::bearer(&token)).await;
    assert_eq!(answer.reason(), "key_pending");
}

#[tokio::test]
async fn a_caller_that_disconnects_does_not_stop_the_fetch() {
    let place = place("").await;
    let gate = place.gate(set([rsa(0).jwk("k"), rsa(1).jwk("new")]));
    let (envoy, token) = (place.envoy.clone(), place.unknown("new"));
    tokio::select! {
        answer = envoy.check(ClientRequest::bearer(&token)) => panic!("{answer:?}"),
        () = place.server.wait_for_requests("/keys", 2) => {}
    }
    gate.add_permits(1);
    eventually("the key is held", async || {
        let held = place.service.issuers().await.remove(0).keys.len() == 2;
        held.then_some(())
    })
    .await;
    assert_eq!(place.reason(&token).await, "allowed");
    assert_eq!(place.fetches(), 2);
}

#[tokio::test]
async fn checks_that_wait_for_keys_do_not_count_as_in_flight() {
    let server = KeyServer::with_keys(old_keys()).await;
    let configuration = format!("{}max_concurrent_checks: 1\n", issuer_at(&server, ""));
    let service = Service::ready(&configuration).await;
    let envoy = service.envoy().await;
    let gate = Arc::new(Semaphore::new(0));
    server.serve(
        "/keys",
        Reply::When(gate.clone(), Answer::of(200, old_keys())),
    );
    let token = Token::of(&server.url(""));
    let waiting = ClientRequest::bearer(&token.clone().kid("new").signed(rsa(1)));
    let known = ClientRequest::bearer(&token.signed(rsa(0)));
    let others = async {
        server.wait_for_requests("/keys", 2).await;
        eventually("there is a place", async || {
            envoy
                .check(known.clone())
                .await
                .is_admission()
                .then_some(())
        })
        .await;
        gate.add_permits(1);
    };
    let (answer, ()) = tokio::join!(envoy.check(waiting), others);
    assert_eq!(answer.reason(), "unknown_key");
}
