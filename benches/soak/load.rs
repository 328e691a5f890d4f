//! The load: distinct tokens, junk and good, at a constant rate.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::caller::{Answered, Caller, Peer};
use crate::signer::Signer;
use crate::wrong::WrongAnswers;

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
    junk_admitted: AtomicU64,
    lost: AtomicU64,
}

/// What each lane sends with.
#[derive(Clone)]
struct Sender {
    signer: Arc<Signer>,
    counts: Arc<LoadCounts>,
    wrong: Arc<WrongAnswers>,
}

/// What went wrong.
pub(crate) struct LoadResult {
    /// The number of good tokens.
    pub(crate) good: u64,
    pub(crate) junk_admitted: u64,
    pub(crate) lost: u64,
}

impl Load {
    /// Sends that many checks; one of six has a good token.
    pub(crate) fn start(
        peer: Peer,
        signer: Arc<Signer>,
        wrong: Arc<WrongAnswers>,
        total: u64,
        rate: f64,
    ) -> Load {
        let counts = Arc::<LoadCounts>::default();
        let lanes = CONNECTIONS * LANES_PER_CONNECTION;
        let pause = Duration::from_secs_f64(lanes as f64 / rate);
        for connection in 0..CONNECTIONS {
            let sender = Sender {
                signer: Arc::clone(&signer),
                counts: Arc::clone(&counts),
                wrong: Arc::clone(&wrong),
            };
            tokio::spawn(async move {
                let caller = Caller::connect(peer).await;
                for lane in 0..LANES_PER_CONNECTION {
                    let first = connection * LANES_PER_CONNECTION + lane;
                    let numbers = (first..total).step_by(lanes as usize);
                    tokio::spawn(sender.clone().send(caller.clone(), numbers, pause));
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
            junk_admitted: count(&self.counts.junk_admitted),
            lost: count(&self.counts.lost),
        }
    }
}

impl Sender {
    async fn send(self, mut caller: Caller, numbers: impl Iterator<Item = u64>, pause: Duration) {
        let add = |count: &AtomicU64| count.fetch_add(1, Ordering::Relaxed);
        let mut next = Instant::now();
        for (sent, number) in numbers.enumerate() {
            tokio::time::sleep_until(next.into()).await;
            next = (next + pause).max(Instant::now());
            let good = sent % 6 == 5;
            let subject = format!("client-{number}");
            let token = if good {
                add(&self.counts.good);
                self.signer.good(&subject)
            } else {
                self.signer.junk(number)
            };
            let begun = Instant::now();
            match caller.check(&token).await {
                answer if good && answer.is_admission_of(&subject) => 0,
                answer => {
                    if good {
                        self.wrong.add("load", begun, &answer);
                    }
                    match answer {
                        Answered::Lost(_) => add(&self.counts.lost),
                        Answered::Admitted { .. } if !good => add(&self.counts.junk_admitted),
                        Answered::Admitted { .. } | Answered::Refused { .. } => 0,
                    }
                }
            };
            add(&self.counts.done);
        }
    }
}
