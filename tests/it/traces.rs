//! Exported spans, and checks while the receiver does not accept spans.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::process::Command;

use super::support::check_request::ClientRequest;
use super::support::connection::Envoy;
use super::support::eventually::eventually;
use super::support::http_get::get;
use super::support::issuer::{Answer, KeyServer, Reply};
use super::support::keys::{rsa, set};
use super::support::otlp::{Receiver, attribute, hex};
use super::support::process::{Running, serve_issuer};
use super::support::token::Token;

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
async fn spans_are_exported_over_http_with_headers_and_compression() {
    let (keys, receiver) = (key_server().await, Receiver::start().await);
    let mut command = traced(&keys, &format!("http://{}", receiver.address));
    command
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        .env("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=acme")
        .env("OTEL_SERVICE_NAME", "edge");
    let running = serving(&mut command).await;
    running
        .check(ClientRequest::plain().header("x-request-id", "1"))
        .await;
    receiver.span(CHECK, with_id("1")).await;
    let (with, resource) = receiver.received.first();
    assert!(with.contains("x-tenant") && with.contains("gzip"), "{with}");
    assert_eq!(
        attribute(&resource, "service.name").as_deref(),
        Some("edge")
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

#[tokio::test]
async fn a_trace_receiver_that_hangs_or_is_down_loses_only_spans() {
    let keys = key_server().await;
    let hangs = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        listener.local_addr().expect("is bound")
    };
    for address in [hangs.local_addr().expect("is bound"), gone] {
        let mut command = traced(&keys, &format!("http://{address}"));
        command
            .env("OTEL_BSP_MAX_QUEUE_SIZE", "8")
            .env("OTEL_BSP_EXPORT_TIMEOUT", "100");
        let mut running = serving(&mut command).await;
        let envoy = Envoy::at(running.checks).await;
        for _ in 0..100 {
            let answer = envoy
                .check_within(ClientRequest::plain(), Duration::from_secs(1))
                .await;
            assert_eq!(answer.reason(), "missing_token");
        }
        let admin = running.admin;
        eventually("lost spans are counted", async || {
            let (_, text) = get(admin, "localhost", "/metrics").await;
            let dropped = text
                .lines()
                .find_map(|line| line.strip_prefix("accredit_spans_dropped_total "))?;
            // One of the key fetch, and one of each check.
            (dropped.parse::<u64>().ok()? >= 90).then_some(())
        })
        .await;
        running.signal("TERM").await;
        assert_eq!(running.exit_code().await, Some(0));
    }
}

#[tokio::test]
async fn the_last_spans_are_exported_before_the_exit() {
    let (keys, receiver) = (key_server().await, Receiver::start().await);
    let mut command = traced(&keys, &format!("http://{}", receiver.address));
    command.env("OTEL_BSP_SCHEDULE_DELAY", "600000");
    let mut running = serving(&mut command).await;
    running
        .check(ClientRequest::plain().header("x-request-id", "last"))
        .await;
    running.signal("TERM").await;
    assert_eq!(running.exit_code().await, Some(0));
    receiver.span(CHECK, with_id("last")).await;
}

#[tokio::test]
async fn an_invalid_otel_variable_is_ignored_with_a_warning() {
    let (keys, receiver) = (key_server().await, Receiver::start().await);
    let mut command = traced(&keys, &format!("http://{}", receiver.address));
    let wrong = [
        ("OTEL_SDK_DISABLED", "yes"),
        ("OTEL_TRACES_EXPORTER", "console"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "udp"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=acme,marker"),
        ("OTEL_PROPAGATORS", "b3"),
        ("OTEL_TRACES_SAMPLER", "xray"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-1"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "0"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "many"),
        ("OTEL_CONFIG_FILE", "/etc/otel.yaml"),
    ];
    let running = serving(command.envs(wrong)).await;
    let warnings: Vec<Value> = running
        .logged_at_start
        .iter()
        .map(|line| serde_json::from_str(line).expect("is JSON"))
        .filter(|line: &Value| line["message"] == "environment variable is not valid and ignored")
        .collect();
    for (variable, value) in wrong {
        let warning = warnings.iter().find(|line| line["variable"] == variable);
        let warning = warning.unwrap_or_else(|| panic!("{variable}: {warnings:#?}"));
        assert_eq!(warning["level"], "WARN");
        assert!(warning["expected"].is_string(), "{warning}");
        match variable {
            "OTEL_EXPORTER_OTLP_HEADERS" | "OTEL_CONFIG_FILE" => {
                assert_eq!(warning["value"], Value::Null);
            }
            _ => assert_eq!(warning["value"], value),
        }
    }
    assert_eq!(warnings.len(), wrong.len(), "{warnings:#?}");
    assert!(!format!("{warnings:?}").contains("marker"));

    let client_request = ClientRequest::plain().header("x-request-id", "exported");
    running.check(client_request).await;
    receiver.span(CHECK, with_id("exported")).await;
    let (with, _) = receiver.received.first();
    assert!(with.contains("x-tenant"), "{with}");
}

#[tokio::test]
async fn an_otlp_endpoint_that_is_no_url_stops_the_export_and_not_the_service() {
    let keys = key_server().await;
    for endpoint in ["http://user:marker@[", "http://"] {
        let running = serving(&mut traced(&keys, endpoint)).await;
        let logged = running.logged_at_start.join("\n");
        assert!(logged.contains("\"spans are not exported\""), "{logged}");
        assert!(logged.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{logged}");
        assert!(!logged.contains("marker"), "{logged}");
        assert_eq!(
            running.check(ClientRequest::plain()).await.reason(),
            "missing_token"
        );
    }
}
