//! The drain: the signals that start it, and the handle that tells every port about it.

use std::future::pending;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;

/// How long before the end of a drain the remaining connections get GOAWAY, at most.
const MAX_LAST_CALL: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub struct DrainTrigger {
    state: watch::Sender<DrainState>,
}

/// Whether the drain has started, and when it ends. Clones share one drain.
#[derive(Clone, Debug)]
pub struct Drain {
    state: watch::Receiver<DrainState>,
}

/// Receives SIGTERM and SIGINT.
#[derive(Debug)]
pub struct StopSignal {
    terminate: Signal,
    interrupt: Signal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainSchedule {
    /// The socket closes, and the remaining connections get GOAWAY.
    pub last_call: Instant,
    /// The remaining connections are closed.
    pub deadline: Instant,
}

#[derive(Clone, Copy, Debug)]
enum DrainState {
    Serving,
    Draining(DrainSchedule),
}

// === impl Drain ===

impl Drain {
    #[allow(clippy::new_ret_no_self)]
    pub fn new() -> (DrainTrigger, Self) {
        let (sender, receiver) = watch::channel(DrainState::Serving);
        (DrainTrigger { state: sender }, Self { state: receiver })
    }

    /// Waits until the drain starts: forever if its trigger was dropped before.
    pub async fn started(&self) -> DrainSchedule {
        let mut state = self.state.clone();
        loop {
            if let DrainState::Draining(schedule) = *state.borrow_and_update() {
                return schedule;
            }
            if state.changed().await.is_err() {
                return pending().await;
            }
        }
    }

    /// The end of the drain; `None` if it has not started.
    pub fn deadline(&self) -> Option<Instant> {
        match *self.state.borrow() {
            DrainState::Serving => None,
            DrainState::Draining(schedule) => Some(schedule.deadline),
        }
    }
}

// === impl DrainTrigger ===

impl DrainTrigger {
    /// Starts the drain, which ends after `duration`. A second call has no effect.
    pub fn start(&self, duration: Duration) {
        let deadline = Instant::now() + duration;
        let schedule = DrainSchedule {
            last_call: deadline - MAX_LAST_CALL.min(duration / 4),
            deadline,
        };
        self.state.send_if_modified(|state| match state {
            DrainState::Serving => {
                *state = DrainState::Draining(schedule);
                true
            }
            DrainState::Draining(_) => false,
        });
    }
}

// === impl DrainSchedule ===

impl DrainSchedule {
    /// The time between the last call and the end.
    pub fn margin(&self) -> Duration {
        self.deadline.duration_since(self.last_call)
    }
}

// === impl StopSignal ===

impl StopSignal {
    /// From now on, SIGTERM and SIGINT no longer end the process.
    pub fn install() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next of the two signals.
    pub async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_drain_starts_once_and_tells_every_clone_its_end() {
        let (trigger, drain) = Drain::new();
        let clone = drain.clone();
        assert_eq!(drain.deadline(), None);

        let begun = Instant::now();
        trigger.start(Duration::from_secs(20));
        trigger.start(Duration::from_secs(90));

        let schedule = clone.started().await;
        assert_eq!(schedule.deadline, begun + Duration::from_secs(20));
        assert_eq!(schedule.last_call, begun + Duration::from_secs(19));
        assert_eq!(drain.deadline(), Some(schedule.deadline));
        assert_eq!(drain.started().await, schedule);
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_call_leaves_a_short_drain_most_of_its_time() {
        let (trigger, drain) = Drain::new();
        trigger.start(Duration::from_secs(2));
        assert_eq!(drain.started().await.margin(), Duration::from_millis(500));
    }

    #[tokio::test(start_paused = true)]
    async fn a_trigger_dropped_unused_starts_nothing() {
        let (trigger, drain) = Drain::new();
        drop(trigger);
        let waited = tokio::time::timeout(Duration::from_secs(3600), drain.started()).await;
        assert!(waited.is_err());
    }

    #[tokio::test]
    async fn each_signal_is_received() {
        let mut stop = StopSignal::install().unwrap();
        let kill = format!("kill -TERM {0}; kill -INT {0}", std::process::id());
        let killed = tokio::process::Command::new("sh")
            .args(["-c", &kill])
            .status();
        assert!(killed.await.unwrap().success());
        stop.received().await;
        stop.received().await;
    }
}
