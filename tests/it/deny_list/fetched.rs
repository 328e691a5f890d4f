//! A deny list that is fetched: conditional requests, failures, and the time before the first list.

use std::sync::Arc;

use accredit::app::reload::Reloaded;
use tokio::sync::Semaphore;

use crate::support::check_request::ClientRequest;
use crate::support::eventually::eventually;
use crate::support::http_get::get;
use crate::support::issuer::{Answer, KeyServer, Reply};
use crate::support::keys::{rsa, set};
use crate::support::service::Service;
use crate::support::token::Token;

use super::place::{ISSUER, configuration, metric, token};

const FAILURES: &str = "accredit_deny_list_loads_total{result=\"failure\"}";

fn revoked(server: &KeyServer) -> String {
    let uri = server.url("/revoked");
    configuration(&format!(
        "revoked: {{ uri: '{uri}', refresh: 200ms, timeout: 2s }}\n"
    ))
}

fn list(sub: &str) -> String {
    format!("{{\"issuer\":\"{ISSUER}\",\"sub\":\"{sub}\"}}\n")
}

async fn reason(service: &Service, token: &str) -> String {
    service.check(ClientRequest::bearer(token)).await.reason()
}

#[tokio::test]
async fn a_fetched_list_is_refreshed_and_requested_conditionally() {
    let server = KeyServer::start().await;
    server.serve(
        "/revoked",
        Answer::of(200, list("sam")).with("etag", "\"1\""),
    );
    let service = Service::ready(&revoked(&server)).await;
    let (sam, kim) = (token("sub", "sam"), token("sub", "kim"));
    assert_eq!(reason(&service, &sam).await, "revoked");
    assert_eq!(reason(&service, &kim).await, "allowed");

    server.serve("/revoked", Answer::of(304, ""));
    server.wait_for_requests("/revoked", 3).await;
    let requests = server.requests("/revoked");
    assert_eq!(requests[0].header("if-none-match"), None);
    assert_eq!(requests[2].header("if-none-match"), Some("\"1\""));
    assert_eq!(reason(&service, &sam).await, "revoked");

    server.serve("/revoked", Answer::of(200, list("kim")));
    eventually("the next list is in force", async || {
        (reason(&service, &kim).await == "revoked").then_some(())
    })
    .await;
    assert_eq!(reason(&service, &sam).await, "allowed");
}

#[tokio::test]
async fn a_failed_fetch_keeps_the_last_good_list() {
    let server = KeyServer::start().await;
    server.serve("/revoked", Answer::of(200, list("sam")));
    let service = Service::ready(&revoked(&server)).await;
    let sam = token("sub", "sam");
    let failures: [Reply; 6] = [
        Answer::of(500, "no").into(),
        Answer::of(200, "").into(),
        Answer::of(200, "<html></html>").into(),
        Answer::of(302, "")
            .with("location", "https://elsewhere.test/")
            .into(),
        Answer::of(200, list("kim"))
            .with("content-encoding", "br")
            .into(),
        Reply::Drop(Answer::of(200, list("kim"))),
    ];
    for (count, reply) in failures.into_iter().enumerate() {
        server.serve("/revoked", reply);
        metric(&service, FAILURES, |failed| failed > count as f64).await;
        assert_eq!(reason(&service, &sam).await, "revoked", "failure {count}");
    }
}

/// Nothing can be said about a token before the first list: it is refused, and readiness waits.
#[tokio::test]
async fn without_a_first_list_every_token_is_refused_with_503() {
    let server = KeyServer::start().await;
    server.serve("/revoked", Answer::of(500, "no"));
    // A rule on trial does not admit either: the rule did not cause this denial.
    let trial = "rules: [{ name: trial, shadow: { until: 2999-12-31 } }]\n";
    let service = Service::start(&format!("{}{trial}", revoked(&server)));
    let kim = token("sub", "kim");
    server.wait_for_requests("/revoked", 2).await;
    let answer = service.check(ClientRequest::bearer(&kim)).await;
    assert_eq!(
        (answer.reason().as_str(), answer.http),
        ("internal_error", 503)
    );
    let (status, _) = get(service.admin, "localhost", "/readyz").await;
    assert_eq!(status, 503);

    server.serve("/revoked", Answer::of(200, list("sam")));
    eventually("the service is ready", async || {
        let (status, _) = get(service.admin, "localhost", "/readyz").await;
        (status == 200).then_some(())
    })
    .await;
    assert_eq!(reason(&service, &kim).await, "allowed");
}

#[tokio::test]
async fn a_reload_to_a_list_that_cannot_be_fetched_is_rejected() {
    let server = KeyServer::start().await;
    server.serve("/revoked", Answer::of(404, "no"));
    let service = Service::ready(&configuration("")).await;
    service.reload_rejected(&revoked(&server)).await;
    assert_eq!(reason(&service, &token("sub", "sam")).await, "allowed");
}

/// A configuration whose deny list has to be loaded again must not take effect after a newer configuration.
#[tokio::test]
async fn a_configuration_that_loads_its_list_again_does_not_replace_a_newer_one() {
    let server = KeyServer::start().await;
    let keys = Answer::of(200, set([rsa(0).jwk("k")]));
    let gate = |path: &str, answer: Answer| {
        let gate = Arc::new(Semaphore::new(0));
        server.serve(path, Reply::When(gate.clone(), answer));
        gate
    };
    let with = |name: &str, list: &str| {
        let issuer = format!(
            "  - issuer: https://{name}.test\n    audiences: [api.test]\n    jwks: {{ uri: '{}', timeout: 60s }}\n",
            server.url(&format!("/{name}"))
        );
        configuration(&format!("{issuer}{list}"))
    };
    let list_at = |path: &str| {
        format!(
            "revoked: {{ uri: '{}', refresh: 1h, timeout: 60s }}\n",
            server.url(path)
        )
    };
    for path in ["/list-1", "/list-2"] {
        server.serve(path, Answer::of(200, list("sam")));
    }
    let service = Service::ready(&configuration(&list_at("/list-1"))).await;
    let list_again = gate("/list-1", Answer::of(200, list("sam")));
    let (first, second, third) = (
        gate("/first", keys.clone()),
        gate("/second", keys.clone()),
        gate("/third", keys),
    );
    let (in_first, in_second, in_third) = (
        with("first", &list_at("/list-2")),
        with("second", &list_at("/list-1")),
        with("third", ""),
    );
    let reason_of = async |name: &str| {
        let token = Token::of(&format!("https://{name}.test")).signed(rsa(0));
        reason(&service, &token).await
    };
    let in_force = async |name: &str| {
        eventually("the configuration is in force", async || {
            (reason_of(name).await == "allowed").then_some(())
        })
        .await;
    };
    let steps = async {
        for path in ["/first", "/second", "/third"] {
            server.wait_for_requests(path, 1).await;
        }
        first.add_permits(1);
        in_force("first").await;
        second.add_permits(1);
        server.wait_for_requests("/list-1", 2).await;
        third.add_permits(1);
        in_force("third").await;
        list_again.add_permits(1);
    };
    let (of_first, of_second, of_third, ()) = tokio::join!(
        service.try_reload(&in_first),
        service.try_reload(&in_second),
        service.try_reload(&in_third),
        steps
    );
    assert_eq!(of_first, Reloaded::Applied);
    assert_eq!(of_second, Reloaded::Superseded);
    assert_eq!(of_third, Reloaded::Applied);
    assert_eq!(reason_of("second").await, "unknown_issuer");
}
