//! One trace through a real Envoy that traces too: the request, its check, our span.

use accredit::app::run::Telemetry;
use accredit::telemetry::otlp_settings::OtlpSettings;
use accredit::telemetry::traces::Traces;

use super::support::accredit::Accredit;
use super::support::bootstrap::Bootstrap;
use super::support::client::RawRequest;
use super::support::config::{ACME, KID, acme};
use super::support::keys::key;
use super::support::otlp::{Receiver, attribute, hex};
use super::support::scene::Scene;
use super::support::token::Token;

const CHECK: &str = "envoy.service.auth.v3.Authorization/Check";

async fn accredit(receiver: &Receiver) -> Accredit {
    let endpoint = format!("http://{}", receiver.address);
    let settings = OtlpSettings::read(&|name| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(endpoint.clone()),
        "OTEL_BSP_SCHEDULE_DELAY" => Some("20".to_owned()),
        _ => None,
    });
    let settings = settings.unwrap().expect("asks for traces");
    let telemetry = Telemetry {
        traces: Traces::start(settings).unwrap(),
        ..Telemetry::default()
    };
    Accredit::start_telling(telemetry, &acme(&[])).await
}

/// Envoy's own tracing, as docs/observability.md shows it.
fn traced(bootstrap: Bootstrap, receiver: &Receiver) -> Bootstrap {
    let tracing = "stat_prefix: api
                tracing:
                  random_sampling: { value: 100 }
                  provider:
                    name: envoy.tracers.opentelemetry
                    typed_config:
                      \"@type\": type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig
                      service_name: edge
                      grpc_service: { envoy_grpc: { cluster_name: otel }, timeout: 1s }
";
    let cluster = format!(
        "  clusters:
    - name: otel
      type: STATIC
      connect_timeout: 1s
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          \"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: {{ http2_protocol_options: {{}} }}
      load_assignment:
        cluster_name: otel
        endpoints:
          - lb_endpoints:
              - endpoint: {{ address: {{ socket_address: {{ address: {}, port_value: {} }} }} }}
",
        receiver.address.ip(),
        receiver.address.port()
    );
    let runtime = "static_resources:\n  listeners:\n";
    let flush = "layered_runtime:
  layers:
    - name: tests
      static_layer: { tracing.opentelemetry.flush_interval_ms: 50, tracing.opentelemetry.min_flush_spans: 1 }
static_resources:\n  listeners:\n";
    bootstrap
        .change("stat_prefix: api\n", tracing)
        .change("  clusters:\n", &cluster)
        .change(runtime, flush)
}

#[tokio::test]
async fn envoys_request_its_check_and_ours_are_one_trace() {
    let receiver = Receiver::start().await;
    let accredit = accredit(&receiver).await;
    let scene = Scene::start_with(accredit, |bootstrap| traced(bootstrap, &receiver)).await;
    let token = Token::good(ACME, KID).sign(key(0));
    let seen = scene
        .admitted(RawRequest::get("/api/data").bearer(&token))
        .await
        .seen;

    let ours = receiver
        .span(CHECK, |span| {
            attribute(&span.attributes, "accredit.reason").as_deref() == Some("allowed")
        })
        .await;
    let theirs = receiver
        .span(
            "async envoy.service.auth.v3.Authorization.Check egress",
            |span| span.span_id == ours.parent_span_id,
        )
        .await;
    let spans = receiver.received.spans();
    let request = match spans
        .iter()
        .find(|span| span.span_id == theirs.parent_span_id)
    {
        Some(request) => request.clone(),
        None => {
            receiver
                .span("ingress", |span| span.span_id == theirs.parent_span_id)
                .await
        }
    };
    for span in [&theirs, &request] {
        assert_eq!(hex(&span.trace_id), hex(&ours.trace_id));
    }
    assert!(
        request.parent_span_id.is_empty(),
        "the request is the root: {request:?}"
    );
    let id = attribute(&ours.attributes, "http.request.header.x-request-id");
    assert_eq!(
        id,
        seen.header("x-request-id"),
        "the id that the upstream saw"
    );
}

#[tokio::test]
async fn without_envoys_tracing_our_span_joins_the_clients() {
    let receiver = Receiver::start().await;
    let scene = Scene::start(accredit(&receiver).await).await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let request =
        RawRequest::get("/").header("traceparent", format!("00-{trace}-b7ad6b7169203331-00"));
    scene.refused(request, "missing_token").await;
    let ours = receiver.span(CHECK, |_| true).await;
    assert_eq!(hex(&ours.trace_id), trace);
    assert_eq!(hex(&ours.parent_span_id), "b7ad6b7169203331");
}
