//! Says to the operator, in configured words alone, what is nearly always a slip.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A stranger decides how many such tokens come, not how many lines are logged.
const PAUSE: Duration = Duration::from_secs(60);

/// Tokens whose issuer differs from a configured one by a final `/` alone.
#[derive(Debug, Default)]
pub struct NearMisses(Mutex<Option<Instant>>);

impl NearMisses {
    /// Tells of one that is nearly that configured issuer, unless one was told of lately.
    pub fn tell(&self, configured: &str, now: Instant) {
        if self.is_due(now) {
            tracing::warn!(issuer = %configured, "a token's issuer differs from the configured one by a final `/` alone");
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = told.is_none_or(|told| told + PAUSE <= now);
        if is_due {
            *told = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::NearMisses;

    #[test]
    fn one_is_told_of_in_a_minute() {
        let misses = NearMisses::default();
        let start = Instant::now();
        let due =
            [0, 0, 1, 59, 60, 61, 119, 120].map(|s| misses.is_due(start + Duration::from_secs(s)));
        assert_eq!(due, [true, false, false, false, true, false, false, true]);
    }
}
