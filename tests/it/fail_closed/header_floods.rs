//! Header blocks that take a peer little and a service much memory, on every port (CONTRACT 7.3.2 to 7.3.4).

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::eventually::within;
use crate::support::http_get;
use crate::support::http2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, FrameConnection, HEADERS, PUSH_PROMISE, call,
    frame,
};

use super::common::{good, process};

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

/// An octet that is a field (RFC 7541 appendix A).
const AGE: u8 = 0x95;

/// The library keeps the fields of an open header block, which take many times the memory of their octets.
#[tokio::test]
async fn open_header_blocks_of_many_connections_take_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let running = process(&folder).await;
    assert!(running.check(good()).await.is_admission());
    // Each field has a name of its own and a value of one octet.
    let fields = |from: u16| -> Vec<u8> {
        let field = |number: u16| format!("\0\u{5}x{number:04}\u{1}y").into_bytes();
        (from..from + 1700).flat_map(field).collect()
    };
    let head = [&[0x82, 0x86], &fields(0)[..]].concat();
    let block = [
        frame(HEADERS, 0, 1, &head),
        frame(CONTINUATION, 0, 1, &fields(1700)),
    ]
    .concat();
    let ports = [running.checks, running.admin, running.probes.unwrap()];
    for address in ports {
        let before = running.most_memory();
        let mut connections = Vec::new();
        for _ in 0..400 {
            let FrameConnection(mut stream) = FrameConnection::open(address).await;
            // The connection of an earlier block may be closed, but this one is read.
            stream.write_all(&block).await.expect("is read");
            connections.push(stream);
        }
        let closed = connections.iter_mut().map(|stream| async {
            let mut rest = vec![0; 1024];
            while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
        });
        within("all are closed", join_all(closed)).await;
        let grown = running.most_memory().saturating_sub(before) / 1024 / 1024;
        println!("{address}: grown by {grown} MiB");
        // All of them together would take 260 MiB.
        assert!(grown < 128, "{address}: grown by {grown} MiB");
        assert!(running.check(good()).await.is_admission());
    }
}

/// Clients behind Envoy can make the headers of its calls long, because it copies `tracestate` into them. Such a call is a failed
/// check if its connection is closed.
#[tokio::test]
async fn calls_with_long_headers_that_arrive_in_pieces_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let running = process(&folder).await;
    let state = [
        b"\0\x0atracestate\x7f\xa1\x9b\x01".as_slice(),
        &[b'a'; 20_000],
    ]
    .concat();
    let call = call(1, "accredit", CHECK);
    let first = [&call[9..], &state[..16_000]].concat();
    let first = frame(HEADERS, 0, 1, &first);
    let rest = [
        frame(CONTINUATION, END_HEADERS, 1, &state[16_000..]),
        frame(DATA, END_STREAM, 1, &[0; 5]),
    ]
    .concat();
    let mut connections = Vec::new();
    for _ in 0..100 {
        let mut connection = FrameConnection::open(running.checks).await;
        connection.send(&first).await;
        connections.push(connection);
    }
    let answers = connections.iter_mut().map(async |connection| {
        connection.send(&rest).await;
        connection
            .next_of(DATA)
            .await
            .map(|answer| answer.payload.len())
    });
    let answers = within("all are answered", join_all(answers)).await;
    assert!(
        answers.iter().all(|length| *length > Some(5)),
        "{answers:?}"
    );
}

/// A call waits a short time for its message. The library would keep decoded trailers as long.
#[tokio::test]
async fn trailers_of_many_calls_take_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let running = process(&folder).await;
    assert!(running.check(good()).await.is_admission());
    let before = running.most_memory();
    let trailers = [AGE; 3700];
    let calls: Vec<u8> = (0..64)
        .flat_map(|number| {
            let stream = 2 * number + 1;
            let headers = call(stream, "accredit", CHECK);
            let trailers = frame(HEADERS, END_HEADERS | END_STREAM, stream, &trailers);
            [headers, trailers].concat()
        })
        .collect();
    let floods = (0..100).map(async |_| {
        let FrameConnection(mut stream) = FrameConnection::open(running.checks).await;
        // The connection is closed in the meantime.
        let _ = stream.write_all(&calls).await;
        let mut rest = vec![0; 1024];
        while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    });
    within("all are closed", join_all(floods)).await;
    let grown = running.most_memory().saturating_sub(before) / 1024 / 1024;
    println!("grown by {grown} MiB");
    assert!(grown < 64, "grown by {grown} MiB");
    assert!(running.check(good()).await.is_admission());
}

