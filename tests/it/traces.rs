//! The spans of checks and of key fetches, and their export.

use std::sync::Arc;

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use tokio::process::Command;

use super::support::check_request::ClientRequest;
use super::support::connection::Envoy;
use super::support::issuer::{Answer, KeyServer, Reply};
use super::support::keys::{rsa, set};
use super::support::otlp::{Receiver, attribute, hex};
use super::support::process::{Running, serve_issuer};
use super::support::token::Token;

mod export;

pub(super) const CHECK: &str = "envoy.service.auth.v3.Authorization/Check";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

/// A service by flags whose keys that server has; its spans go to that address.
pub(super) fn traced(keys: &KeyServer, endpoint: &str) -> Command {
    traced_with_keys_at(&keys.url("/keys"), keys, endpoint)
}

fn traced_with_keys_at(uri: &str, keys: &KeyServer, endpoint: &str) -> Command {
    let mut command = serve_issuer(keys, uri);
    command
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .env("OTEL_BSP_SCHEDULE_DELAY", "20");
    command
}

pub(super) async fn key_server() -> KeyServer {
    let keys = KeyServer::start().await;
    keys.serve(
        "/keys",
        Reply::Answer(Answer::of(200, set([rsa(0).jwk("k")]))),
    );
    keys
}

pub(super) async fn serving(command: &mut Command) -> Running {
    let mut running = Running::start(command).await;
    running.wait_for_line("\"ready\"").await;
    running
}

pub(super) fn with_id<'a>(id: &'a str) -> impl Fn(&Span) -> bool + 'a {
    move |span| {
        attribute(&span.attributes, "http.request.header.x-request-id").as_deref() == Some(id)
    }
}

fn parent(flags: &str) -> String {
    format!("00-{TRACE}-{SPAN}-{flags}")
}

#[tokio::test]
async fn a_check_is_a_span_in_the_trace_of_its_caller() {
    let (keys, receiver) = (key_server().await, Receiver::start().await);
    let running = serving(&mut traced(&keys, &format!("http://{}", receiver.address))).await;
    let token = Token::of(&keys.url("")).signed(rsa(0));
    let envoy = Envoy::at(running.checks).await;
    let client_request = |id: &str| {
        ClientRequest::bearer(&token)
            .to("GET", "/a?q=marker")
            .at("api.test:8443")
            .header("x-request-id", id)
    };

    envoy
        .check_in_trace(client_request("unsampled"), &parent("00"))
        .await;
    envoy
        .check_in_trace(
            client_request("own").header(
                "traceparent",
                "00-ffffffffffffffffffffffffffffffff-ffffffffffffffff-00",
            ),
            &parent("01"),
        )
        .await;
    let span = receiver.span(CHECK, with_id("own")).await;
    assert_eq!(
        (hex(&span.trace_id), hex(&span.parent_span_id)),
        (TRACE.to_owned(), SPAN.to_owned())
    );
    assert_eq!(span.kind, SpanKind::Server as i32);
    assert!(span.end_time_unix_nano > span.start_time_unix_nano);
    let issuer = keys.url("");
    for (name, value) in [
        ("accredit.decision", "allow"),
        ("accredit.reason", "allowed"),
        ("accredit.rule", "default"),
        ("accredit.issuer", issuer.as_str()),
        ("accredit.key_id", "k"),
        ("accredit.token_cache", "hit"),
        ("http.request.method", "GET"),
        ("url.path", "/a"),
        ("server.address", "api.test"),
        ("server.port", "8443"),
        ("rpc.system.name", "grpc"),
        ("rpc.method", CHECK),
        ("rpc.status_code", "OK"),
    ] {
        assert_eq!(
            attribute(&span.attributes, name).as_deref(),
            Some(value),
            "{name}"
        );
    }
    assert_eq!(
        attribute(&span.attributes, "accredit.config").map(|config| config.len()),
        Some(12)
    );

    // What the client sends gives the parent; its flag decides nothing.
    let forwarded = ClientRequest::plain()
        .header("x-request-id", "forwarded")
        .header("traceparent", parent("00"));
    envoy.check(forwarded).await;
    let span = receiver.span(CHECK, with_id("forwarded")).await;
    assert_eq!(
        (hex(&span.trace_id), hex(&span.parent_span_id)),
        (TRACE.to_owned(), SPAN.to_owned())
    );
    assert_eq!(
        attribute(&span.attributes, "accredit.reason").as_deref(),
        Some("missing_token")
    );

    let without = ClientRequest::plain()
        .to("PURGE", "/")
        .header("x-request-id", "none")
        .header("traceparent", "00-nonsense");
    envoy.check(without).await;
    let span = receiver.span(CHECK, with_id("none")).await;
    assert!(span.parent_span_id.is_empty());
    for (name, value) in [
        ("http.request.method", Some("_OTHER")),
        ("http.request.method_original", Some("PURGE")),
        ("error.type", None),
    ] {
        let own = attribute(&span.attributes, name);
        assert_eq!(
            own.as_deref(),
            value,
            "{name}: a caller's mistake is no error"
        );
    }
    let ids: Vec<_> = receiver
        .received
        .spans()
        .iter()
        .filter(|span| with_id("unsampled")(span))
        .cloned()
        .collect();
    assert!(
        ids.is_empty(),
        "the caller's own word on sampling holds: {ids:?}"
    );
    let (_, resource) = receiver.received.first();
    assert_eq!(
        attribute(&resource, "service.name").as_deref(),
        Some("accredit")
    );
    assert!(!receiver.received.text().contains("marker"));
}

