//! `unavailable: defer`: Envoy's `failure_mode_allow` decides on a token whose issuer has no keys, and on nothing else.

use serde_json::json;

use super::support::answers;
use super::support::config::{ACME, KID, issuer};
use super::support::scene::Scene;
use accredit_test_support::client::RawRequest;
use accredit_test_support::issuer::{Answer as KeyAnswer, KeyServer};
use accredit_test_support::keys::{rsa, set};
use accredit_test_support::service::Service;
use accredit_test_support::token::Token;

const DEAD: &str = "https://dead.example";

/// An issuer with keys, and one that never gives any.
async fn deferring() -> (Service, [KeyServer; 2]) {
    let alive = KeyServer::with_keys(set([rsa(0).jwk(KID)])).await;
    let dead = KeyServer::with_keys(KeyAnswer::of(500, "")).await;
    let uri = |server: &KeyServer| format!("uri: '{}'", server.url("/keys"));
    let yaml = format!(
        "unavailable: defer\nissuers:\n{}{}",
        issuer(ACME, &uri(&alive), &[]),
        issuer(DEAD, &uri(&dead), &["required: false"]),
    );
    (Service::ready(&yaml).await, [alive, dead])
}

fn of(issuer: &str, kid: &str) -> RawRequest {
    RawRequest::get("/").bearer(&Token::of_client(issuer, kid).signed(rsa(0)))
}

/// Other requests are denied, whatever `failure_mode_allow` is.
async fn assert_all_else_is_refused(scene: &Scene, alive: &KeyServer) {
    let forged = |issuer: &str| Token::of_client(issuer, KID).signed(rsa(1));
    scene.admitted(of(ACME, KID)).await;
    scene.refused(RawRequest::get("/"), "missing_token").await;
    scene
        .refused(
            RawRequest::get("/").bearer(&forged(ACME)),
            "invalid_signature",
        )
        .await;
    scene
        .refused(of("https://unknown.example", KID), "unknown_issuer")
        .await;
    // Keys are held, and whether there are others cannot be found out: not what this is about.
    alive.serve("/keys", KeyAnswer::of(500, ""));
    let unknown = of(ACME, "snk_1").send(scene.envoy.address()).await;
    let log = scene.next_log().await;
    assert_eq!(unknown.status, 503);
    assert_eq!(log["status_details"], "ext_authz_denied", "{log}");
}

#[tokio::test]
async fn with_unavailable_defer_an_envoy_that_fails_open_admits_without_claim_headers() {
    let (accredit, [alive, _dead]) = deferring().await;
    let scene = Scene::start_with(accredit, |mut bootstrap| {
        bootstrap.failure_mode_allow = true;
        bootstrap
    })
    .await;
    let before = scene.upstream.count();
    let answer = of(DEAD, KID)
        .header("x-jwt-sub", "forged")
        .send(scene.envoy.address())
        .await;
    scene.next_log().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(scene.upstream.count(), before + 1);
    let seen = scene.upstream.last_request().unwrap();
    assert_eq!(
        seen.header("x-jwt-sub"),
        None,
        "the shipped Envoy removes it"
    );
    assert_all_else_is_refused(&scene, &alive).await;
}

#[tokio::test]
async fn with_unavailable_defer_an_envoy_that_fails_closed_sends_accredits_refusal() {
    let (accredit, [alive, _dead]) = deferring().await;
    let scene = Scene::start(accredit).await;
    let before = scene.upstream.count();
    let answer = of(DEAD, KID).send(scene.envoy.address()).await;
    let log = scene.next_log().await;
    assert_eq!(scene.upstream.count(), before, "{log}");
    assert_eq!(
        json!([log["status_details"], log["flags"]]),
        json!(["ext_authz_error", "UAEX"]),
        "{log}"
    );
    answers::judge(&answer, "keys_unavailable");
    assert_all_else_is_refused(&scene, &alive).await;
}
