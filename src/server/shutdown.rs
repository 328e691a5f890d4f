//! Stopping: the signals that ask for it, and the one handle by which everything learns of it.

use std::future::pending;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;

/// Before the end of a drain, the connections that are left are told to go; this long at most.
const LAST_CALL: Duration = Duration::from_secs(1);

/// Starts the drain; held by whoever decides that the process ends.
#[derive(Debug)]
pub struct DrainTrigger {
    state: watch::Sender<State>,
}

/// Tells that the drain has started and when it ends; clones are the same drain.
#[derive(Clone, Debug)]
pub struct Drain {
    state: watch::Receiver<State>,
}

/// The first SIGTERM or SIGINT, and the next; installed before anything is announced, so none is missed.
#[derive(Debug)]
pub struct StopSignal {
    terminate: Signal,
    interrupt: Signal,
}

/// When a drain that has started makes its last call, and when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// What is left is told to go, and nothing new is taken.
    pub last_call: Instant,
    /// What is left is broken off.
    pub deadline: Instant,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Serving,
    Draining(Schedule),
}

// === impl Drain ===

impl Drain {
    /// A drain that has not started, and what starts it.
    #[allow(clippy::new_ret_no_self)]
    pub fn new() -> (DrainTrigger, Self) {
        let (sender, receiver) = watch::channel(State::Serving);
        (DrainTrigger { state: sender }, Self { state: receiver })
    }

    /// Waits until the drain starts; forever where its trigger was dropped unused.
    pub async fn started(&self) -> Schedule {
        let mut state = self.state.clone();
        loop {
            if let State::Draining(schedule) = *state.borrow_and_update() {
                return schedule;
            }
            if state.changed().await.is_err() {
                return pending().await;
            }
        }
    }

    /// When the drain ends; `None` while it has not started.
    pub fn deadline(&self) -> Option<Instant> {
        match *self.state.borrow() {
            State::Serving => None,
            State::Draining(schedule) => Some(schedule.deadline),
        }
    }
}

// === impl DrainTrigger ===

impl DrainTrigger {
    /// Starts the drain, which ends after `duration`; the first start counts, a further one changes nothing.
    pub fn start(&self, duration: Duration) {
        let deadline = Instant::now() + duration;
        let schedule = Schedule {
            last_call: deadline - LAST_CALL.min(duration / 4),
            deadline,
        };
        self.state.send_if_modified(|state| match state {
            State::Serving => {
                *state = State::Draining(schedule);
                true
            }
            State::Draining(_) => false,
        });
    }
}

// === impl Schedule ===

impl Schedule {
    /// The time between the last call and the end.
    pub fn margin(&self) -> Duration {
        self.deadline.duration_since(self.last_call)
    }
}

// === impl StopSignal ===

impl StopSignal {
    /// Takes SIGTERM and SIGINT over from the system, whose answer is to end the process at once.
    pub fn install() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next of the two signals; asked again after the first, it is the second that somebody
    /// who will not wait for the drain sends.
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
