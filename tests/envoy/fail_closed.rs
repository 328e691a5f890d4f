//! Failures of a check: an Envoy that fails open allows no request, because accredit answers each with a denial.

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::{BodyExt, StreamBody};
use tokio::time::Instant;

use super::support::config::{ACME, KID, acme};
use super::support::panicking::PanickingService;
use super::support::proxy::{Mangle, MangleProxy};
use super::support::scene::Scene;
use accredit_test_support::bootstrap::{Bootstrap, shipped};
use accredit_test_support::client::RawRequest;
use accredit_test_support::eventually::PATIENCE;
use accredit_test_support::http2_client::{AnyBody, Http2, whole};
use accredit_test_support::keys::rsa;
use accredit_test_support::service::Service;
use accredit_test_support::token::Token;

fn failing_open(mut bootstrap: Bootstrap) -> Bootstrap {
    bootstrap.failure_mode_allow = true;
    bootstrap
}

/// A request that nothing is wrong with.
fn good() -> RawRequest {
    RawRequest::get("/").bearer(&Token::of_client(ACME, KID).signed(rsa(0)))
}

#[tokio::test]
async fn a_check_call_that_is_damaged_on_the_way_is_refused() {
    let accredit = Service::ready(&acme(&[])).await;
    let proxy = MangleProxy::start(accredit.checks_tcp()).await;
    let scene = Scene::asking(proxy.target(), failing_open).await;
    scene.admitted(good()).await;

    let mangles: [(Mangle, &str); 9] = [
        (|_, _| framed(0, b"\xff\xff\xff\xff"), "invalid_request"),
        (|_, body| framed(0, &body), "invalid_request"),
        (|_, _| framed(0, b""), "invalid_request"),
        (
            |_, body| enlarged(&body, 4 * 1024 * 1024),
            "invalid_request",
        ),
        (
            |_, _| Bytes::from_static(b"\0\xff\xff\xff\xff"),
            "invalid_request",
        ),
        (compressed, "invalid_request"),
        (|_, body| framed(1, &body[5..]), "invalid_request"),
        (|_, body| body.slice(..body.len() - 1), "internal_error"),
        (|_, _| Bytes::new(), "internal_error"),
    ];
    for (mangle, reason) in mangles {
        proxy.mangle(mangle);
        scene.refused(good(), reason).await;
    }
    proxy.mangle(|headers, body| {
        // The metadata of a call changes nothing.
        for (name, value) in [
            ("grpc-timeout", "soon"),
            ("grpc-encoding", "br"),
            ("content-type", "text/plain"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        body
    });
    scene.admitted(good()).await;

    let panicking = PanickingService::start();
    proxy.aim_at(panicking.address());
    for _ in 0..3 {
        scene.refused(good(), "internal_error").await;
    }
    drop(scene);
}

fn framed(flag: u8, message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[flag], &length[..], message].concat().into()
}

/// The same message with an unknown field of this size, which a decoder would skip.
fn enlarged(body: &[u8], size: u32) -> Bytes {
    let mut message = body[5..].to_vec();
    let key = u64::from(15_u32 << 3 | 2);
    prost::encoding::encode_varint(key, &mut message);
    prost::encoding::encode_varint(u64::from(size), &mut message);
    message.resize(message.len() + usize::try_from(size).unwrap(), 0);
    framed(0, &message)
}

/// The same message in gzip, rightly announced: one stored block, since the service does not look inside.
fn compressed(headers: &mut HeaderMap, body: Bytes) -> Bytes {
    headers.insert("grpc-encoding", "gzip".parse().unwrap());
    let message = &body[5..];
    let length = u16::try_from(message.len()).unwrap();
    let mut gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x01".to_vec();
    gzip.extend(length.to_le_bytes());
    gzip.extend((!length).to_le_bytes());
    gzip.extend(message);
    gzip.extend(crc32(message).to_le_bytes());
    gzip.extend(u32::from(length).to_le_bytes());
    framed(1, &gzip)
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

/// With the body in the check, Envoy itself makes a message that is too large, and is refused before all of it has gone.
#[tokio::test]
async fn a_check_that_a_client_makes_too_large_is_refused() {
    let with_body = |bootstrap| {
        let v3 = "transport_api_version: V3";
        let body = "with_request_body: { max_request_bytes: 8388608, pack_as_bytes: true }";
        failing_open(bootstrap).change(v3, &format!("{v3}\n                      {body}"))
    };
    let accredit = Service::ready(&acme(&[])).await;
    let scene = Scene::start_with(accredit, with_body).await;
    let post = |size: usize| {
        RawRequest::new("POST", "/")
            .bearer(&Token::of_client(ACME, KID).signed(rsa(0)))
            .body(vec![b'x'; size])
    };
    scene.admitted(post(1024)).await;
    scene.admitted(post(3 * 1024 * 1024)).await;
    for _ in 0..3 {
        scene
            .refused(post(5 * 1024 * 1024), "invalid_request")
            .await;
    }
}

/// An Envoy that traces copies the client's trace state into the call's own headers.
#[tokio::test]
async fn a_call_whose_headers_a_client_makes_large_is_decided() {
    let tracing = r#"tracing: { provider: { name: envoy.tracers.opentelemetry, typed_config: {
                  "@type": type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig, service_name: envoy,
                  grpc_service: { envoy_grpc: { cluster_name: accredit } } } } }"#;
    let traced = |bootstrap| {
        let prefix = "stat_prefix: api";
        failing_open(bootstrap).change(prefix, &format!("{prefix}\n                {tracing}"))
    };
    let accredit = Service::ready(&acme(&[])).await;
    let scene = Scene::start_with(accredit, traced).await;
    for size in [1024, 16 * 1024, 50 * 1024] {
        let with_state = |request: RawRequest| {
            request
                .header(
                    "traceparent",
                    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                )
                .header("tracestate", format!("a={}", "x".repeat(size)))
        };
        let forged = RawRequest::get("/").bearer(&Token::of_client(ACME, KID).signed(rsa(1)));
        scene.refused(with_state(forged), "invalid_signature").await;
        scene.admitted(with_state(good())).await;
    }
}

