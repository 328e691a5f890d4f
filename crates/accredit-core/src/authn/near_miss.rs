//! A log line for tokens whose `iss` differs from a configured issuer only by a final `/` (CONTRACT 5.9.3).

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Clients decide how many such tokens arrive; at most one line is written in this time.
const PAUSE: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(crate) struct NearMisses(Mutex<Option<Instant>>);

impl NearMisses {
    /// Logs that a token's `iss` is nearly `configured`, unless a line was written within the last minute.
    pub(crate) fn report(&self, configured: &str, now: Instant) {
        if self.is_due(now) {
            tracing::warn!(
                issuer = %configured,
                "iss of a token differs from the configured issuer only by a final `/`"
            );
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = reported.is_none_or(|reported| reported + PAUSE <= now);
        if is_due {
            *reported = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::NearMisses;

    #[test]
    fn near_misses_are_logged_once_per_minute() {
        let misses = NearMisses::default();
        let start = Instant::now();
        let due =
            [0, 0, 1, 59, 60, 61, 119, 120].map(|s| misses.is_due(start + Duration::from_secs(s)));
        assert_eq!(due, [true, false, false, false, true, false, false, true]);
    }
}
