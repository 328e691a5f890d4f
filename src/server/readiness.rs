//! Readiness: the process is ready when every latch has been released, until it is closed.

use std::sync::Arc;

use tokio::sync::watch;

/// What the process still waits for; clones are the same.
#[derive(Clone, Debug)]
pub struct Readiness {
    state: Arc<watch::Sender<State>>,
}

/// One thing that readiness waits for, until this is released or dropped.
#[derive(Debug)]
#[must_use = "a latch that is dropped is released"]
pub struct Latch {
    state: Arc<watch::Sender<State>>,
    id: u64,
}

#[derive(Debug, Default)]
struct State {
    next_id: u64,
    held: Vec<(u64, String)>,
    closed: bool,
}

// === impl Readiness ===

impl Readiness {
    /// Without latches, and so ready: hold one before announcing it.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self {
            state: Arc::new(watch::Sender::new(State::default())),
        }
    }

    /// Holds readiness back; the name says for what, to a person.
    pub fn latch(&self, name: impl Into<String>) -> Latch {
        let name = name.into();
        let mut id = 0;
        self.state.send_modify(|state| {
            id = state.next_id;
            state.next_id += 1;
            state.held.push((id, name));
        });
        Latch {
            state: Arc::clone(&self.state),
            id,
        }
    }

    /// Whether nothing is waited for, and it is not closed.
    pub fn is_ready(&self) -> bool {
        self.state.borrow().is_ready()
    }

    /// The names of what is waited for, oldest first.
    pub fn held(&self) -> Vec<String> {
        let state = self.state.borrow();
        state.held.iter().map(|(_, name)| name.clone()).collect()
    }

    /// Waits until it is ready: `true`; or closed, after which it never will be: `false`.
    pub async fn ready(&self) -> bool {
        let mut state = self.state.subscribe();
        // The sender is `self`, so the wait cannot fail; if it did, not ready is the safe answer.
        state
            .wait_for(|state| state.closed || state.is_ready())
            .await
            .is_ok_and(|state| state.is_ready())
    }

    /// Not ready from now on, whatever latches do: the drain.
    pub fn close(&self) {
        self.state.send_modify(|state| state.closed = true);
    }
}

// === impl Latch ===

impl Latch {
    /// Readiness no longer waits for this.
    pub fn release(self) {
        drop(self);
    }
}

impl Drop for Latch {
    fn drop(&mut self) {
        self.state
            .send_modify(|state| state.held.retain(|(id, _)| *id != self.id));
    }
}

// === impl State ===

impl State {
    fn is_ready(&self) -> bool {
        !self.closed && self.held.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_ready_once_every_latch_is_released() {
        let readiness = Readiness::new();
        let first = readiness.latch("issuer https://a.example");
        let second = readiness.latch("issuer https://b.example");
        assert!(!readiness.is_ready());
        assert_eq!(
            readiness.held(),
            ["issuer https://a.example", "issuer https://b.example"]
        );

        first.release();
        assert!(!readiness.is_ready());
        assert_eq!(readiness.held(), ["issuer https://b.example"]);

        let (ready, ()) = tokio::join!(readiness.ready(), async { drop(second) });
        assert!(ready);
        assert!(readiness.is_ready());
    }

    #[tokio::test]
    async fn two_latches_of_one_name_are_two() {
        let readiness = Readiness::new();
        let first = readiness.latch("start");
        let second = readiness.latch("start");
        first.release();
        assert_eq!(readiness.held(), ["start"]);
        second.release();
        assert!(readiness.is_ready());
    }

    #[tokio::test]
    async fn closed_is_not_ready_for_good() {
        let readiness = Readiness::new();
        let latch = readiness.latch("start");
        let clone = readiness.clone();
        let (ready, ()) = tokio::join!(readiness.ready(), async { clone.close() });
        assert!(!ready);
        latch.release();
        assert!(!readiness.is_ready());
        assert!(readiness.held().is_empty());
    }
}
