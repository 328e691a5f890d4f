//! gRPC clients, who read a status of their own and no HTTP status.

use bytes::Bytes;
use http::{HeaderMap, Request};

use super::support::config::{ACME, KID, acme, issuer};
use super::support::scene::Scene;
use accredit_test_support::client::Answer;
use accredit_test_support::http2_client::{AnyBody, Http2, request, whole};
use accredit_test_support::issuer::{Answer as KeyAnswer, KeyServer};
use accredit_test_support::keys::rsa;
use accredit_test_support::service::Service;
use accredit_test_support::token::Token;

const PATH: &str = "/acme.deployments.v1.Deployments/List";

/// An empty message.
const MESSAGE: &[u8] = &[0; 5];

#[tokio::test]
async fn a_refused_grpc_client_gets_a_grpc_status() {
    let down = KeyServer::with_keys(KeyAnswer::of(500, "")).await;
    let uri = format!("uri: '{}'", down.url("/keys"));
    let yaml = format!(
        "{}{}",
        acme(&[]),
        issuer("https://down.example", &uri, &["required: false"])
    );
    let scene = Scene::start(Service::ready(&yaml).await).await;
    let client = Http2::connect(scene.envoy.address()).await;
    let good = Token::of_client(ACME, KID).signed(rsa(0));
    let orphan = Token::of_client("https://down.example", KID).signed(rsa(0));
    let forged = Token::of_client(ACME, KID).signed(rsa(1));

    for content_type in ["application/grpc", "application/grpc+proto"] {
        let call = |token: Option<&str>| {
            request("POST", PATH, token)
                .header("content-type", content_type)
                .header("te", "trailers")
        };
        let twice = call(Some(&good)).header("authorization", "Bearer x");
        let cases = [
            (call(None), "16", "missing_token"),
            (call(Some(&forged)), "16", "invalid_signature"),
            (twice, "3", "invalid_request"),
            (call(Some(&orphan)), "14", "keys_unavailable"),
        ];
        for (call, status, reason) in cases {
            let call = call.body(whole(Bytes::from_static(MESSAGE))).unwrap();
            refused(&scene, &client, call, status, reason).await;
        }
        let before = scene.upstream.count();
        let call = call(Some(&good)).body(whole(MESSAGE)).unwrap();
        let (answer, _) = client.send(call).await;
        scene.judge_admission(&answer, before).await;
    }
    // Whom Envoy takes for an HTTP client is answered as one.
    for (content_type, status) in [
        ("application/grpc-web-text", None),
        ("application/grpc;charset=utf-8", Some("3")),
    ] {
        let http = || request("POST", PATH, None).header("content-type", content_type);
        let twice = http().header("authorization", "Bearer x,Bearer y");
        for (call, status, reason) in [
            (http(), None, "missing_token"),
            (twice, status, "invalid_request"),
        ] {
            let before = scene.upstream.count();
            let (answer, _) = client.send(call.body(whole(MESSAGE)).unwrap()).await;
            assert_eq!(answer.header("grpc-status"), status);
            scene.judge_refusal(&answer, before, reason).await;
        }
    }
}

async fn refused(
    scene: &Scene,
    client: &Http2,
    call: Request<AnyBody>,
    status: &str,
    reason: &str,
) {
    let before = scene.upstream.count();
    let (answer, trailers): (Answer, HeaderMap) = client.send(call).await;
    let log = scene.next_log().await;
    assert_eq!(
        scene.upstream.count(),
        before,
        "reached the upstream: {log}"
    );
    assert_eq!(log["reason"], reason, "{answer:?}");
    assert_eq!(log["decision"], "deny");
    assert_eq!(answer.status, 200, "{answer:?}");
    // In an answer without a body the status stands among the headers.
    assert_eq!(
        answer.header("grpc-status"),
        Some(status),
        "{answer:?} {trailers:?}"
    );
    let expected = if status == "14" {
        None
    } else {
        Some("Bearer realm=\"api\"")
    };
    let challenge = answer.header("www-authenticate");
    assert_eq!(
        challenge.map(|challenge| &challenge[.."Bearer realm=\"api\"".len()]),
        expected
    );
}
