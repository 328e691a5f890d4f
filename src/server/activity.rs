//! What one connection is doing: requests in flight, answers that wait to be sent, and since when it is idle.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::server::header_blocks::{HeaderBlocks, OpenHeaderBlock};
use crate::server::limits::ConnectionLimits;

/// What an answer that waits occupies besides its octets: the state of its stream in the HTTP library, its headers and its
/// task. With short answers, this is most of their memory.
const ANSWER_COST: usize = 4 * 1024;

/// Shared by a connection, its requests and its answers, and read by the table of open connections.
#[derive(Debug)]
pub(crate) struct Activity {
    started: Instant,
    has_requested: AtomicBool,
    in_flight: AtomicUsize,
    /// Milliseconds after `started`.
    idle_since: AtomicU64,
    unsent: AtomicUsize,
    /// The parts of answers that wait to be sent, by the generation in which they began to wait.
    waiting: [AtomicUsize; 2],
    generation: AtomicUsize,
    port: Arc<PortUsage>,
    pub(crate) evicted: Notify,
}

/// What all connections of a port use together.
#[derive(Debug)]
pub(crate) struct PortUsage {
    unsent: AtomicUsize,
    max_unsent: usize,
    max_unsent_per_connection: usize,
    header_blocks: Arc<HeaderBlocks>,
}

/// Counts one request in flight, until its answer is sent or given up.
#[derive(Debug)]
pub(crate) struct RequestInFlight(Arc<Activity>);

/// Counts a part of an answer that waits to be sent.
#[derive(Debug)]
pub(crate) struct Unsent {
    activity: Arc<Activity>,
    generation: usize,
    octets: usize,
}

// === impl PortUsage ===

impl PortUsage {
    pub(crate) fn new(limits: &ConnectionLimits) -> Self {
        Self {
            unsent: AtomicUsize::default(),
            max_unsent: limits.max_unsent,
            max_unsent_per_connection: limits.max_unsent_per_connection,
            header_blocks: Arc::new(HeaderBlocks::new(
                limits.max_open_header_blocks,
                limits.opening_timeout,
            )),
        }
    }
}

// === impl Activity ===

impl Activity {
    pub(crate) fn new(port: Arc<PortUsage>) -> Self {
        Self {
            started: Instant::now(),
            has_requested: AtomicBool::default(),
            in_flight: AtomicUsize::default(),
            idle_since: AtomicU64::default(),
            unsent: AtomicUsize::default(),
            waiting: Default::default(),
            generation: AtomicUsize::default(),
            port,
            evicted: Notify::new(),
        }
    }

    /// Whether a request has ever come.
    pub(crate) fn has_requested(&self) -> bool {
        self.has_requested.load(Ordering::Relaxed)
    }

    /// When the last request ended, or the connection began; `None` while a request is in flight.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        if self.in_flight.load(Ordering::Acquire) > 0 {
            return None;
        }
        let since = self.idle_since.load(Ordering::Relaxed);
        Some(self.started + std::time::Duration::from_millis(since))
    }

    pub(crate) fn begin_request(self: &Arc<Self>) -> RequestInFlight {
        self.has_requested.store(true, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        RequestInFlight(Arc::clone(self))
    }

    /// The peer has begun a header block of HTTP/2.
    pub(crate) fn begin_header_block(&self) -> OpenHeaderBlock {
        self.port.header_blocks.begin()
    }

    /// Begins to wait for octets of an answer to be sent; `None` if too much waits on the port and on this connection already.
    pub(crate) fn begin_sending(self: &Arc<Self>, octets: usize) -> Option<Unsent> {
        let octets = octets.saturating_add(ANSWER_COST);
        let of_port = self.port.unsent.load(Ordering::Relaxed);
        let own = self.unsent.load(Ordering::Relaxed);
        if of_port.saturating_add(octets) > self.port.max_unsent
            && own.saturating_add(octets) > self.port.max_unsent_per_connection
        {
            return None;
        }
        self.port.unsent.fetch_add(octets, Ordering::Relaxed);
        self.unsent.fetch_add(octets, Ordering::Relaxed);
        let mut unsent = self.begin_waiting();
        unsent.octets = octets;
        Some(unsent)
    }

    /// Begins to wait for an answer that has nothing more to send.
    pub(crate) fn begin_waiting(self: &Arc<Self>) -> Unsent {
        let generation = self.generation.load(Ordering::Relaxed) % 2;
        self.waiting_in(generation).fetch_add(1, Ordering::Relaxed);
        Unsent {
            activity: Arc::clone(self),
            generation,
            octets: 0,
        }
    }

    /// Whether answers that wait occupy more than half of what the port permits.
    pub(crate) fn port_is_under_pressure(&self) -> bool {
        self.port.unsent.load(Ordering::Relaxed) > self.port.max_unsent / 2
    }

    /// Ends a generation. Returns whether a part of an answer has waited for a whole generation, or longer.
    pub(crate) fn has_stalled(&self) -> bool {
        let current = self.generation.fetch_add(1, Ordering::Relaxed) % 2;
        self.waiting_in(1 - current).load(Ordering::Relaxed) > 0
    }

    fn waiting_in(&self, generation: usize) -> &AtomicUsize {
        let [even, odd] = &self.waiting;
        if generation == 0 { even } else { odd }
    }
}