#[tokio::test]
async fn the_log_line_of_a_refusal_has_the_trace_id() {
    let (keys, receiver) = (key_server().await, Receiver::start().await);
    let mut running = serving(&mut traced(&keys, &format!("http://{}", receiver.address))).await;
    let envoy = Envoy::at(running.checks).await;
    envoy
        .check_in_trace(ClientRequest::plain(), &parent("01"))
        .await;
    assert_eq!(
        running.wait_for_line("request denied").await["trace_id"],
        TRACE
    );
}

#[tokio::test]
async fn the_span_of_a_fetch_is_a_child_of_the_check_that_waits_for_it() {
    let (keys, receiver) = (key_server().await, Receiver::start().await);
    let running = serving(&mut traced(&keys, &format!("http://{}", receiver.address))).await;
    let at_start = receiver
        .span("jwks.fetch", |span| span.parent_span_id.is_empty())
        .await;
    assert_eq!(
        attribute(&at_start.attributes, "accredit.jwks.result").as_deref(),
        Some("success")
    );
    assert_eq!(at_start.kind, SpanKind::Client as i32);

    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let both = set([rsa(0).jwk("k"), rsa(1).jwk("new")]);
    keys.serve("/keys", Reply::When(gate.clone(), Answer::of(200, both)));
    let token = Token::of(&keys.url("")).kid("new").signed(rsa(1));
    let envoy = Envoy::at(running.checks).await;
    let asked = keys.count("/keys") + 1;
    let parent = parent("01");
    let (answer, ()) = tokio::join!(
        envoy.check_in_trace(
            ClientRequest::bearer(&token).header("x-request-id", "waits"),
            &parent
        ),
        async {
            keys.wait_for_requests("/keys", asked).await;
            gate.add_permits(1);
        }
    );
    assert!(answer.is_admission(), "{answer:?}");
    let check = receiver.span(CHECK, with_id("waits")).await;
    let fetch = receiver
        .span("jwks.fetch", |span| span.parent_span_id == check.span_id)
        .await;
    assert_eq!(hex(&fetch.trace_id), TRACE);
}

#[tokio::test]
async fn the_span_of_a_failed_fetch_has_its_error_without_secrets() {
    let (keys, receiver) = (KeyServer::start().await, Receiver::start().await);
    let endpoint = format!("http://{}", receiver.address);
    let uri = format!(
        "http://user:marker@127.0.0.1:{}/nothing?key=marker",
        keys.port()
    );
    let mut command = traced_with_keys_at(&uri, &keys, &endpoint);
    let running = Running::start(&mut command).await;
    let fetch = receiver.span("jwks.fetch", |_| true).await;
    let status = fetch.status.clone().expect("is set");
    assert_eq!(status.code, StatusCode::Error as i32, "{fetch:?}");
    assert_eq!(
        attribute(&fetch.attributes, "accredit.jwks.result").as_deref(),
        Some("failure")
    );
    running
        .check(
            ClientRequest::bearer(&Token::of(&keys.url("")).signed(rsa(0)))
                .header("x-request-id", "u"),
        )
        .await;
    let check = receiver.span(CHECK, with_id("u")).await;
    assert_eq!(
        attribute(&check.attributes, "accredit.reason").as_deref(),
        Some("keys_unavailable")
    );
    assert_eq!(
        attribute(&check.attributes, "error.type").as_deref(),
        Some("keys_unavailable")
    );
    assert_eq!(
        check.status.map(|status| status.code),
        Some(StatusCode::Error as i32)
    );
    assert!(!receiver.received.text().contains("marker"));
}
