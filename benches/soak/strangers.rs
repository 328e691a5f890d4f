//! Peers that only use up connections: idle ones, and ones that do not read their answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// SETTINGS, empty, and with an initial window of zero.
const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
const NO_WINDOW: &[u8] = b"\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\0";

/// Requests of one slow reader. All of them stay below `max_concurrent_checks` at any time: more are refused, honest ones too.
const UNREAD: u32 = 200;

/// The time between the starts of two slow readers.
const STAGGER: Duration = Duration::from_millis(400);

pub(crate) struct Strangers {
    idle: Arc<AtomicUsize>,
    closed: Arc<AtomicUsize>,
}

impl Strangers {
    pub(crate) async fn start(address: SocketAddr, idle: usize, slow: usize) -> Strangers {
        let counts = Strangers {
            idle: Arc::default(),
            closed: Arc::default(),
        };
        for _ in 0..idle {
            let stream = TcpStream::connect(address).await.unwrap();
            let open = Arc::clone(&counts.idle);
            open.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                stay_idle(stream).await;
                open.fetch_sub(1, Ordering::Relaxed);
            });
        }
        for number in 0..slow {
            let closed = Arc::clone(&counts.closed);
            tokio::spawn(async move {
                tokio::time::sleep(STAGGER * u32::try_from(number).unwrap()).await;
                loop {
                    read_nothing(address).await;
                    closed.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        counts
    }

    pub(crate) fn idle_count(&self) -> usize {
        self.idle.load(Ordering::Relaxed)
    }

    pub(crate) fn closed_slow_readers(&self) -> usize {
        self.closed.load(Ordering::Relaxed)
    }
}

/// Answers PING, and ends when the connection does.
async fn stay_idle(mut stream: TcpStream) {
    let opening = [PREFACE, SETTINGS].concat();
    if stream.write_all(&opening).await.is_err() {
        return;
    }
    let mut header = [0; 9];
    while stream.read_exact(&mut header).await.is_ok() {
        let [a, b, c, kind, flags, ..] = header;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        let mut payload = vec![0; length];
        if stream.read_exact(&mut payload).await.is_err() {
            return;
        }
        if kind == 6 && flags == 0 {
            let pong = [b"\0\0\x08\x06\x01\0\0\0\0", &payload[..]].concat();
            if stream.write_all(&pong).await.is_err() {
                return;
            }
        }
    }
}

/// Sends requests without a window for their answers, and ends when the service closes the connection.
async fn read_nothing(address: SocketAddr) {
    let Ok(mut stream) = TcpStream::connect(address).await else {
        return tokio::time::sleep(Duration::from_secs(1)).await;
    };
    let mut octets = [PREFACE, NO_WINDOW].concat();
    for number in 0..UNREAD {
        octets.extend(check_without_message(2 * number + 1));
    }
    if stream.write_all(&octets).await.is_ok() {
        let mut answers = [0; 4096];
        while stream.read(&mut answers).await.is_ok_and(|read| read > 0) {}
    }
}

/// HEADERS with END_STREAM of a call of `Check`, which is refused.
fn check_without_message(stream: u32) -> Vec<u8> {
    let path = b"/envoy.service.auth.v3.Authorization/Check";
    let mut block = vec![0x83, 0x86, 0x01, 8];
    block.extend(b"accredit");
    block.extend([0x04, u8::try_from(path.len()).unwrap()]);
    block.extend(path);
    let [_, length @ ..] = u32::try_from(block.len()).unwrap().to_be_bytes();
    let mut frame = length.to_vec();
    frame.extend([1, 5]);
    frame.extend(stream.to_be_bytes());
    frame.extend(block);
    frame
}
