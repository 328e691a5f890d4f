//! Floods of frames that cost their sender little, on every port (CONTRACT 7.3.2 to 7.3.4).

use std::net::SocketAddr;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::eventually::within;
use crate::support::http_get;
use crate::support::http2::{
    CONTINUATION, DATA, FrameConnection, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE, call,
    frame, get,
};

use super::common::{good, process};

/// What a peer sends in each flood, unless the connection ends before.
const FLOOD: usize = 4 * 1024 * 1024;

/// One step of a flood, by its number.
type Step = fn(u32) -> Vec<u8>;

const FLOODS: [(&str, Step); 11] = [
    ("PING", |_| frame(PING, 0, 0, &[7; 8])),
    ("SETTINGS", |_| frame(SETTINGS, 0, 0, &[])),
    // CVE-2023-44487.
    ("requests that are reset at once", |number| {
        let stream = 2 * number + 1;
        [
            get(stream, "/livez"),
            frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]),
        ]
        .concat()
    }),
    // CVE-2025-8671: the service resets these streams itself.
    ("requests that an increment of zero resets", |number| {
        let stream = 2 * number + 1;
        let call = call(stream, "localhost", "/livez");
        [call, frame(WINDOW_UPDATE, 0, stream, &[0; 4])].concat()
    }),
    // CVE-2024-27316: the block never ends. Each step is a field whose name and value have one octet.
    ("CONTINUATION", |number| match number {
        0 => frame(HEADERS, 0, 1, &[0x82, 0x86]),
        _ => frame(CONTINUATION, 0, 1, &[0, 1, b'x', 1, b'y']),
    }),
    ("empty CONTINUATION", |number| match number {
        0 => frame(HEADERS, 0, 1, &[0x82, 0x86]),
        _ => frame(CONTINUATION, 0, 1, &[]),
    }),
    ("empty DATA", |number| match number {
        0 => call(1, "localhost", "/grpc.health.v1.Health/Check"),
        _ => frame(DATA, 0, 1, &[]),
    }),
    ("WINDOW_UPDATE", |_| {
        frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])
    }),
    ("WINDOW_UPDATE of zero", |_| {
        frame(WINDOW_UPDATE, 0, 0, &[0; 4])
    }),
    ("PRIORITY", |number| {
        frame(2, 0, 2 * number + 1, &[0, 0, 0, 0, 1])
    }),
    ("frames of no known type", |_| frame(0xfa, 0, 0, &[0; 16])),
];

/// Sends a flood. A peer that does not read ends when the connection does, or when everything is sent.
async fn flood(address: SocketAddr, step: Step, reads: bool) {
    let FrameConnection(stream) = FrameConnection::open(address).await;
    let (mut reader, mut writer) = stream.into_split();
    let sending = async {
        let mut sent = 0;
        let mut number = 0;
        while sent < FLOOD {
            let mut octets = Vec::new();
            while octets.len() < 16 * 1024 {
                octets.extend(step(number));
                number += 1;
            }
            if writer.write_all(&octets).await.is_err() {
                return;
            }
            sent += octets.len();
        }
        let _ = writer.shutdown().await;
    };
    let reading = async {
        let mut answers = vec![0; 64 * 1024];
        while reads && reader.read(&mut answers).await.is_ok_and(|read| read > 0) {}
    };
    tokio::join!(sending, reading);
}

#[tokio::test]
async fn floods_of_frames_take_bounded_memory_and_delay_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let running = process(&folder).await;
    assert!(running.check(good()).await.is_admission());
    let ports = [running.checks, running.admin, running.probes.unwrap()];
    for (name, step) in FLOODS {
        let before = running.most_memory();
        let peers = ports
            .iter()
            .flat_map(|port| [(*port, true), (*port, false)]);
        let floods = join_all(peers.map(|(port, reads)| flood(port, step, reads)));
        let others = async {
            for _ in 0..5 {
                assert!(running.check(good()).await.is_admission(), "{name}");
                for port in &ports[1..] {
                    let (status, _) = http_get::get(*port, "localhost", "/readyz").await;
                    assert_eq!(status, 200, "{name}");
                }
            }
        };
        within(name, async { tokio::join!(floods, others) }).await;
        let grown = running.most_memory().saturating_sub(before) / 1024 / 1024;
        println!("{name}: grown by {grown} MiB");
        assert!(grown < 48, "{name}: grown by {grown} MiB");
    }
    assert!(running.check(good()).await.is_admission());
}
