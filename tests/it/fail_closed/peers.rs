//! Peers that use up what a port has: memory, connections, time (CONTRACT 7.3.4 and 7.3.5).

use std::net::SocketAddr;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::support::check_request::ClientRequest;
use crate::support::connection::channel;
use crate::support::eventually::{eventually, within};
use crate::support::http_get;
use crate::support::http2::{
    DATA, FrameConnection, GOAWAY, HEADERS, LAST_STREAM, RST_STREAM, call, frame, get,
};

use super::common::{good, process, service};

const SET_LOG_LEVEL: &str = "/accredit.admin.v1.Admin/SetLogLevel";
const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// Sends empty DATA frames for streams that were never opened, reads nothing, and ends when the connection does. The
/// HTTP/2 library answers each frame with a reset.
async fn send_late_frames(address: SocketAddr) {
    let mut connection = FrameConnection::open(address).await;
    connection.send(&get(LAST_STREAM, "/livez")).await;
    let frames: Vec<u8> = (0..32 * 1024)
        .flat_map(|number| frame(DATA, 0, 2 * number + 1, &[]))
        .collect();
    while connection.0.write_all(&frames).await.is_ok() {}
}

#[tokio::test]
async fn resets_that_the_peer_does_not_read_take_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let running = process(&folder).await;
    assert!(running.check(good()).await.is_admission());
    let before = running.most_memory();
    for address in [running.checks, running.admin, running.probes.unwrap()] {
        let four = [(); 4].map(|()| send_late_frames(address));
        within("the connections are closed", join_all(four)).await;
    }
    let grown = running.most_memory().saturating_sub(before) / 1024 / 1024;
    println!("grown by {grown} MiB");
    assert!(grown < 48, "grown by {grown} MiB");
    assert!(running.check(good()).await.is_admission());
}

async fn livez(address: SocketAddr) -> (u16, String) {
    http_get::get(address, "localhost", "/livez").await
}

#[tokio::test]
async fn idle_and_silent_connections_do_not_block_probes() {
    let folder = tempfile::tempdir().unwrap();
    let running = process(&folder).await;
    for address in [running.admin, running.probes.unwrap()] {
        let mut idle = Vec::new();
        for _ in 0..256 {
            let mut connection = FrameConnection::open(address).await;
            connection.send(&get(1, "/livez")).await;
            connection.next_of(HEADERS).await.expect("is answered");
            idle.push(connection);
        }
        let mut silent = Vec::new();
        for _ in 0..100 {
            silent.push(TcpStream::connect(address).await.expect("listens"));
        }
        assert_eq!(livez(address).await.0, 200);
        // The connection that has been idle longest gives its place to a new one.
        let mut one_more = FrameConnection::open(address).await;
        one_more.send(&get(1, "/livez")).await;
        let answered = within("it is answered", one_more.next_of(HEADERS)).await;
        answered.expect("is answered");
        let first = idle.first_mut().expect("is one");
        let goaway = within("it is evicted", first.next_of(GOAWAY)).await;
        goaway.expect("gets GOAWAY");
        assert_eq!(livez(address).await.0, 200);
    }
}

#[tokio::test]
async fn silent_connections_do_not_block_checks() {
    let service = service("").await;
    let address = service.checks_tcp();
    let mut silent = Vec::new();
    for _ in 0..1200 {
        silent.push(TcpStream::connect(address).await.expect("listens"));
    }
    assert!(service.check(good()).await.is_admission());
    assert_eq!(
        service.check(ClientRequest::plain()).await.reason(),
        "missing_token"
    );
}

