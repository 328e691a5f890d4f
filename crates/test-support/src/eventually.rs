//! Waiting with a time limit for a state or an event.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The time limit. It only ends a test that would hang; no test asserts that something is faster. It is long, because the machine can be
/// busy with other work.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Calls `look` until it returns a value. Panics with `what` after [`PATIENCE`]. For states that no event announces.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Awaits an event. Panics with `what` after [`PATIENCE`].
pub async fn within<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, event).await {
        Ok(value) => value,
        Err(_) => panic!("not within {PATIENCE:?}: {what}"),
    }
}
