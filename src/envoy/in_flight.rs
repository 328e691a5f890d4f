//! The number of checks in flight, and its limit (`max_concurrent_checks`, CONTRACT 7.1.1).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts checks in flight: from the headers of a call until its answer is handed over.
#[derive(Clone, Debug)]
pub struct InFlight(Arc<CheckCounts>);

#[derive(Debug)]
struct CheckCounts {
    count: AtomicUsize,
    limit: AtomicUsize,
}

/// A place among the checks in flight. Dropping it gives it back.
#[derive(Debug)]
pub struct Permit(Arc<CheckCounts>);

impl InFlight {
    /// At most `limit` checks at the same time.
    pub fn new(limit: usize) -> InFlight {
        InFlight(Arc::new(CheckCounts {
            count: AtomicUsize::new(0),
            limit: AtomicUsize::new(limit),
        }))
    }

    /// Takes a place; `None` if the limit is reached.
    pub fn enter(&self) -> Option<Permit> {
        let limit = self.0.limit.load(Ordering::Relaxed);
        let entered = self
            .0
            .count
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| {
                (count < limit).then_some(count + 1)
            });
        entered.ok().map(|_| Permit(self.0.clone()))
    }

    pub fn set_limit(&self, limit: usize) {
        self.0.limit.store(limit, Ordering::Relaxed);
    }

    pub fn limit(&self) -> usize {
        self.0.limit.load(Ordering::Relaxed)
    }

    /// The number of checks in flight.
    pub fn count(&self) -> usize {
        self.0.count.load(Ordering::Acquire)
    }
}

impl Permit {
    /// Does not count while `waiting` runs: a wait for keys has limits of its own, and must not keep other checks out
    /// (CONTRACT 5.3.6). The check takes its place again afterwards, even if the limit is reached.
    pub async fn outside<T>(&self, waiting: impl Future<Output = T>) -> T {
        let stepped_out = SteppedOut::new(&self.0.count);
        let result = waiting.await;
        drop(stepped_out);
        result
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Takes the place again also if the wait is dropped because the caller went away.
struct SteppedOut<'a>(&'a AtomicUsize);

impl SteppedOut<'_> {
    fn new(count: &AtomicUsize) -> SteppedOut<'_> {
        count.fetch_sub(1, Ordering::AcqRel);
        SteppedOut(count)
    }
}

impl Drop for SteppedOut<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::InFlight;

    #[tokio::test]
    async fn checks_in_flight_are_limited_and_waiting_checks_do_not_count() {
        let in_flight = InFlight::new(1);
        let first = in_flight.enter().expect("there is a place");
        assert!(in_flight.enter().is_none());
        first
            .outside(async {
                let second = in_flight.enter().expect("the first has stepped out");
                assert!(in_flight.enter().is_none());
                drop(second);
            })
            .await;
        assert!(in_flight.enter().is_none());
        let mut abandoned = Box::pin(first.outside(std::future::pending::<()>()));
        let polled_once = std::future::poll_fn(|context| {
            std::task::Poll::Ready(abandoned.as_mut().poll(context))
        });
        assert!(polled_once.await.is_pending());
        drop(abandoned);
        assert_eq!(in_flight.count(), 1);
        drop(first);
        assert_eq!(in_flight.count(), 0);
    }
}
