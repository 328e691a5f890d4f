//! The export of spans: its settings, the end of the service, and checks while the receiver does not accept spans.

use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;

use super::{CHECK, key_server, serving, traced, with_id};
use crate::support::check_request::ClientRequest;
use crate::support::connection::Envoy;
use crate::support::eventually::eventually;
use crate::support::http_get::get;
use crate::support::otlp::{Receiver, attribute};

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
