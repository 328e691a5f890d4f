//! Waiting for a state that no event announces.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The longest that anything here may take; nothing is asserted about being faster.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Looks again and again until there is something; fails with that text after [`PATIENCE`].
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Awaits an event; fails with that text after [`PATIENCE`].
pub(crate) async fn within<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, event).await {
        Ok(value) => value,
        Err(_) => panic!("not within {PATIENCE:?}: {what}"),
    }
}
