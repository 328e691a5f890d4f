//! Readiness of the process: ready once the latch is released, not ready again once the drain has begun.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

/// Whether the process is ready. Clones share one state.
#[derive(Clone, Debug)]
pub struct ProcessReadiness {
    latch: Weak<()>,
    closed: Arc<AtomicBool>,
}

/// The process is not ready as long as this exists.
#[derive(Debug)]
#[must_use = "dropping the latch makes the process ready"]
pub struct ReadinessLatch(#[allow(dead_code, reason = "it is counted")] Arc<()>);

// === impl ProcessReadiness ===

impl ProcessReadiness {
    pub fn new() -> (Self, ReadinessLatch) {
        let latch = Arc::new(());
        let readiness = Self {
            latch: Arc::downgrade(&latch),
            closed: Arc::default(),
        };
        (readiness, ReadinessLatch(latch))
    }

    pub fn is_ready(&self) -> bool {
        self.latch.strong_count() == 0 && !self.closed.load(Ordering::Relaxed)
    }

    /// Makes the process not ready for good (CONTRACT 7.2.1).
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::ProcessReadiness;

    #[test]
    fn ready_from_the_release_of_the_latch_until_the_drain() {
        let (readiness, latch) = ProcessReadiness::new();
        assert!(!readiness.is_ready());
        drop(latch);
        assert!(readiness.is_ready());
        readiness.clone().close();
        assert!(!readiness.is_ready());
    }
}
