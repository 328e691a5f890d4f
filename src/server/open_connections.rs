//! How many connections of a port are open, to whoever waits for their end.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// The count of one port.
#[derive(Debug, Default)]
pub(crate) struct OpenConnections {
    count: watch::Sender<usize>,
}

/// Counts as one open connection for as long as it lives, wherever that ends.
#[derive(Debug)]
pub(crate) struct OpenConnection {
    count: watch::Sender<usize>,
}

// === impl OpenConnections ===

impl OpenConnections {
    pub(crate) fn count(&self) -> usize {
        *self.count.borrow()
    }

    pub(crate) fn enter(&self) -> OpenConnection {
        self.count.send_modify(|count| *count += 1);
        OpenConnection {
            count: self.count.clone(),
        }
    }

    /// Resolves once none is open.
    pub(crate) async fn none(&self) {
        self.becomes(|count| count == 0).await;
    }

    /// Resolves once none has been open for that long.
    pub(crate) async fn none_for(&self, long: Duration) {
        loop {
            self.none().await;
            if timeout(long, self.becomes(|count| count > 0))
                .await
                .is_err()
            {
                return;
            }
        }
    }

    async fn becomes(&self, condition: impl Fn(usize) -> bool) {
        // The sender is ours, so this wait does not fail.
        let _ = self
            .count
            .subscribe()
            .wait_for(|count| condition(*count))
            .await;
    }
}

// === impl OpenConnection ===

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.count
            .send_modify(|count| *count = count.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use tokio::time::{Instant, sleep};

    #[tokio::test]
    async fn it_counts_what_lives() {
        let open = OpenConnections::default();
        open.none().await;
        let (first, second) = (open.enter(), open.enter());
        assert_eq!(open.count(), 2);
        drop(first);
        assert_eq!(open.count(), 1);
        assert_eq!(open.none().now_or_never(), None);
        drop(second);
        open.none().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_in_between_begins_the_wait_anew() {
        let open = OpenConnections::default();
        let begun = Instant::now();
        let visit = async {
            sleep(Duration::from_millis(700)).await;
            let visitor = open.enter();
            sleep(Duration::from_millis(100)).await;
            drop(visitor);
        };
        tokio::join!(visit, open.none_for(Duration::from_secs(1)));
        assert_eq!(begun.elapsed(), Duration::from_millis(1800));
    }
}
