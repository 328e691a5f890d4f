//! The load: distinct tokens, junk and good, at a constant rate.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::caller::{Answered, Caller};
use crate::signer::Signer;

const CONNECTIONS: u64 = 8;
const LANES_PER_CONNECTION: u64 = 16;

/// Checks that are being sent. Each lane sends one after another.
pub(crate) struct Load {
    total: u64,
    counts: Arc<LoadCounts>,
}

#[derive(Default)]
struct LoadCounts {
    done: AtomicU64,
    good: AtomicU64,
    wrong: AtomicU64,
    junk_admitted: AtomicU64,
    lost: AtomicU64,
}

/// What went wrong.
pub(crate) struct LoadResult {
    /// The number of good tokens.
    pub(crate) good: u64,
    pub(crate) wrong: u64,
    pub(crate) junk_admitted: u64,
    pub(crate) lost: u64,
}

impl Load {
    /// Sends that many checks; one of six has a good token.
    pub(crate) fn start(address: SocketAddr, signer: Arc<Signer>, total: u64, rate: f64) -> Load {
        let counts = Arc::<LoadCounts>::default();
        let lanes = CONNECTIONS * LANES_PER_CONNECTION;
        let pause = Duration::from_secs_f64(lanes as f64 / rate);
        for connection in 0..CONNECTIONS {
            let (signer, counts) = (Arc::clone(&signer), Arc::clone(&counts));
            tokio::spawn(async move {
                let caller = Caller::connect(address).await;
                for lane in 0..LANES_PER_CONNECTION {
                    let first = connection * LANES_PER_CONNECTION + lane;
                    let numbers = (first..total).step_by(lanes as usize);
                    let (signer, counts) = (Arc::clone(&signer), Arc::clone(&counts));
                    tokio::spawn(send(caller.clone(), numbers, pause, signer, counts));
                }
            });
        }
        Load { total, counts }
    }

    pub(crate) fn done(&self) -> u64 {
        self.counts.done.load(Ordering::Relaxed)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.done() >= self.total
    }

    pub(crate) fn result(&self) -> LoadResult {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        LoadResult {
            good: count(&self.counts.good),
            wrong: count(&self.counts.wrong),
            junk_admitted: count(&self.counts.junk_admitted),
            lost: count(&self.counts.lost),
        }
    }
}

async fn send(
    mut caller: Caller,
    numbers: impl Iterator<Item = u64>,
    pause: Duration,
    signer: Arc<Signer>,
    counts: Arc<LoadCounts>,
) {
    let add = |count: &AtomicU64| count.fetch_add(1, Ordering::Relaxed);
    let mut next = Instant::now();
    for (sent, number) in numbers.enumerate() {
        tokio::time::sleep_until(next.into()).await;
        next = (next + pause).max(Instant::now());
        if sent % 6 == 5 {
            add(&counts.good);
            let subject = format!("client-{number}");
            let answer = caller.check(&signer.good(&subject)).await;
            match answer {
                Answered { lost: true, .. } => add(&counts.lost),
                Answered {
                    admitted: true,
                    subject: Some(own),
                    ..
                } if own == subject => 0,
                _ => add(&counts.wrong),
            };
        } else {
            match caller.check(&signer.junk(number)).await {
                Answered { lost: true, .. } => add(&counts.lost),
                Answered { admitted: true, .. } => add(&counts.junk_admitted),
                _ => 0,
            };
        }
        add(&counts.done);
    }
}