// === impl RequestInFlight, Unsent ===

impl RequestInFlight {
    /// What the connection of the request is doing.
    pub(crate) fn activity(&self) -> &Arc<Activity> {
        &self.0
    }
}

impl Clone for RequestInFlight {
    /// The request is in flight until the last clone is dropped.
    fn clone(&self) -> Self {
        self.0.in_flight.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(&self.0))
    }
}

impl Drop for RequestInFlight {
    fn drop(&mut self) {
        // Only the last one reads the clock, and before it stops counting: a connection without requests in flight must not
        // show the time of an earlier one. All of them are dropped by the thread of the connection.
        if self.0.in_flight.load(Ordering::Acquire) == 1 {
            let now = self.0.started.elapsed().as_millis();
            let now = u64::try_from(now).unwrap_or(u64::MAX);
            self.0.idle_since.store(now, Ordering::Relaxed);
        }
        self.0.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for Unsent {
    fn drop(&mut self) {
        let Self {
            activity, octets, ..
        } = self;
        activity.port.unsent.fetch_sub(*octets, Ordering::Relaxed);
        activity.unsent.fetch_sub(*octets, Ordering::Relaxed);
        activity
            .waiting_in(self.generation)
            .fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activity(max_unsent: usize, max_unsent_per_connection: usize) -> Arc<Activity> {
        let port = PortUsage::new(&ConnectionLimits {
            max_unsent,
            max_unsent_per_connection,
            ..ConnectionLimits::default()
        });
        Arc::new(Activity::new(Arc::new(port)))
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_from_its_last_answer_to_its_next_request() {
        let activity = activity(10, 10);
        let begun = Instant::now();
        assert_eq!(activity.idle_since(), Some(begun));
        assert!(!activity.has_requested());
        let (first, second) = (activity.begin_request(), activity.begin_request());
        assert_eq!(activity.idle_since(), None);
        drop(first);
        assert_eq!(activity.idle_since(), None);
        tokio::time::advance(std::time::Duration::from_secs(7)).await;
        drop(second);
        assert_eq!(activity.idle_since(), Some(Instant::now()));
        assert!(activity.has_requested());
    }

    #[tokio::test]
    async fn an_answer_that_waits_for_a_whole_generation_has_stalled() {
        let activity = activity(2 * ANSWER_COST, 2 * ANSWER_COST);
        let waiting = activity.begin_sending(1).unwrap();
        assert!(!activity.has_stalled(), "it began in this generation");
        assert!(activity.has_stalled());
        drop(waiting);
        assert!(!activity.has_stalled());
        assert!(!activity.has_stalled());
    }

    #[tokio::test]
    async fn a_full_port_leaves_each_connection_its_share() {
        let one = activity(ANSWER_COST + 10, ANSWER_COST + 4);
        let other = Arc::new(Activity::new(Arc::clone(&one.port)));
        let _held = one.begin_sending(10).unwrap();
        assert!(one.begin_sending(0).is_none());
        let small = other.begin_sending(4).unwrap();
        assert!(other.begin_sending(0).is_none());
        drop(small);
        assert!(other.begin_sending(4).is_some());
    }

    #[tokio::test]
    async fn answers_without_octets_count_too() {
        let activity = activity(3 * ANSWER_COST, 0);
        let waiting = [(); 3].map(|()| activity.begin_sending(0).unwrap());
        assert!(activity.port_is_under_pressure());
        assert!(activity.begin_sending(0).is_none());
        drop(waiting);
        assert!(!activity.port_is_under_pressure());
    }
}
