//! `unavailable: defer`: which decisions are left to Envoy's `failure_mode_allow`.

use std::time::Duration;

use crate::support::check_request::ClientRequest;
use crate::support::eventually::eventually;
use crate::support::issuer::{Answer, KeyServer, Reply};
use crate::support::keys::{rsa, set};
use crate::support::process::{accredit, ended};
use crate::support::service::{Service, issuer_at};
use crate::support::token::{Token, now};

use super::place::{SHORT, old_keys};

const PATIENCE: Duration = Duration::from_secs(10);

fn deferring(server: &KeyServer, lines: &str) -> String {
    format!("unavailable: defer\n{}", issuer_at(server, lines))
}

#[tokio::test]
async fn with_unavailable_defer_an_issuer_without_keys_leaves_the_decision_to_envoy() {
    let server = KeyServer::with_keys(Reply::Hang).await;
    let service = Service::start(&deferring(&server, ""));
    let envoy = service.envoy().await;
    server.wait_for_requests("/keys", 1).await;
    let request = |token: Token| ClientRequest::bearer(&token.signed(rsa(0)));
    let good = || Token::of(&server.url(""));

    // While the first fetch is in flight a token waits for it, as ever.
    let left = envoy.check_or_be_left(request(good()), SHORT).await;
    assert!(left.left_to_envoy, "{left:?}");
    assert_eq!(
        (left.code, left.http, left.reason().as_str()),
        (14, 503, "keys_unavailable")
    );
    assert_eq!(left.text("decision").as_deref(), Some("deny"));
    assert!(left.retry_after().is_some());
    assert_eq!(left.header("cache-control"), Some("no-store"));

    // Whatever can be said without a key is said.
    for (token, reason) in [
        (good().claim("exp", now() - 100), "expired"),
        (good().claim("aud", "other"), "invalid_audience"),
        (good().without("sub"), "missing_claim"),
        (good().claim("iss", "https://other.test"), "unknown_issuer"),
        (good().alg("none"), "unsupported_algorithm"),
    ] {
        let answer = envoy.check_or_be_left(request(token), SHORT).await;
        assert_eq!(answer.reason(), reason);
        assert!(!answer.left_to_envoy, "{answer:?}");
    }
    let none = envoy.check_or_be_left(ClientRequest::plain(), SHORT).await;
    assert_eq!(none.reason(), "missing_token");
    assert!(!none.left_to_envoy);
}

/// CONTRACT 4.8.1: an issuer that published an empty key set has withdrawn its keys, which is no outage.
#[tokio::test]
async fn a_token_of_an_issuer_with_an_empty_key_set_is_not_left_to_envoy() {
    let server = KeyServer::with_keys(set([])).await;
    let service = Service::start(&deferring(&server, ""));
    let envoy = service.envoy().await;
    server.wait_for_requests("/keys", 1).await;
    let request = || ClientRequest::bearer(&Token::of(&server.url("")).signed(rsa(0)));
    let refused = async || {
        let answer = envoy.check_or_be_left(request(), PATIENCE).await;
        assert_eq!(
            (answer.http, answer.reason().as_str()),
            (503, "keys_unavailable")
        );
        assert!(!answer.left_to_envoy, "{answer:?}");
    };
    refused().await;
    // Keys that were withdrawn later are withdrawn too.
    server.serve("/keys", old_keys());
    service.refresh_keys().await;
    assert!(envoy.check(request()).await.is_admission());
    server.serve("/keys", set([]));
    service.refresh_keys().await;
    refused().await;
    // A fetch that fails afterwards does not make it an outage: the latest set that the issuer published is empty.
    server.serve("/keys", Answer::of(500, "no"));
    service.refresh_keys().await;
    refused().await;
}

/// CONTRACT 4.8.1a: a rule that does not accept the issuer refuses its token whether or not there are keys.
#[tokio::test]
async fn a_token_whose_issuer_the_rule_does_not_accept_is_not_left_to_envoy() {
    let (hung, other) = (
        KeyServer::with_keys(Reply::Hang).await,
        KeyServer::with_keys(old_keys()).await,
    );
    let entry = issuer_at(&other, "").replace("issuers:\n", "");
    let rules = format!(
        "rules:\n  - {{ name: other, match: {{ paths: [/other] }}, issuers: ['{}'] }}\n  \
         - {{ name: optional, match: {{ paths: [/optional] }}, access: optional, issuers: ['{0}'] }}\n  \
         - {{ name: both, issuers: ['{0}', '{}'] }}\n",
        other.url(""),
        hung.url(""),
    );
    let service = Service::start(&format!("{}{entry}{rules}", deferring(&hung, "")));
    let envoy = service.envoy().await;
    hung.wait_for_requests("/keys", 1).await;
    let token = Token::of(&hung.url("")).signed(rsa(0));
    for (path, left) in [("/other", false), ("/optional", false), ("/both", true)] {
        let request = ClientRequest::bearer(&token).path(path);
        let answer = envoy.check_or_be_left(request, SHORT).await;
        assert_eq!(
            (answer.left_to_envoy, answer.is_admission()),
            (left, false),
            "{path}: {answer:?}"
        );
    }
}