/// Health checks that wait for their messages, each with as many header fields as a call may have.
#[tokio::test]
async fn headers_of_health_checks_without_a_message_take_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let running = process(&folder).await;
    assert!(running.check(good()).await.is_admission());
    let fields: Vec<u8> = (0..1000)
        .flat_map(|number| format!("\0\u{4}{number:04}\u{1}y").into_bytes())
        .collect();
    let calls: Vec<u8> = (0..64)
        .flat_map(|number| {
            let stream = 2 * number + 1;
            let call = call(stream, "accredit", "/grpc.health.v1.Health/Check");
            frame(
                HEADERS,
                END_HEADERS,
                stream,
                &[&call[9..], &fields].concat(),
            )
        })
        .collect();
    let before = running.most_memory();
    let mut connections = Vec::new();
    for _ in 0..4 {
        let mut connection = FrameConnection::open(running.checks).await;
        connection.send(&calls).await;
        connections.push(connection);
    }
    let ends = connections.iter_mut().map(async |connection| {
        for _ in 0..64 {
            connection.next_of(HEADERS).await;
        }
    });
    within("each is answered", join_all(ends)).await;
    let grown = running.most_memory().saturating_sub(before) / 1024 / 1024;
    println!("grown by {grown} MiB");
    // All of them together would take 40 MiB.
    assert!(grown < 16, "grown by {grown} MiB");
    assert!(running.check(good()).await.is_admission());
}

/// Only a server may send PUSH_PROMISE. The library would keep the fields of its header block.
#[tokio::test]
async fn a_push_promise_closes_the_connection_on_every_port() {
    let folder = tempfile::tempdir().unwrap();
    let running = process(&folder).await;
    let promise = frame(
        PUSH_PROMISE,
        0,
        1,
        &[&[0, 0, 0, 2], &[AGE; 1000][..]].concat(),
    );
    for address in [running.checks, running.admin, running.probes.unwrap()] {
        let mut connection = FrameConnection::open(address).await;
        connection.send(&promise).await;
        let ended = within("it is closed", connection.next_of(HEADERS)).await;
        assert!(ended.is_none());
    }
    let (_, metrics) = http_get::get(running.admin, "localhost", "/metrics").await;
    let counted = metrics
        .lines()
        .filter(|line| line.contains("kind=\"push_promise\"") && line.ends_with(" 1"));
    assert_eq!(counted.count(), 3, "{metrics}");
}

/// The other ports have few requests at the same time, with few headers.
#[tokio::test]
async fn headers_of_many_requests_on_the_other_ports_take_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let running = process(&folder).await;
    let requests: Vec<u8> = (0..32)
        .flat_map(|number| {
            let call = call(2 * number + 1, "localhost", "/readyz");
            let block = [&call[9..], &[AGE; 1800]].concat();
            frame(HEADERS, END_HEADERS, 2 * number + 1, &block)
        })
        .collect();
    for address in [running.admin, running.probes.unwrap()] {
        let before = running.most_memory();
        let mut connections = Vec::new();
        for _ in 0..100 {
            let mut connection = FrameConnection::open(address).await;
            connection.send(&requests).await;
            connections.push(connection);
        }
        let (status, _) = http_get::get(address, "localhost", "/readyz").await;
        assert_eq!(status, 200);
        let grown = running.most_memory().saturating_sub(before) / 1024 / 1024;
        println!("{address}: grown by {grown} MiB");
        assert!(grown < 64, "{address}: grown by {grown} MiB");
    }
}

/// A peer that goes on for as long as it may, an octet at a time.
async fn ends_although_it_drips(mut stream: TcpStream, drop_of: &[u8]) {
    let mut rest = vec![0; 1024];
    let pause = std::time::Duration::from_millis(100);
    loop {
        match tokio::time::timeout(pause, stream.read(&mut rest)).await {
            Ok(Ok(0) | Err(_)) => return,
            Ok(Ok(_)) => {}
            Err(_) if stream.write_all(drop_of).await.is_err() => return,
            Err(_) => {}
        }
    }
}

#[tokio::test]
async fn a_header_block_that_never_ends_closes_the_connection_on_every_port() {
    let folder = tempfile::tempdir().unwrap();
    let running = process(&folder).await;
    let (admin, probes) = (running.admin, running.probes.unwrap());
    let more = frame(CONTINUATION, 0, 1, &[0x84]);
    let mut ends = Vec::new();
    for address in [running.checks, admin, probes] {
        for drop_of in [&more[..], b""] {
            let mut connection = FrameConnection::open(address).await;
            connection.send(&frame(HEADERS, 0, 1, &[0x82, 0x86])).await;
            ends.push(ends_although_it_drips(connection.0, drop_of));
        }
    }
    let mut lines = Vec::new();
    for address in [admin, probes] {
        let mut stream = TcpStream::connect(address).await.expect("listens");
        stream
            .write_all(b"GET /livez HTTP/1.1\r\n")
            .await
            .expect("is read");
        lines.push(ends_although_it_drips(stream, b"a: b\r\n"));
    }
    within("all are closed", async {
        tokio::join!(join_all(ends), join_all(lines))
    })
    .await;
    // A block that ends late, but in time, is answered.
    let mut connection = FrameConnection::open(admin).await;
    let (head, tail) = (&[0x82, 0x86], b"\x01\x09localhost\x04\x06/livez");
    connection.send(&frame(HEADERS, END_STREAM, 1, head)).await;
    connection
        .send(&frame(CONTINUATION, END_HEADERS, 1, tail))
        .await;
    let answered = within("it is answered", connection.next_of(HEADERS)).await;
    assert!(answered.is_some());
}
