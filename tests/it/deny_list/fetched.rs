//! A deny list that is fetched: conditional requests, failures, and the time before the first list.

use crate::support::check_request::ClientRequest;
use crate::support::eventually::eventually;
use crate::support::http_get::get;
use crate::support::issuer::{Answer, KeyServer, Reply};
use crate::support::service::Service;

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
