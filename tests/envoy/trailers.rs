//! Request trailers come after the check, so accredit cannot see them: Envoy removes them.

use super::support::config::{ACME, KID, acme};
use super::support::scene::Scene;
use accredit_test_support::http2_client::{Http2, request, with_trailers};
use accredit_test_support::keys::rsa;
use accredit_test_support::service::Service;
use accredit_test_support::token::Token;

const CLUSTER: &str = "    - name: api\n      type: STATIC\n";

/// The API speaks HTTP/2: to an HTTP/1.1 upstream, Envoy sends no trailers anyway.
const HTTP2_CLUSTER: &str = r#"    - name: api
      type: STATIC
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: { http2_protocol_options: {} }
"#;

const REMOVED: &str = r#"{ safe_regex: { regex: ".*" } }"#;

const NAMES: [&str; 2] = ["x-jwt-sub", "x-other"];

async fn trailers_through(file: &'static str, removed: &str) -> Vec<String> {
    let accredit = Service::ready(&acme(&[])).await;
    let scene = Scene::start_with(accredit, |bootstrap| {
        bootstrap
            .of(file)
            .change(CLUSTER, HTTP2_CLUSTER)
            .change(REMOVED, removed)
    })
    .await;
    let client = Http2::connect(scene.envoy.address()).await;
    let good = Token::of_client(ACME, KID).signed(rsa(0));
    let head = request("POST", "/", Some(&good));
    let body = with_trailers("hello", &NAMES);
    let (answer, _) = client.send(head.body(body).unwrap()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let seen = scene.upstream.last_request().unwrap();
    assert_eq!(seen.body, b"hello");
    seen.trailers
}

#[tokio::test]
async fn no_request_trailer_reaches_an_http_2_upstream() {
    for file in [
        "envoy.yaml",
        "envoy-cors.yaml",
        "envoy-metadata.yaml",
        "envoy-route-context.yaml",
        "envoy-tracing.yaml",
    ] {
        let trailers = trailers_through(file, REMOVED).await;
        assert_eq!(trailers, Vec::<String>::new(), "{file}");
    }
}

/// What the shipped filter is for: without it, a trailer named like a claim header arrives.
#[tokio::test]
async fn without_the_shipped_filter_request_trailers_reach_the_upstream() {
    let trailers = trailers_through("envoy.yaml", r#"{ exact: "x-nothing" }"#).await;
    assert!(trailers.contains(&"x-jwt-sub".to_owned()), "{trailers:?}");
}
