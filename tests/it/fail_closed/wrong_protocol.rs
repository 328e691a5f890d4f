//! Peers that speak another protocol than `listen` (CONTRACT 6.5.4).

use std::sync::Arc;

use http::Request;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::support::certificates::Certified;
use crate::support::client::Answer;
use crate::support::eventually::{eventually, within};
use crate::support::http_get;
use crate::support::http2::{FrameConnection, HEADERS, RST_STREAM, call};
use crate::support::http2_client::{Http2, whole};
use crate::support::process::{Running, accredit};
use crate::support::raw_call::CHECK;

const ISSUER: &str = "issuers:\n  - issuer: https://a.test\n    audiences: [a]\n    jwks: { inline: '{\"keys\":[]}' }\n";

/// The beginning of a ClientHello (RFC 8446 section 4.1.2).
const CLIENT_HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";

async fn start(folder: &tempfile::TempDir, more: &str) -> Running {
    let file = folder.path().join("accredit.yaml");
    let ports = "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n";
    std::fs::write(&file, format!("{ports}{ISSUER}{more}")).unwrap();
    let path = file.to_str().unwrap();
    Running::start(&mut accredit(&["serve", "--config", path])).await
}

/// Sends octets, and reads until the connection ends.
async fn send(running: &Running, octets: &[u8]) {
    let mut stream = TcpStream::connect(running.checks).await.expect("listens");
    stream.write_all(octets).await.expect("is read");
    let mut answer = Vec::new();
    // A reset ends it as well.
    let _ = within("it is closed", stream.read_to_end(&mut answer)).await;
}

/// Awaits this count: accredit counts what it has written, and the peer can read that first.
async fn assert_counted(running: &Running, kind: &str, times: u64) {
    let counted = eventually("it is counted", async || {
        let counted = counted(running, kind).await;
        (counted >= times).then_some(counted)
    });
    assert_eq!(counted.await, times, "{kind}");
}

async fn counted(running: &Running, kind: &str) -> u64 {
    let (status, metrics) = http_get::get(running.admin, "localhost", "/metrics").await;
    assert_eq!(status, 200);
    let series = format!("accredit_connection_errors_total{{port=\"listen\",kind=\"{kind}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&series));
    line.expect("is there").parse().expect("is a number")
}

async fn warning(running: &mut Running, kind: &str) -> Value {
    running.wait_for_line(&format!("\"kind\":\"{kind}\"")).await
}

#[tokio::test]
async fn each_wrong_protocol_is_counted_and_causes_one_warning_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = start(&folder, "").await;
    for (octets, kind, advice) in [
        (
            &b"POST / HTTP/1.1\r\nhost: accredit\r\n\r\n"[..],
            "http1",
            "http2_protocol_options",
        ),
        (CLIENT_HELLO, "tls", "transport_socket"),
        (
            b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 9191\r\n",
            "unknown_protocol",
            "upstream_proxy_protocol",
        ),
    ] {
        send(&running, octets).await;
        let line = warning(&mut running, kind).await.to_string();
        assert!(line.contains(advice), "{line}");
        send(&running, octets).await;
        assert_counted(&running, kind, 2).await;
    }
    running.signal("TERM").await;
    for line in running.lines_to_the_end().await {
        assert!(!line.contains("connection error"), "more than once: {line}");
    }
}

#[tokio::test]
async fn peers_without_tls_and_without_http_2_and_failed_handshakes_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    Certified::self_signed("localhost").write(folder.path(), "tls");
    let path = |name: &str| folder.path().join(name);
    let tls = format!(
        "tls: {{ certificate: {}, private_key: {} }}\n",
        path("tls.crt").display(),
        path("tls.key").display()
    );
    let mut running = start(&folder, &tls).await;
    send(&running, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    let line = warning(&mut running, "plaintext").await.to_string();
    assert!(line.contains("transport_socket"), "{line}");
    assert_counted(&running, "plaintext", 1).await;
    offer(&running, &[b"http/1.1"]).await;
    let line = warning(&mut running, "http1").await.to_string();
    assert!(line.contains("http2_protocol_options"), "{line}");
    assert_counted(&running, "http1", 1).await;
    assert_eq!(counted(&running, "handshake").await, 0);
    // The client does not trust the certificate.
    offer(&running, &[b"h2"]).await;
    assert_counted(&running, "handshake", 1).await;
}

