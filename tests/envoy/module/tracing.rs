//! Spans of the module: as the environment of Envoy asks for.

use accredit_test_support::client::RawRequest;
use accredit_test_support::envoy::{EnvoyProcess, VERSIONS};
use accredit_test_support::http_get::get;
use accredit_test_support::issuer::KeyServer;
use accredit_test_support::keys::{rsa, set};
use accredit_test_support::module::ModuleBootstrap;
use accredit_test_support::otlp::{Receiver, attribute, hex};
use accredit_test_support::token::Token;
use accredit_test_support::upstream::EchoUpstream;
use opentelemetry_proto::tonic::trace::v1::Span;

const CHECK: &str = "envoy.service.auth.v3.Authorization/Check";

/// The trace that a client says its request belongs to.
const CLIENTS_TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CLIENTS_SPAN: &str = "b7ad6b7169203331";

fn has_reason(reason: &str) -> impl Fn(&Span) -> bool {
    move |span| attribute(&span.attributes, "accredit.reason").as_deref() == Some(reason)
}

#[tokio::test]
async fn each_check_inside_envoy_has_a_span_if_the_environment_asks_for_it() {
    for version in VERSIONS {
        let receiver = Receiver::start().await;
        let keys = KeyServer::with_keys(set([rsa(0).jwk("k")])).await;
        let (issuer, uri) = (keys.url(""), keys.url("/keys"));
        let config = format!(
            "check_timeout: 20s\nissuers:\n  - issuer: {issuer}\n    audiences: [api.test]\n    jwks: {{ uri: '{uri}' }}\n"
        );
        let upstream = EchoUpstream::start().await;
        let bootstrap = ModuleBootstrap::new(&config, upstream.address()).of_version(version);
        let endpoint = format!("http://{}", receiver.address);
        // The client's trace is not sampled, and must not decide about that.
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_BSP_SCHEDULE_DELAY", "20"),
        ];
        let yaml = bootstrap.render();
        let mut envoy = EnvoyProcess::spawn_in(version, &yaml, bootstrap.listener, &variables);
        envoy.wait_until_it_accepts().await;

        // Its key is new, so that the check waits for a fetch.
        keys.serve("/keys", set([rsa(0).jwk("k"), rsa(1).jwk("new")]));
        let token = Token::of(&issuer).header("kid", "new").signed(rsa(1));
        let request = RawRequest::get("/api/data?access_token=secret")
            .header(
                "traceparent",
                format!("00-{CLIENTS_TRACE}-{CLIENTS_SPAN}-00"),
            )
            .bearer(&token);
        let answer = request.send(envoy.address()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let check = receiver.span(CHECK, has_reason("allowed")).await;
        assert_eq!(hex(&check.trace_id), CLIENTS_TRACE);
        assert_eq!(hex(&check.parent_span_id), CLIENTS_SPAN);
        let value = |name: &str| attribute(&check.attributes, name);
        assert_eq!(value("accredit.decision").as_deref(), Some("allow"));
        assert_eq!(value("accredit.issuer"), Some(issuer.clone()));
        assert_eq!(value("accredit.key_id").as_deref(), Some("new"));
        assert_eq!(value("url.path").as_deref(), Some("/api/data"));
        assert_eq!(value("http.request.method").as_deref(), Some("GET"));
        assert_eq!(value("rpc.system.name"), None, "nothing was called");
        let is_child = |span: &Span| span.parent_span_id == check.span_id;
        let fetch = receiver.span("jwks.fetch", is_child).await;
        assert_eq!(hex(&fetch.trace_id), CLIENTS_TRACE);

        let answer = RawRequest::get("/").send(envoy.address()).await;
        assert_eq!(answer.status, 401);
        let refusal = receiver.span(CHECK, has_reason("missing_token")).await;
        assert!(refusal.parent_span_id.is_empty(), "{refusal:?}");

        let (_, metrics) = get(bootstrap.admin, "localhost", "/accredit/metrics").await;
        assert!(
            metrics.contains("accredit_spans_exported_total "),
            "{metrics}"
        );
        let received = receiver.received.text();
        assert!(!received.contains("secret"), "a query in a span");
        assert!(envoy.terminate().await, "{version}");
    }
}

/// The batch would be sent after a minute.
#[tokio::test]
async fn the_last_spans_are_sent_before_envoy_ends() {
    for version in VERSIONS {
        let receiver = Receiver::start().await;
        let upstream = EchoUpstream::start().await;
        let config = crate::support::config::acme(&[]);
        let bootstrap = ModuleBootstrap::new(&config, upstream.address()).of_version(version);
        let endpoint = format!("http://{}", receiver.address);
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_BSP_SCHEDULE_DELAY", "60000"),
        ];
        let yaml = bootstrap.render();
        let mut envoy = EnvoyProcess::spawn_in(version, &yaml, bootstrap.listener, &variables);
        envoy.wait_until_it_accepts().await;
        let answer = RawRequest::get("/").send(envoy.address()).await;
        assert_eq!(answer.status, 401);
        assert!(envoy.terminate().await, "{version}");
        receiver.span(CHECK, has_reason("missing_token")).await;
    }
}