#[tokio::test]
async fn a_check_beyond_the_limit_is_refused() {
    let yaml = format!("max_concurrent_checks: 1\n{}", acme(&[]));
    let accredit = Service::ready(&yaml).await;
    let address = accredit.checks_tcp();
    let scene = Scene::start_with(accredit, failing_open).await;
    scene.admitted(good()).await;
    let token = Token::of_client(ACME, KID).signed(rsa(0));

    let deadline = Instant::now() + PATIENCE;
    loop {
        // It keeps the only place for the second that its message may take.
        let occupant = Http2::connect(address).await;
        let _call = occupy(&occupant).await;
        let before = scene.upstream.count();
        let answer = RawRequest::get("/")
            .bearer(&token)
            .send(scene.envoy.address())
            .await;
        // On a machine that is too busy the place may be free again by now; but nothing else may come of it.
        if answer.status == 503 {
            let retry_after = scene.judge_refusal(&answer, before, "overloaded").await;
            assert_eq!(retry_after, Some(1));
            break;
        }
        scene.judge_admission(&answer, before).await;
        assert!(Instant::now() < deadline, "never overloaded");
    }
}

/// Begins a check without its message, and returns once there is no place for another.
async fn occupy(client: &Http2) -> impl Future {
    let pending: AnyBody = StreamBody::new(futures_util::stream::pending()).boxed_unsync();
    let mut call = Box::pin(client.start(check(pending)));
    loop {
        tokio::select! {
            biased;
            _ = &mut call => panic!("the occupant was answered at once"),
            (answer, _) = client.send(check(whole(vec![0; 5]))) => {
                if String::from_utf8_lossy(&answer.body).contains("overloaded") {
                    break;
                }
            }
        }
    }
    call
}

fn check(body: AnyBody) -> http::Request<AnyBody> {
    http::Request::post("http://accredit/envoy.service.auth.v3.Authorization/Check")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(body)
        .unwrap()
}

/// To Envoy an answer whose messages nest deeper than it reads is a failed check.
#[tokio::test]
async fn a_deeply_nested_claim_causes_no_failed_check() {
    let lines = ["claim_headers: { x-jwt-sub: sub, x-jwt-deep: deep }"];
    let scene = Scene::start_with(Service::ready(&acme(&lines)).await, failing_open).await;
    for (open, close) in [("{\"a\":", "}"), ("[", "]")] {
        let deep = format!("{}1{}", open.repeat(60), close.repeat(60));
        let deep: serde_json::Value = serde_json::from_str(&deep).unwrap();
        let token = Token::of_client(ACME, KID)
            .claim("deep", deep)
            .signed(rsa(0));
        let request = RawRequest::get("/")
            .bearer(&token)
            .header("x-jwt-org", "mine");
        let admitted = scene.admitted(request).await;
        assert!(admitted.seen.header("x-jwt-sub").is_some());
        assert_eq!(admitted.seen.header("x-jwt-org"), None);
    }
}

/// Calls accredit by `http_service`, with the headers of gRPC clients.
fn over_http(mut bootstrap: Bootstrap) -> Bootstrap {
    let shipped = shipped("envoy.yaml");
    let grpc_service = &shipped[shipped.find("grpc_service:").unwrap()..];
    let grpc_service = &grpc_service[..grpc_service.find("# Without an answer").unwrap()];
    let http_service = r#"http_service:
                        server_uri:
                          uri: http://accredit
                          cluster: accredit
                          timeout: 1s
                      allowed_headers: { patterns: [{ exact: content-type }, { exact: te }] }
                      "#;
    bootstrap.encode_raw_headers = false;
    bootstrap.change(grpc_service, http_service)
}

/// To this Envoy, the HTTP status 200 of a gRPC error would be an admission.
#[tokio::test]
async fn an_envoy_that_asks_over_http_admits_no_request() {
    let accredit = Service::ready(&acme(&[])).await;
    let scene = Scene::start_with(accredit, over_http).await;
    let grpc = |path: &str| {
        RawRequest::new("POST", path)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
    };
    for (request, status, grpc_status) in [
        (good(), 415, None),
        (RawRequest::get("/grpc.health.v1.Health/Check"), 415, None),
        (
            RawRequest::get("/envoy.service.auth.v3.Authorization/Check"),
            415,
            None,
        ),
        // Envoy translates a denial for a gRPC client.
        (grpc("/api.v1.Data/Get"), 200, Some("12")),
        (grpc("/grpc.health.v1.Health/Other"), 200, Some("12")),
        (grpc("/grpc.health.v1.Health/Check?secret"), 200, Some("12")),
        (
            grpc("/envoy.service.auth.v3.Authorization/Check?secret"),
            200,
            Some("12"),
        ),
    ] {
        let answer = request.send(scene.envoy.address()).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.header("grpc-status"), grpc_status, "{answer:?}");
        assert_eq!(scene.upstream.count(), 0);
    }
}
