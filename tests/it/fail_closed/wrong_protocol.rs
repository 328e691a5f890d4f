//! Peers that speak another protocol than `listen` (CONTRACT 6.5.4).

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::certificates::Certified;
use crate::support::eventually::{eventually, within};
use crate::support::http_get;
use crate::support::http2::{FrameConnection, HEADERS, RST_STREAM, call};
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
            &[0; 24],
            "unknown_protocol",
            "which service calls this port",
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
async fn a_peer_without_tls_and_a_failed_handshake_have_separate_warnings() {
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
    assert_eq!(counted(&running, "handshake").await, 0);
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
