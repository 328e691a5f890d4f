//! One trace through a real Envoy that traces too: the request, its check, our span.

use accredit::app::run::Telemetry;
use accredit::telemetry::traces::Traces;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::support::config::{ACME, KID, acme};
use super::support::scene::Scene;
use accredit_test_support::bootstrap::Bootstrap;
use accredit_test_support::client::RawRequest;
use accredit_test_support::keys::rsa;
use accredit_test_support::otlp::{Receiver, attribute, hex};
use accredit_test_support::service::Service;
use accredit_test_support::token::Token;
use accredit_test_support::upstream::Seen;

const CHECK: &str = "envoy.service.auth.v3.Authorization/Check";

/// The trace id that a client sends.
const CLIENTS: &str = "0af7651916cd43dd8448eb211c80319c";

async fn accredit(receiver: &Receiver) -> Service {
    let endpoint = format!("http://{}", receiver.address);
    let traces = Traces::start(&|name| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(endpoint.clone()),
        "OTEL_BSP_SCHEDULE_DELAY" => Some("20".to_owned()),
        _ => None,
    });
    let telemetry = Telemetry {
        traces,
        ..Telemetry::default()
    };
    Service::ready_with(telemetry, &acme(&[])).await
}

/// envoy-tracing.yaml with this receiver, without the seconds for which Envoy keeps spans back, and with patience for a busy
/// machine.
fn traced(bootstrap: Bootstrap, receiver: &Receiver) -> Bootstrap {
    let at = |port: u16| format!("socket_address: {{ address: 127.0.0.1, port_value: {port} }}");
    let resources = "static_resources:\n  listeners:\n";
    let flush = "layered_runtime:
  layers:
    - name: tests
      static_layer: { tracing.opentelemetry.flush_interval_ms: 50, tracing.opentelemetry.min_flush_spans: 1 }
";
    bootstrap
        .of("envoy-tracing.yaml")
        .change(&at(4317), &at(receiver.address.port()))
        .change(resources, &format!("{flush}{resources}"))
        .change(
            "cluster_name: otel }, timeout: 0.5s",
            "cluster_name: otel }, timeout: 20s",
        )
}

/// What the upstream saw of one good request with these headers; and the scene, since an Envoy that is gone sends no
/// spans any more.
async fn one_request(
    receiver: &Receiver,
    change: impl FnOnce(Bootstrap) -> Bootstrap,
    headers: &[(&str, &str)],
) -> (Scene, Seen) {
    let accredit = accredit(receiver).await;
    let scene = Scene::start_with(accredit, |shipped| change(traced(shipped, receiver))).await;
    let token = Token::of_client(ACME, KID).signed(rsa(0));
    let mut request = RawRequest::get("/api/data?access_token=secret").bearer(&token);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let seen = scene.admitted(request).await.seen;
    (scene, seen)
}

/// The one trace of that request: Envoy's span of it, and our span of its check, which is a child of a child of it.
async fn one_trace(receiver: &Receiver) -> (Span, Span) {
    let allowed =
        |span: &Span| attribute(&span.attributes, "accredit.reason").as_deref() == Some("allowed");
    let ours = receiver.span(CHECK, allowed).await;
    let asked = "async envoy.service.auth.v3.Authorization.Check egress";
    let is_parent = |span: &Span| span.span_id == ours.parent_span_id;
    let theirs = receiver.span(asked, is_parent).await;
    let is_parent = |span: &Span| span.span_id == theirs.parent_span_id;
    let request = receiver.span("ingress", is_parent).await;
    for span in [&theirs, &request] {
        assert_eq!(hex(&span.trace_id), hex(&ours.trace_id));
    }
    (request, ours)
}

