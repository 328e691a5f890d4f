//! Tokens that the held keys do not verify, where their `kid` cannot tell whether newer ones would.

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use crate::support::check_request::ClientRequest;
use crate::support::issuer::{Answer, KeyServer, Reply};
use crate::support::keys::{p256, rsa, set};
use crate::support::service::{Service, issuer_at};
use crate::support::token::{Token, now};

use super::place::{Place, SHORT, old_keys, place};

#[tokio::test]
async fn a_key_that_changed_under_its_kid_replaces_the_old_one() {
    for more in ["", "token_cache: 0\n"] {
        let server = KeyServer::with_keys(old_keys()).await;
        let service = Service::ready(&format!("{}{more}", issuer_at(&server, ""))).await;
        let envoy = service.envoy().await;
        let by = |key| ClientRequest::bearer(&Token::of(&server.url("")).signed(key));
        assert!(envoy.check(by(rsa(0))).await.is_admission());
        server.serve("/keys", set([rsa(1).jwk("k")]));
        assert!(envoy.check(by(rsa(1))).await.is_admission());
        assert_eq!(envoy.check(by(rsa(0))).await.reason(), "invalid_signature");
        assert_eq!(server.count("/keys"), 2);
    }
}

#[tokio::test]
async fn a_key_that_changed_its_type_under_its_kid_is_fetched() {
    let place = place("algorithms: [RS256, ES256]").await;
    place.server.serve("/keys", set([p256(0).jwk("k")]));
    let new = place.token().alg("ES256").signed(p256(0));
    assert_eq!(place.reason(&new).await, "allowed");
    assert_eq!(place.reason(&place.known()).await, "unsupported_algorithm");
}

#[tokio::test]
async fn a_token_without_kid_is_verified_again_after_a_fetch() {
    let place = place("").await;
    place.server.serve("/keys", set([rsa(1).jwk("new")]));
    let token = place.token().without_header("kid").signed(rsa(1));
    assert_eq!(place.reason(&token).await, "allowed");
    assert_eq!(place.fetches(), 2);
}

#[tokio::test]
async fn a_second_verification_never_turns_a_bad_token_into_503() {
    let forged = |place: &Place| place.token().signed(rsa(1));
    let lacking = place("").await;
    for _ in 0..3 {
        assert_eq!(lacking.reason(&forged(&lacking)).await, "invalid_signature");
    }
    assert_eq!(lacking.fetches(), 2);

    let failing = place("").await;
    failing.server.serve("/keys", Answer::of(500, "no"));
    assert_eq!(failing.reason(&forged(&failing)).await, "invalid_signature");

    let hanging = place("").await;
    hanging.server.serve("/keys", Reply::Hang);
    let answer = hanging
        .envoy
        .check_within(ClientRequest::bearer(&forged(&hanging)), SHORT)
        .await;
    assert_eq!(answer.reason(), "invalid_signature");

    let emptied = place("").await;
    emptied.server.serve("/keys", set([]));
    assert_eq!(emptied.reason(&forged(&emptied)).await, "invalid_signature");
    assert_eq!(emptied.fetches(), 2);

    // One that has expired is not worth a fetch.
    let expired = place("").await;
    let token = expired.token().claim("exp", now() - 100).signed(rsa(1));
    assert_eq!(expired.reason(&token).await, "invalid_signature");
    assert_eq!(expired.fetches(), 1);
}

#[tokio::test]
async fn waiting_forged_tokens_take_no_places_from_tokens_with_new_keys() {
    let place = place("").await;
    let gate = place.gate(set([rsa(0).jwk("k"), rsa(2).jwk("new")]));
    let forged: FuturesUnordered<_> = (0..80)
        .map(|number| {
            let token = place.token().claim("jti", number).signed(rsa(1));
            let envoy = place.envoy.clone();
            async move { envoy.check(ClientRequest::bearer(&token)).await.reason() }
        })
        .collect();
    let mut forged = forged;
    for _ in 0..16 {
        assert_eq!(forged.next().await.as_deref(), Some("invalid_signature"));
    }
    let token = place.token().kid("new").signed(rsa(2));
    let new = place.envoy.check(ClientRequest::bearer(&token));
    let release = async {
        // It is among those that wait, or finds the key held: either way there was a place.
        place.server.wait_for_requests("/keys", 2).await;
        gate.add_permits(9);
    };
    let (answer, ()) = tokio::join!(new, release);
    assert!(answer.is_admission(), "{answer:?}");
    while let Some(reason) = forged.next().await {
        assert_eq!(reason, "invalid_signature");
    }
    assert_eq!(place.fetches(), 2);
}

/// CONTRACT 5.4.2: second verifications have a fetch limit of their own, so that a forged token every ten seconds does not
/// delay a new key.
#[tokio::test]
async fn a_forged_token_does_not_use_up_the_fetch_for_a_new_key() {
    let place = place("").await;
    let forged = place.token().signed(rsa(1));
    assert_eq!(place.reason(&forged).await, "invalid_signature");
    assert_eq!(place.fetches(), 2);
    place
        .server
        .serve("/keys", set([rsa(0).jwk("k"), rsa(2).jwk("new")]));
    let new = place.token().kid("new").signed(rsa(2));
    assert_eq!(place.reason(&new).await, "allowed");
    assert_eq!(place.fetches(), 3);
}
