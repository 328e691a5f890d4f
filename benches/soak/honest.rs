//! A client whose checks are measured: one at a time, a hundred per second, on a thread of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::caller::{Caller, Peer};
use crate::report::Latencies;
use crate::signer::Signer;
use crate::wrong::WrongAnswers;

const INTERVAL: Duration = Duration::from_millis(10);

/// A token serves for this time. It must end before the second rotation after the token's signature withdraws its key.
const TOKEN_USE: Duration = Duration::from_secs(1);

pub(crate) struct HonestCaller {
    shared: Arc<HonestState>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct HonestState {
    latencies: Mutex<Latencies>,
    stopped: AtomicBool,
}

impl HonestCaller {
    pub(crate) fn start(peer: Peer, signer: Arc<Signer>, wrong: Arc<WrongAnswers>) -> HonestCaller {
        let shared = Arc::<HonestState>::default();
        let state = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = { runtime }.enable_all().build().unwrap();
            runtime.block_on(call(Caller::connect(peer), &signer, &state, &wrong));
        });
        HonestCaller { shared, thread }
    }

    /// The latencies since the last call.
    pub(crate) fn take(&self) -> Latencies {
        std::mem::take(&mut self.shared.latencies.lock().unwrap())
    }

    pub(crate) async fn stop(self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        tokio::task::spawn_blocking(|| self.thread.join().unwrap())
            .await
            .unwrap();
    }
}

async fn call(
    connecting: impl Future<Output = Caller>,
    signer: &Signer,
    state: &HonestState,
    wrong: &WrongAnswers,
) {
    let mut caller = connecting.await;
    let mut token = signer.good("honest");
    let mut signed = Instant::now();
    let mut clock = tokio::time::interval(INTERVAL);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !state.stopped.load(Ordering::Relaxed) {
        clock.tick().await;
        if signed.elapsed() >= TOKEN_USE {
            token = signer.good("honest");
            signed = Instant::now();
        }
        let begun = Instant::now();
        let answer = caller.check(&token).await;
        state.latencies.lock().unwrap().add(begun.elapsed());
        if !answer.is_admission_of("honest") {
            wrong.add("measured client", begun, &answer);
        }
    }
}
