//! Every reason, with its whole answer.

use serde_json::json;
use tokio::sync::Semaphore;

use crate::support::check_request::{ClientRequest, HEADER_FORMS};
use crate::support::issuer::{Answer as HttpAnswer, KeyServer, Reply};
use crate::support::keys::{rsa, set};
use crate::support::service::{Service, issuer_at};
use crate::support::token::{Token, now};

use super::expected::{DEMANDS, ISSUER, REASONS, configuration, expected, flawed};

#[tokio::test]
async fn each_flaw_of_a_token_gives_its_own_refusal() {
    let service = Service::ready(&configuration(DEMANDS, "realm: my api\n")).await;
    let envoy = service.envoy().await;
    for reason in REASONS {
        for (thing, token) in flawed(reason) {
            for header_form in HEADER_FORMS {
                let answer = envoy
                    .check(ClientRequest::bearer(&token).message_in(header_form))
                    .await;
                eprintln!("{reason}: {thing}");
                expected(reason).assert(&answer, "my api");
            }
        }
    }
    let good = Token::of(ISSUER).claim("tier", "gold").signed(rsa(0));
    let good = envoy.check(ClientRequest::bearer(&good)).await;
    assert!(good.is_admission(), "{good:?}");
}

#[tokio::test]
async fn tokens_exactly_at_a_time_limit_are_admitted() {
    let service = Service::ready(&configuration("max_lifetime: 2h", "")).await;
    let envoy = service.envoy().await;
    let good = || Token::of(ISSUER);
    let cases = [
        ("exp within the skew", good().claim("exp", now() - 20)),
        ("nbf within the skew", good().claim("nbf", now() + 20)),
        ("iat within the skew", good().claim("iat", now() + 20)),
        ("nbf null", good().claim("nbf", json!(null))),
        ("nbf absent", good().without("nbf")),
        ("exp a fraction", good().claim("exp", now() as f64 + 0.5)),
        ("the longest lifetime", {
            let start = now() - 60;
            good().claim("iat", start).claim("exp", start + 7200)
        }),
        (
            "aud among others",
            good().claim("aud", json!(["x", "api.test"])),
        ),
        ("typ absent", good().without_header("typ")),
        (
            "typ in another form",
            good().header("typ", "application/AT+jwt"),
        ),
    ];
    for (thing, token) in cases {
        let answer = envoy
            .check(ClientRequest::bearer(&token.signed(rsa(0))))
            .await;
        assert!(answer.is_admission(), "{thing}: {answer:?}");
    }
}

#[tokio::test]
async fn requests_without_exactly_one_token_are_refused() {
    let service = Service::ready(&configuration("", "")).await;
    let envoy = service.envoy().await;
    let of = |value: &str| ClientRequest::plain().header("authorization", value);
    for request in [
        ClientRequest::plain(),
        of(""),
        of("Basic dTpw"),
        of("Bearer"),
        of("Bearer  "),
    ] {
        for header_form in HEADER_FORMS {
            expected("missing_token")
                .assert(&envoy.check(request.message_in(header_form)).await, "api");
        }
    }
    let token = Token::of(ISSUER).signed(rsa(0));
    let twice = ClientRequest::bearer(&token).header("authorization", format!("Bearer {token}"));
    for header_form in HEADER_FORMS {
        expected("invalid_request")
            .assert(&envoy.check(twice.message_in(header_form)).await, "api");
    }
}

#[tokio::test]
async fn refusals_can_hide_their_details() {
    let more = "error_details: false\n";
    let service = Service::ready(&configuration(DEMANDS, more)).await;
    let envoy = service.envoy().await;
    for reason in REASONS {
        let (_, token) = flawed(reason).swap_remove(0);
        let answer = envoy.check(ClientRequest::bearer(&token)).await;
        expected(reason).without_details().assert(&answer, "api");
    }
    let several = ClientRequest::plain().header("authorization", "Bearer a,Bearer b");
    let answer = envoy.check(several).await;
    expected("invalid_request")
        .without_details()
        .assert(&answer, "api");
}

#[tokio::test]
async fn an_issuer_without_keys_causes_503_with_retry_after() {
    let server = KeyServer::with_keys(HttpAnswer::of(500, "no")).await;
    let service = Service::start(&issuer_at(&server, ""));
    server.wait_for_requests("/keys", 1).await;
    let envoy = service.envoy().await;
    let token = Token::of(&server.url(""));
    let answer = envoy
        .check(ClientRequest::bearer(&token.signed(rsa(0))))
        .await;
    expected("keys_unavailable").assert(&answer, "api");
    // An expired token with an unknown key gets `expired` (CONTRACT 4.1.4).
    let old = token.claim("exp", now() - 100).signed(rsa(0));
    expected("expired").assert(&envoy.check(ClientRequest::bearer(&old)).await, "api");
}

#[tokio::test]
async fn a_key_that_can_be_new_causes_503_with_retry_after() {
    let server = KeyServer::with_keys(set([rsa(0).jwk("k")])).await;
    let service = Service::ready(&issuer_at(&server, "")).await;
    let gate = std::sync::Arc::new(Semaphore::new(0));
    let keys = HttpAnswer::of(200, set([rsa(0).jwk("k")]));
    server.serve("/keys", Reply::When(gate.clone(), keys));
    let envoy = service.envoy().await;
    let request = ClientRequest::bearer(&Token::of(&server.url("")).kid("new").signed(rsa(1)));
    let patience = std::time::Duration::from_secs(2);
    let answer = envoy.check_within(request, patience).await;
    expected("key_pending").assert(&answer, "api");
    assert!(
        (1..=10).contains(&answer.retry_after().unwrap()),
        "{answer:?}"
    );
    assert_eq!(server.count("/keys"), 2);
    gate.add_permits(9);
}

#[tokio::test]
async fn grpc_clients_get_an_explicit_grpc_status() {
    let service = Service::ready(&configuration("", "")).await;
    let envoy = service.envoy().await;
    let cases = [
        ("application/grpc", Some("3")),
        ("application/grpc+proto", Some("3")),
        ("application/grpc;charset=x", Some("3")),
        ("application/grpc-web", None),
        ("application/grpcx", None),
        ("application/json", None),
    ];
    for (content_type, status) in cases {
        for header_form in HEADER_FORMS {
            let several = ClientRequest::plain()
                .header("content-type", content_type)
                .header("authorization", "Bearer a,Bearer b");
            let answer = envoy.check(several.message_in(header_form)).await;
            assert_eq!(
                (answer.http, answer.header("grpc-status")),
                (400, status),
                "{content_type}"
            );
            let none = ClientRequest::plain().header("content-type", content_type);
            let answer = envoy.check(none.message_in(header_form)).await;
            assert_eq!(
                (answer.http, answer.header("grpc-status")),
                (401, None),
                "{content_type}"
            );
        }
    }
}
