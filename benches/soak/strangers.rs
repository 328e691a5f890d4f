//! Peers that only use up connections: idle ones, and ones that do not read their answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::MissedTickBehavior;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// SETTINGS, empty, and with an initial window of zero.
const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
const NO_WINDOW: &[u8] = b"\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\0";

/// Requests of one slow reader. The next slow reader begins when all of them are judged, so that they and the load stay
/// below `max_concurrent_checks` at any time: the service refuses more, honest ones too.
const UNREAD: u32 = 200;

/// The least time between the starts of two slow readers, also if the service closes many at the same time.
const START_INTERVAL: Duration = Duration::from_millis(500);

/// A frame from the service.
struct PeerFrame {
    kind: u8,
    flags: u8,
    payload: Vec<u8>,
}

pub(crate) struct Strangers {
    idle: Arc<AtomicUsize>,
    slow: Arc<SlowReaders>,
}

/// Counts of the peers that do not read their answers.
#[derive(Default)]
struct SlowReaders {
    closed: AtomicUsize,
    sent_calls: AtomicU64,
}

impl Strangers {
    pub(crate) async fn start(address: SocketAddr, idle: usize, slow: usize) -> Strangers {
        let counts = Strangers {
            idle: Arc::default(),
            slow: Arc::default(),
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
        tokio::spawn(start_slow_readers(address, slow, Arc::clone(&counts.slow)));
        counts
    }

    pub(crate) fn idle_count(&self) -> usize {
        self.idle.load(Ordering::Relaxed)
    }

    pub(crate) fn closed_slow_readers(&self) -> usize {
        self.slow.closed.load(Ordering::Relaxed)
    }

    /// The calls without a message that slow readers sent. Each of them is refused with `internal_error`.
    pub(crate) fn calls_without_message(&self) -> u64 {
        self.slow.sent_calls.load(Ordering::Relaxed)
    }
}

/// Keeps up to that many slow readers connected.
async fn start_slow_readers(address: SocketAddr, most: usize, slow: Arc<SlowReaders>) {
    let places = Arc::new(Semaphore::new(most));
    let mut clock = tokio::time::interval(START_INTERVAL);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        clock.tick().await;
        let slow = Arc::clone(&slow);
        let (judged, all_judged) = oneshot::channel();
        tokio::spawn(async move {
            read_nothing(address, judged, &slow.sent_calls).await;
            slow.closed.fetch_add(1, Ordering::Relaxed);
            drop(place);
        });
        // An error means that the service closed the connection before.
        let _ = all_judged.await;
    }
}

/// Answers PING, and ends when the connection does.
async fn stay_idle(mut stream: TcpStream) {
    let opening = [PREFACE, SETTINGS].concat();
    if stream.write_all(&opening).await.is_err() {
        return;
    }
    while let Ok(frame) = PeerFrame::read(&mut stream).await {
        if frame.kind == 6 && frame.flags == 0 {
            let pong = [b"\0\0\x08\x06\x01\0\0\0\0", &frame.payload[..]].concat();
            if stream.write_all(&pong).await.is_err() {
                return;
            }
        }
    }
}

/// Sends requests without a window for their answers, and ends when the service closes the connection. The headers of an
/// answer need no window: once they have come for each request, no check is in flight any more.
async fn read_nothing(address: SocketAddr, judged: oneshot::Sender<()>, sent_calls: &AtomicU64) {
    let Ok(mut stream) = TcpStream::connect(address).await else {
        return;
    };
    let mut octets = [PREFACE, NO_WINDOW].concat();
    for number in 0..UNREAD {
        octets.extend(check_without_message(2 * number + 1));
    }
    sent_calls.fetch_add(UNREAD.into(), Ordering::Relaxed);
    if stream.write_all(&octets).await.is_err() {
        return;
    }
    let (mut answers, mut judged) = (0, Some(judged));
    while let Ok(frame) = PeerFrame::read(&mut stream).await {
        answers += u32::from(frame.kind == 1);
        if answers == UNREAD
            && let Some(judged) = judged.take()
        {
            let _ = judged.send(());
        }
    }
}

impl PeerFrame {
    async fn read(stream: &mut TcpStream) -> std::io::Result<PeerFrame> {
        let mut header = [0; 9];
        stream.read_exact(&mut header).await?;
        let [a, b, c, kind, flags, ..] = header;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        stream.read_exact(&mut payload).await?;
        Ok(PeerFrame {
            kind,
            flags,
            payload,
        })
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
