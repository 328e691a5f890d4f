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
    has_begun: AtomicBool,
    has_read: AtomicBool,
    /// The reading ended because nothing more had arrived.
    has_read_all: AtomicBool,
    reads_again: AtomicBool,
    gathers: AtomicBool,
}

// === impl Turn ===

impl Turn {
    /// Permits reading, up to the read-ahead or until there is nothing to read.
    pub(crate) fn begin(&self) {
        self.0.has_begun.store(true, Ordering::Relaxed);
        self.0.has_read.store(false, Ordering::Relaxed);
    }

    /// Whether this is the first call in this turn.
    pub(crate) fn take_begin(&self) -> bool {
        self.0.has_begun.swap(false, Ordering::Relaxed)
    }

    /// Permits reading what has arrived in the meantime. Returns `false` if the turn has read enough.
    pub(crate) fn read_again(&self) -> bool {
        let has_read_all = self.0.has_read_all.swap(false, Ordering::Relaxed);
        if has_read_all {
            self.0.reads_again.store(true, Ordering::Relaxed);
            self.0.has_read.store(false, Ordering::Relaxed);
        }
        has_read_all
    }

    /// Whether reading was permitted again, and this is the first call since.
    pub(crate) fn take_read_again(&self) -> bool {
        self.0.reads_again.swap(false, Ordering::Relaxed)
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

    /// Ends the reading. `has_read_all` says whether there is nothing more to read.
    pub(crate) fn end_reading(&self, has_read_all: bool) {
        self.0.has_read.store(true, Ordering::Relaxed);
        self.0.has_read_all.store(has_read_all, Ordering::Relaxed);
    }

    pub(crate) fn has_read(&self) -> bool {
        self.0.has_read.load(Ordering::Relaxed)
    }

    pub(crate) fn gathers(&self) -> bool {
        self.0.gathers.load(Ordering::Relaxed)
    }
}
