//! One log line for each refusal, as many as a log can bear, and then a count of those left out.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use crate::authz::account::Account;
use crate::authz::denial::{CODES, Denial};

/// Lines in a second, of all reasons together.
const MOST: u64 = 100;

/// Lines in a second of one reason: a flood of one kind must not hide the others.
const MOST_OF_ONE: u64 = 25;

/// Writes refusals.
#[derive(Debug)]
pub struct RefusalLog {
    begun: Instant,
    all: Window,
    of_reason: [Reason; CODES.len()],
}

#[derive(Debug, Default)]
struct Reason {
    window: Window,
    left_out: AtomicU64,
}

/// Counts within the current second: the second in the upper half, the count in the lower.
#[derive(Debug, Default)]
struct Window(AtomicU64);

impl Default for RefusalLog {
    fn default() -> RefusalLog {
        RefusalLog {
            begun: Instant::now(),
            all: Window::default(),
            of_reason: std::array::from_fn(|_| Reason::default()),
        }
    }
}

impl RefusalLog {
    /// Writes a refusal, or counts it.
    pub fn write(&self, denial: &Denial, account: &Account<'_>) {
        let (record, asked) = (&account.record, account.asked.as_ref());
        let disclosure = account.disclosure;
        if !tracing::enabled!(tracing::Level::INFO) || !self.may_write(record.reason) {
            return;
        }
        let claims = disclosure.claims_of(record.identity);
        tracing::info!(
            request_id = asked.and_then(|asked| asked.request_id.as_deref()),
            config = &*disclosure.config,
            decision = record.decision,
            reason = record.reason,
            rule = record.rule,
            issuer = record.issuer,
            key_id = record.key_id,
            method = asked.map(|asked| asked.method),
            host = asked.map(|asked| asked.host),
            path = asked.map(|asked| asked.path),
            trace_id = account.trace_id.as_deref(),
            claims = claims.as_deref(),
            "refused: {denial}"
        );
    }

    /// Says how many were left out since it was last asked.
    pub fn tell_left_out(&self) {
        for (reason, own) in CODES.iter().zip(&self.of_reason) {
            let left_out = own.left_out.swap(0, Ordering::Relaxed);
            if left_out > 0 {
                tracing::warn!(reason, left_out, "refusals were left out of the log");
            }
        }
    }

    fn may_write(&self, reason: &str) -> bool {
        let second = self.begun.elapsed().as_secs();
        let place = CODES.iter().position(|code| *code == reason);
        let Some(own) = place.and_then(|place| self.of_reason.get(place)) else {
            return self.all.take(second, MOST);
        };
        let may = own.window.take(second, MOST_OF_ONE) && self.all.take(second, MOST);
        if !may {
            own.left_out.fetch_add(1, Ordering::Relaxed);
        }
        may
    }
}

impl Window {
    fn take(&self, second: u64, most: u64) -> bool {
        let second = second << 32;
        let taken = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |window| {
                let count = if window & !0xffff_ffff == second {
                    window & 0xffff_ffff
                } else {
                    0
                };
                (count < most).then_some(second | (count + 1))
            });
        taken.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{RefusalLog, Window};

    #[tokio::test(start_paused = true)]
    async fn so_many_lines_in_a_second_and_one_reason_hides_no_other() {
        let log = RefusalLog::default();
        let written = |reason: &str| (0..60).filter(|_| log.may_write(reason)).count();
        assert_eq!(
            [
                "expired",
                "missing_token",
                "overloaded",
                "unknown_issuer",
                "invalid_type"
            ]
            .map(written),
            [25, 25, 25, 25, 0]
        );
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        assert_eq!(written("invalid_type"), 25);
    }

    #[test]
    fn a_window_begins_anew_with_each_second() {
        let window = Window::default();
        let taken = [0, 0, 0, 1, 1, 1, 7].map(|second| window.take(second, 2));
        assert_eq!(taken, [true, true, false, true, true, false, true]);
    }
}