#[tokio::test]
async fn spans_of_envoy_and_accredit_form_one_trace() {
    let receiver = Receiver::start().await;
    let (_scene, seen) = one_request(&receiver, |shipped| shipped, &[]).await;
    let (request, ours) = one_trace(&receiver).await;
    assert!(
        request.parent_span_id.is_empty(),
        "the request is the root: {request:?}"
    );
    let is_child = |span: &Span| span.parent_span_id == request.span_id;
    let api = receiver.span("router api egress", is_child).await;
    let result = seen.header("traceparent").unwrap();
    assert!(result.contains(&hex(&api.span_id)), "{result}");
    let id = attribute(&ours.attributes, "http.request.header.x-request-id");
    assert_eq!(
        id,
        seen.header("x-request-id"),
        "the id that the upstream saw"
    );
    let url = attribute(&request.attributes, "http.url");
    assert_eq!(url.as_deref(), Some("http://api.acme.example/api/data"));
    let result = receiver.received.text();
    assert!(!result.contains("secret"), "a query in a span: {result}");
}

#[tokio::test]
async fn without_the_custom_tag_envoys_span_contains_the_query() {
    let receiver = Receiver::start().await;
    let without = |shipped: Bootstrap| shipped.change("- { tag: http.url,", "- { tag: x,");
    let _scene = one_request(&receiver, without, &[]).await;
    let (request, _) = one_trace(&receiver).await;
    let url = attribute(&request.attributes, "http.url").unwrap();
    assert!(url.ends_with("?access_token=secret"), "{url}");
}

#[tokio::test]
async fn a_client_can_neither_choose_nor_suppress_the_trace() {
    let context = |flags| format!("00-{CLIENTS}-b7ad6b7169203331-{flags}");
    let (sampled, unsampled) = (context("01"), context("00"));
    let asked = [("traceparent", unsampled.as_str()), ("tracestate", "a=1")];
    let receiver = Receiver::start().await;
    let (_scene, seen) = one_request(&receiver, |shipped| shipped, &asked).await;
    let (request, _) = one_trace(&receiver).await;
    assert!(request.parent_span_id.is_empty(), "{request:?}");
    let result = seen.header("traceparent").unwrap();
    assert!(result.contains(&hex(&request.trace_id)), "{result}");
    assert!(!result.contains(CLIENTS), "{result}");
    assert_eq!(seen.header("tracestate").unwrap_or_default(), "");

    let without =
        |shipped: Bootstrap| shipped.change("- remove: traceparent", "- remove: x-nothing");
    let (_scene, seen) = one_request(&receiver, without, &asked).await;
    let result = seen.header("traceparent").unwrap();
    assert!(
        result.contains(CLIENTS) && result.ends_with("-00"),
        "{result}"
    );
    let receiver = Receiver::start().await;
    let _scene = one_request(&receiver, without, &[("traceparent", &sampled)]).await;
    assert_eq!(hex(&one_trace(&receiver).await.0.trace_id), CLIENTS);
}

#[tokio::test]
async fn a_client_cannot_force_sampling() {
    let none = |shipped: Bootstrap| {
        let (all, none) = (
            "random_sampling: { value: 100 }",
            "random_sampling: { value: 0 }",
        );
        shipped.change(all, none)
    };
    let asked = [("x-client-trace-id", "1")];
    let receiver = Receiver::start().await;
    let (_scene, seen) = one_request(&receiver, none, &asked).await;
    assert!(seen.header("traceparent").unwrap().ends_with("-00"));
    let without = |shipped: Bootstrap| {
        let (no, yes) = (
            "client_sampling: { value: 0 }",
            "client_sampling: { value: 100 }",
        );
        none(shipped).change(no, yes)
    };
    let _scene = one_request(&receiver, without, &asked).await;
    one_trace(&receiver).await;
}

#[tokio::test]
async fn without_tracing_in_envoy_accredits_span_joins_the_clients_trace() {
    let receiver = Receiver::start().await;
    let scene = Scene::start(accredit(&receiver).await).await;
    let request =
        RawRequest::get("/").header("traceparent", format!("00-{CLIENTS}-b7ad6b7169203331-00"));
    scene.refused(request, "missing_token").await;
    let ours = receiver.span(CHECK, |_| true).await;
    assert_eq!(hex(&ours.trace_id), CLIENTS);
    assert_eq!(hex(&ours.parent_span_id), "b7ad6b7169203331");
}
