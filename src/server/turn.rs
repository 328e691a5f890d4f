//! The turns in which a connection reads, answers and writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// One turn of reading, and of answering what was read. The library h2 reads whenever it is asked for the next request.
/// Without turns, a peer that sends without a pause would keep the connection reading while the requests that were read wait for
/// their answers. The library also writes whenever it is asked, which would take a system call for each answer.
///
/// `Wire` ends the reading of a turn, and the task of the connection begins the next turn and says when to write.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turn(Arc<TurnState>);

#[derive(Debug, Default)]
struct TurnState {
    has_read: AtomicBool,
    gathers: AtomicBool,
}

// === impl Turn ===

impl Turn {
    /// Permits reading, up to the read-ahead or until there is nothing to read.
    pub(crate) fn begin(&self) {
        self.0.has_read.store(false, Ordering::Relaxed);
    }

    /// From now on, what is written waits for more.
    pub(crate) fn gather_writes(&self) {
        self.0.gathers.store(true, Ordering::Relaxed);
    }

    /// From now on, everything is written. The library has to be polled once more, because nothing else wakes it. Returns whether
    /// writes have waited until now.
    pub(crate) fn write_gathered(&self) -> bool {
        self.0.gathers.swap(false, Ordering::Relaxed)
    }

    pub(crate) fn end_reading(&self) {
        self.0.has_read.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_read(&self) -> bool {
        self.0.has_read.load(Ordering::Relaxed)
    }

    pub(crate) fn gathers(&self) -> bool {
        self.0.gathers.load(Ordering::Relaxed)
    }
}