/// A call of which the message never arrives completely is answered, or its stream reset.
#[tokio::test]
async fn unfinished_messages_have_a_time_limit() {
    let service = service("").await;
    let calls = [
        (service.checks_tcp(), HEALTH),
        (service.admin, HEALTH),
        (service.admin, SET_LOG_LEVEL),
        (service.admin, "/accredit.admin.v1.Admin/Explain"),
        (
            service.admin,
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        ),
    ];
    let ends = calls.map(async |(address, path)| {
        let mut connection = FrameConnection::open(address).await;
        connection.send(&call(1, "localhost", path)).await;
        connection
            .send(&frame(DATA, 0, 1, &[0, 0, 0, 1, 0, 7]))
            .await;
        let ended = async {
            while let Some(frame) = connection.next().await {
                if frame.stream == 1 && matches!(frame.kind, HEADERS | RST_STREAM) {
                    return;
                }
            }
            panic!("{path}: the connection ended");
        };
        within(path, ended).await;
    });
    join_all(ends).await;
}

/// `grpc-status` of a call with a message of that size.
async fn status(address: SocketAddr, path: &str, size: u32) -> Option<Vec<u8>> {
    let mut connection = FrameConnection::open(address).await;
    connection.send(&call(1, "localhost", path)).await;
    let message = [&[0], &size.to_be_bytes()[..], &vec![b'x'; size as usize]].concat();
    for part in message.chunks(16 * 1024) {
        // The connection's window is larger than all of them.
        connection.send(&frame(DATA, 0, 1, part)).await;
    }
    connection.send(&frame(DATA, 1, 1, &[])).await;
    let answered = async {
        loop {
            let frame = connection.next().await?;
            if frame.stream == 1 && matches!(frame.kind, HEADERS | RST_STREAM) {
                return Some(frame.payload);
            }
        }
    };
    within(path, answered).await
}

#[tokio::test]
async fn large_admin_messages_are_refused() {
    let mut service = service("").await;
    for (address, path, size) in [
        (service.checks_tcp(), HEALTH, 100 * 1024),
        (service.admin, HEALTH, 300 * 1024),
        (service.admin, SET_LOG_LEVEL, 300 * 1024),
    ] {
        let answer = status(address, path, size).await.expect("is answered");
        let text = String::from_utf8_lossy(&answer);
        println!("{path}: {text}");
        assert!(answer.len() < 1024, "{text}");
    }
    service.stop();
}

#[tokio::test]
async fn an_http_1_connection_that_sends_half_a_request_is_closed() {
    let service = service("").await;
    let mut stream = TcpStream::connect(service.admin).await.expect("listens");
    stream
        .write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\nx: ")
        .await
        .expect("is read");
    let mut answer = Vec::new();
    let _ = within("it is closed", stream.read_to_end(&mut answer)).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{answer:?}");
}

/// Envoy and Kubernetes stop using a service whose health checks fail.
#[tokio::test]
async fn idle_health_streams_do_not_make_health_checks_fail() {
    let folder = tempfile::tempdir().unwrap();
    let running = process(&folder).await;
    let mut streams = Vec::new();
    let mut refused = 0;
    let mut client = HealthClient::new(channel(running.checks).await);
    for _ in 0..300 {
        let watching = client.watch(HealthCheckRequest::default());
        match within("the call is answered", watching).await {
            Ok(stream) => streams.push(stream.into_inner()),
            Err(status) => {
                assert_eq!(status.code(), Code::ResourceExhausted);
                refused += 1;
            }
        }
    }
    assert!(refused > 0 && !streams.is_empty(), "{refused}");
    for _ in 0..3 {
        let mut other = HealthClient::new(channel(running.checks).await);
        let checking = other.check(HealthCheckRequest::default());
        let answer = within("the check is answered", checking).await;
        let status = answer.expect("is served").into_inner().status;
        assert_eq!(status, ServingStatus::Serving as i32);
    }
    assert!(running.check(good()).await.is_admission());
    // The end of a stream makes room for another one.
    drop(streams.pop());
    eventually("a place is free", async || {
        let watching = client.watch(HealthCheckRequest::default()).await;
        watching
            .ok()
            .map(|stream| streams.push(stream.into_inner()))
    })
    .await;
}
