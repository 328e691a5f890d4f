//! What a peer may take, and what becomes of one that takes more.

use super::*;

const OPENING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn limited(change: impl FnOnce(&mut ConnectionLimits)) -> Served {
    let mut limits = ConnectionLimits::default();
    change(&mut limits);
    Served::start("127.0.0.1:0", limits, None)
}

/// The next frame's kind, stream and payload; `None` at the end of the connection.
async fn next_frame(stream: &mut TcpStream) -> Option<(u8, u32, Vec<u8>)> {
    let mut header = [0; 9];
    stream.read_exact(&mut header).await.ok()?;
    let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
    let mut payload = vec![0; usize::try_from(length).unwrap()];
    stream.read_exact(&mut payload).await.ok()?;
    let id = u32::from_be_bytes([header[5], header[6], header[7], header[8]]);
    Some((header[3], id, payload))
}

#[tokio::test]
async fn one_stream_too_many_is_refused_and_the_others_go_on() {
    let served = limited(|limits| limits.max_concurrent_streams = 2);
    let mut stream = served.connect_plain().await;
    stream.write_all(OPENING).await.unwrap();
    for id in [1, 3, 5] {
        stream.write_all(&head(id, "/held")).await.unwrap();
    }
    let refused = loop {
        let (kind, id, payload) = next_frame(&mut stream).await.expect("it stays open");
        if kind == 3 {
            break (id, payload);
        }
    };
    // REFUSED_STREAM: it may be asked again, here or elsewhere.
    assert_eq!(refused, (5, vec![0, 0, 0, 7]));
    served.is_held().await;
    served.is_held().await;
    served.let_go.add_permits(2);
    let mut answered = 0;
    while answered < 2 {
        let (kind, ..) = next_frame(&mut stream).await.expect("it stays open");
        answered += usize::from(kind == 1);
    }
}

#[tokio::test]
async fn headers_beyond_the_limit_are_refused_and_the_connection_goes_on() {
    let served = limited(|limits| limits.max_header_list_size = 16 * 1024);
    let client = served.connect().await;
    let large = |size| {
        Request::get("http://a.example/")
            .header("tracestate", "a".repeat(size))
            .body(Empty::new())
            .unwrap()
    };
    for (size, status) in [(8 * 1024, 200), (20 * 1024, 431), (8 * 1024, 200)] {
        let answer = client.sender.clone().send_request(large(size)).await;
        assert_eq!(answer.unwrap().status().as_u16(), status, "{size}");
    }
}

#[tokio::test]
async fn a_peer_that_vanished_is_found_and_one_that_idles_is_kept() {
    let served = limited(|limits| {
        limits.ping_interval = Duration::from_millis(50);
        limits.ping_timeout = Duration::from_millis(200);
    });
    let idle = served.connect().await;
    let mut vanished = served.connect_plain().await;
    vanished.write_all(OPENING).await.unwrap();
    let mut pings = 0;
    // It is asked, does not answer, and is closed.
    while let Some((kind, ..)) = next_frame(&mut vanished).await {
        pings += usize::from(kind == 6);
    }
    assert!(pings > 0);
    assert_eq!(idle.status("/").await, 200);
}

fn secured(limits: ConnectionLimits) -> (Served, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    let files = TlsFiles {
        certificate: folder.path().join("tls.crt"),
        private_key: folder.path().join("tls.key"),
        client_ca: None,
        client_names: Vec::new(),
    };
    std::fs::write(&files.certificate, certificate).unwrap();
    std::fs::write(&files.private_key, key.serialize_pem()).unwrap();
    let tls = Arc::new(ServerTls::load(files, Protocol::Http2).unwrap());
    (
        Served::start_with("127.0.0.1:0", limits, None, Some(tls)),
        folder,
    )
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_not_waited_for() {
    let limits = ConnectionLimits {
        handshake_timeout: Duration::from_millis(50),
        ..ConnectionLimits::default()
    };
    let (served, _folder) = secured(limits);
    let silent = served.connect_plain().await;
    assert_eq!(all_of(silent).await, "");
    // The beginning of a handshake is none.
    let mut slow = served.connect_plain().await;
    slow.write_all(b"\x16\x03\x01\x02\0").await.unwrap();
    assert_eq!(all_of(slow).await, "");
}

#[tokio::test]
async fn a_handshake_does_not_outlive_the_drain() {
    let (served, _folder) = secured(ConnectionLimits::default());
    let silent = served.connect_plain().await;
    let mut other = served.connect_plain().await;
    // Once this one was refused, the silent one was accepted before it.
    other.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut refused = Vec::new();
    let _ = other.read_to_end(&mut refused).await;
    served.trigger.start(Duration::from_millis(50));
    served.serving.await.unwrap().unwrap();
    assert_eq!(all_of(silent).await, "");
}
