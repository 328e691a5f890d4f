//! A client whose checks are measured: one at a time, a hundred per second, on a thread of its own.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::caller::Caller;
use crate::report::Latencies;
use crate::signer::Signer;

const INTERVAL: Duration = Duration::from_millis(10);

/// A token serves that many checks.
const CHECKS_PER_TOKEN: u64 = 100;

pub(crate) struct HonestCaller {
    shared: Arc<HonestState>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct HonestState {
    latencies: Mutex<Latencies>,
    wrong: AtomicU64,
    stopped: AtomicBool,
}

impl HonestCaller {
    pub(crate) fn start(address: SocketAddr, signer: Arc<Signer>) -> HonestCaller {
        let shared = Arc::<HonestState>::default();
        let state = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = { runtime }.enable_all().build().unwrap();
            runtime.block_on(call(Caller::connect(address), &signer, &state));
        });
        HonestCaller { shared, thread }
    }

    /// The latencies since the last call.
    pub(crate) fn take(&self) -> Latencies {
        std::mem::take(&mut self.shared.latencies.lock().unwrap())
    }

    /// Stops, and returns the number of wrong answers.
    pub(crate) async fn stop(self) -> u64 {
        self.shared.stopped.store(true, Ordering::Relaxed);
        tokio::task::spawn_blocking(|| self.thread.join().unwrap())
            .await
            .unwrap();
        self.shared.wrong.load(Ordering::Relaxed)
    }
}

async fn call(connecting: impl Future<Output = Caller>, signer: &Signer, state: &HonestState) {
    let mut caller = connecting.await;
    let mut token = String::new();
    let mut number: u64 = 0;
    let mut clock = tokio::time::interval(INTERVAL);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !state.stopped.load(Ordering::Relaxed) {
        clock.tick().await;
        if number.is_multiple_of(CHECKS_PER_TOKEN) {
            token = signer.good("honest");
        }
        number += 1;
        let begun = Instant::now();
        let answer = caller.check(&token).await;
        state.latencies.lock().unwrap().add(begun.elapsed());
        if !answer.admitted || answer.subject.as_deref() != Some("honest") {
            state.wrong.fetch_add(1, Ordering::Relaxed);
        }
    }
}