/// Begins a TLS handshake that offers these protocols (ALPN, RFC 7301), and fails.
async fn offer(running: &Running, protocols: &[&[u8]]) {
    let mut client = ClientConfig::builder()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    client.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(running.checks).await.expect("listens");
    let name = "localhost".try_into().expect("is a name");
    let handshake = TlsConnector::from(Arc::new(client)).connect(name, stream);
    let result = within("the handshake ends", handshake).await;
    assert!(result.is_err(), "succeeded");
}

/// CONTRACT 6.1.1a: names that proxies send as `:authority`.
#[tokio::test]
async fn an_authority_that_http_2_refuses_causes_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = start(&folder, "").await;
    for (number, authority) in (1..).zip([
        "outbound|9191||accredit",
        "securitypolicy/default/jwt/extauth/0",
        "%2Frun%2Faccredit%2Faccredit.sock",
    ]) {
        let mut connection = FrameConnection::open(running.checks).await;
        connection.send(&call(1, authority, CHECK)).await;
        let reset = within("it is reset", connection.next_of(RST_STREAM)).await;
        assert_eq!(
            reset.expect("it is reset").payload,
            [0, 0, 0, 1],
            "{authority}"
        );
        if number == 1 {
            let line = warning(&mut running, "malformed_request").await.to_string();
            assert!(line.contains("grpc_service.envoy_grpc.authority"), "{line}");
        }
        assert_counted(&running, "malformed_request", number).await;
        // Other calls on the connection are answered.
        connection.send(&call(3, "accredit", CHECK)).await;
        within("it is answered", connection.next_of(HEADERS))
            .await
            .expect("stays open");
    }
}

/// An `http_service` of Envoy's ext_authz takes each HTTP status 200 for an admission.
#[tokio::test]
async fn a_request_that_is_not_grpc_gets_no_status_of_success() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = start(&folder, "").await;
    let client = Http2::connect(running.checks).await;
    let json = ("content-type", "application/json");
    let grpc_media_type = ("content-type", "application/grpc");
    let trailers = ("te", "trailers");
    let mut not_grpc = 0;
    for path in [
        "/api/data",
        "/",
        CHECK,
        "/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    ] {
        for method in ["GET", "POST", "HEAD"] {
            for headers in [&[][..], &[json], &[("content-type", "application/grp")]] {
                let answer = send_request(&client, method, path, headers.iter()).await;
                assert_eq!(answer.status, 415, "{method} {path}");
                not_grpc += 1;
            }
        }
    }
    let line = warning(&mut running, "not_grpc").await;
    assert!(
        line["advice"].as_str().unwrap().contains("grpc_service"),
        "{line}"
    );
    assert!(line["peer"].as_str().is_some(), "{line}");
    assert_counted(&running, "not_grpc", not_grpc).await;
    // A method that accredit does not have.
    for headers in [
        &[grpc_media_type][..],
        &[trailers],
        &[grpc_media_type, trailers],
    ] {
        for path in [
            "/api.v1.Data/Get",
            "/",
            "/grpc.health.v1.Health/Other",
            "/grpc.health.v1.Health/../secret",
            "/grpc.health.v1.Health/Check?q",
            "/envoy.service.auth.v3.Authorization/Check?secret",
            "/envoy.service.auth.v3.Authorization/Check/../../secret",
            "/grpc.reflection.v1.ServerReflection/../secret",
        ] {
            let answer = send_request(&client, "POST", path, headers.iter()).await;
            assert_eq!(answer.status, 404, "{headers:?} {path}");
            assert_eq!(answer.header("grpc-status"), Some("12"));
        }
        // A check whose one header is unusual is answered, because an HTTP error is a failed check.
        let answer = send_request(&client, "POST", CHECK, headers.iter()).await;
        assert_eq!(answer.status, 200, "{headers:?}");
    }
    assert_counted(&running, "not_grpc", not_grpc).await;
}

async fn send_request<'a>(
    client: &Http2,
    method: &str,
    path: &str,
    headers: impl Iterator<Item = &'a (&'a str, &'a str)>,
) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(format!("http://accredit{path}"));
    let request = headers.fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    let (answer, _) = client.send(request.body(whole(vec![])).unwrap()).await;
    answer
}