/// CONTRACT 4.8.1a: a rule can name the issuer of one tenant.
#[tokio::test]
async fn a_token_of_a_tenant_that_the_rule_names_is_left_to_envoy() {
    let hung = KeyServer::with_keys(Reply::Hang).await;
    let template = "https://login.test/{tid}/v2.0";
    let of = |tenant: &str| template.replace("{tid}", tenant);
    let configuration = format!(
        "unavailable: defer\nissuers:\n  - issuer: '{template}'\n    tenants: [t-1, t-2]\n    audiences: [api.test]\n    \
         jwks: {{ uri: '{}' }}\nrules:\n  - {{ name: one, match: {{ paths: [/one] }}, issuers: ['{}'] }}\n  \
         - {{ name: each, issuers: ['{template}'] }}\n",
        hung.url("/keys"),
        of("t-1"),
    );
    let service = Service::start(&configuration);
    let envoy = service.envoy().await;
    hung.wait_for_requests("/keys", 1).await;
    for (path, tenant, left) in [
        ("/one", "t-1", true),
        ("/one", "t-2", false),
        ("/each", "t-1", true),
    ] {
        let token = Token::of(&of(tenant)).claim("tid", tenant);
        let request = ClientRequest::bearer(&token.signed(rsa(0))).path(path);
        let answer = envoy.check_or_be_left(request, SHORT).await;
        assert_eq!(answer.reason(), "keys_unavailable");
        assert_eq!(answer.left_to_envoy, left, "{path} {tenant}: {answer:?}");
    }
}

/// The operator must not read that the client got a 503: Envoy may have admitted the request.
#[tokio::test]
async fn commands_say_that_envoy_decides() {
    let server = KeyServer::with_keys(Reply::Hang).await;
    let service = Service::start(&deferring(&server, ""));
    let admin = service.admin.to_string();
    let envoy = service.envoy().await;
    server.wait_for_requests("/keys", 1).await;
    let token = Token::of(&server.url("")).signed(rsa(0));
    let request = ClientRequest::bearer(&token).header("x-request-id", "r-1");
    assert!(envoy.check_or_be_left(request, SHORT).await.left_to_envoy);
    let line = "Envoy's failure_mode_allow decides about this request (unavailable: defer).";
    let found = ended(&mut accredit(&[
        "tail",
        "--admin",
        &admin,
        "--request",
        "r-1",
    ]))
    .await;
    assert!(found.stdout.contains(line), "{}", found.stdout);
    let other = ClientRequest::bearer("garbage").header("x-request-id", "r-2");
    envoy.check_or_be_left(other, SHORT).await;
    let found = ended(&mut accredit(&[
        "tail",
        "--admin",
        &admin,
        "--request",
        "r-2",
    ]))
    .await;
    assert!(!found.stdout.contains(line), "{}", found.stdout);
    assert!(found.stdout.contains("status 401"), "{}", found.stdout);
}

#[tokio::test]
async fn with_unavailable_defer_held_keys_leave_no_decision_to_envoy() {
    let server = KeyServer::with_keys(old_keys()).await;
    let service = Service::ready(&deferring(&server, "")).await;
    let envoy = service.envoy().await;
    let request =
        |kid: &str| ClientRequest::bearer(&Token::of(&server.url("")).kid(kid).signed(rsa(1)));
    let reason = async |kid: &str, patience| {
        let answer = envoy.check_or_be_left(request(kid), patience).await;
        assert!(!answer.left_to_envoy, "{answer:?}");
        answer.reason()
    };
    assert_eq!(reason("k", PATIENCE).await, "invalid_signature");
    // The second verification of the token before has a fetch limit of its own (CONTRACT 5.4.2).
    assert_eq!(reason("zeroth", PATIENCE).await, "unknown_key");
    assert_eq!(reason("first", PATIENCE).await, "key_pending");
    server.serve("/keys", Answer::of(500, "no"));
    service.refresh_keys().await;
    assert_eq!(reason("second", PATIENCE).await, "keys_unavailable");
    server.serve("/keys", Reply::Hang);
    let mut admin = service.admin().await;
    let refreshing = admin.refresh_keys(accredit::admin::pb::RefreshKeysRequest::default());
    let asking = async {
        server.wait_for_requests("/keys", 5).await;
        reason("third", SHORT).await
    };
    tokio::select! {
        _ = refreshing => panic!("it hangs"),
        reason = asking => assert_eq!(reason, "key_pending"),
    }
}

#[tokio::test]
async fn with_unavailable_defer_keys_past_max_stale_leave_decisions_to_envoy() {
    let server = KeyServer::with_keys(old_keys()).await;
    let short = "refresh: 1s, max_stale: 2s";
    let configuration = deferring(&server, "").replace("/keys' }", &format!("/keys', {short} }}"));
    let service = Service::ready(&configuration).await;
    let envoy = service.envoy().await;
    let request = ClientRequest::bearer(&Token::of(&server.url("")).signed(rsa(0)));
    let left = async || {
        let answer = envoy.check_or_be_left(request.clone(), PATIENCE).await;
        (answer.left_to_envoy, answer.is_admission())
    };
    assert_eq!(left().await, (false, true));
    server.serve("/keys", Answer::of(500, "no"));
    eventually("the keys are too old", async || {
        (left().await == (true, false)).then_some(())
    })
    .await;
    server.serve("/keys", set([rsa(0).jwk("k")]));
    eventually("the keys are back", async || {
        (left().await == (false, true)).then_some(())
    })
    .await;
}
