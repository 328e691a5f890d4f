//! The limits of a connection, and what happens beyond them.

use super::*;

const OPENING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn limited(change: impl FnOnce(&mut ConnectionLimits)) -> Served {
    let mut limits = ConnectionLimits::default();
    change(&mut limits);
    Served::start("127.0.0.1:0", limits, HttpVersions::Http2Only)
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
async fn one_stream_too_many_is_refused_and_the_others_continue() {
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
    // REFUSED_STREAM: the peer may send the request again.
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
async fn headers_beyond_the_limit_are_refused_and_the_connection_stays_open() {
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
async fn a_dead_peer_is_found_and_an_idle_one_is_kept() {
    let served = limited(|limits| {
        limits.ping_interval = Duration::from_millis(50);
        limits.ping_timeout = Duration::from_millis(200);
    });
    let idle = served.connect().await;
    let mut vanished = served.connect_plain().await;
    vanished.write_all(OPENING).await.unwrap();
    let mut pings = 0;
    // It gets a PING, does not answer, and is closed.
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
    let tls = Arc::new(ServerTls::load(files, HttpVersions::Http2Only).unwrap());
    (
        Served::start_with("127.0.0.1:0", limits, HttpVersions::Http2Only, Some(tls)),
        folder,
    )
}

#[tokio::test]
async fn a_handshake_has_a_time_limit() {
    let limits = ConnectionLimits {
        handshake_timeout: Duration::from_millis(50),
        ..ConnectionLimits::default()
    };
    let (served, _folder) = secured(limits);
    let silent = served.connect_plain().await;
    assert_eq!(all_of(silent).await, "");
    // An incomplete handshake does not extend it.
    let mut slow = served.connect_plain().await;
    slow.write_all(b"\x16\x03\x01\x02\0").await.unwrap();
    assert_eq!(all_of(slow).await, "");
}

#[tokio::test]
async fn a_handshake_does_not_outlive_the_drain() {
    let (served, _folder) = secured(ConnectionLimits::default());
    let silent = served.connect_plain().await;
    let mut other = served.connect_plain().await;
    // This one is refused after the silent one was accepted.
    other.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut refused = Vec::new();
    let _ = other.read_to_end(&mut refused).await;
    served.trigger.start(Duration::from_millis(50));
    served.serving.await.unwrap().unwrap();
    assert_eq!(all_of(silent).await, "");
}

#[tokio::test]
async fn an_answer_that_the_peer_grants_no_window_for_closes_the_connection() {
    let served = limited(|limits| limits.write_timeout = Duration::from_millis(50));
    let mut stream = served.connect_plain().await;
    // SETTINGS_INITIAL_WINDOW_SIZE 0 (RFC 9113 section 6.5.2).
    let no_window = frame(4, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let frames = [preface, no_window, head(1, "/")].concat();
    stream.write_all(&frames).await.unwrap();
    while next_frame(&mut stream).await.is_some() {}
    let unread = served.errors.counts().find(|(_, _, count)| *count > 0);
    assert_eq!(unread, Some(("listen", "unread_answers", 1)));
}

#[tokio::test]
async fn an_idle_connection_is_closed_where_it_has_a_limit() {
    let served = limited(|limits| {
        limits.write_timeout = Duration::from_millis(20);
        limits.idle_timeout = Some(Duration::from_millis(200));
    });
    let client = served.connect().await;
    assert_eq!(client.status("/").await, 200);
    let busy = served.connect().await;
    let held = run(busy.get("/held"));
    served.is_held().await;
    client.closed.await.unwrap();
    assert!(!busy.closed.is_finished());
    served.let_go.add_permits(1);
    assert_eq!(held.await.unwrap().unwrap().0, 200);
    busy.closed.await.unwrap();
}

#[tokio::test]
async fn silent_connections_give_their_places_to_new_ones() {
    let served = limited(|limits| limits.max_opening = 2);
    let mut silent = Vec::new();
    for _ in 0..4 {
        silent.push(served.connect_plain().await);
    }
    let client = served.connect().await;
    assert_eq!(client.status("/").await, 200);
    for evicted in silent.drain(..2) {
        all_of(evicted).await;
    }
}
