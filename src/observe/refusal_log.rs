//! The log of denials: one line for each denial, within a limit, and then the number of lines left out (CONTRACT 6.5.2).

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use accredit_core::authz::denial::Denial;
use accredit_core::reason::Reason;
use tokio::time::Instant;

use crate::observe::report::DecisionReport;

/// The maximum number of lines per second.
const MAX_LINES: u64 = 100;

/// The maximum number of lines per second and reason, so that a flood of one reason does not hide the others.
const MAX_LINES_OF_REASON: u64 = 25;

/// Writes denials to the log.
#[derive(Debug)]
pub struct RefusalLog {
    begun: Instant,
    all: Window,
    of_reason: [ReasonLines; Reason::ALL.len()],
}

#[derive(Debug, Default)]
struct ReasonLines {
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
            of_reason: std::array::from_fn(|_| ReasonLines::default()),
        }
    }
}

impl RefusalLog {
    /// Writes a denial, or counts it as left out.
    pub fn write(&self, report: &DecisionReport) {
        let (record, request) = (&report.record, report.request.as_ref());
        if !tracing::enabled!(tracing::Level::INFO) || !self.may_write(record.reason) {
            return;
        }
        let message = match record.is_shadow {
            false => "request denied",
            true => "request admitted by a rule on trial, which would deny it",
        };
        tracing::info!(
            request_id = request.and_then(|request| request.id.as_deref()),
            config = &*report.config,
            decision = record.decision().as_str(),
            reason = record.reason.as_str(),
            description = record.denial.as_ref().map(Denial::description),
            cause = record.denial.as_ref().and_then(Denial::cause),
            rule = &*record.rule,
            issuer = record.issuer(),
            key_id = record.key_id(),
            method = request.map(|request| &*request.method),
            host = request.map(|request| &*request.host),
            path = request.map(|request| &*request.path),
            trace_id = report.trace_id.as_deref(),
            claims = claims(report).as_deref(),
            "{message}"
        );
    }

    /// Logs how many denials with each reason were left out since the last call.
    pub fn report_left_out(&self) {
        for (reason, lines) in Reason::ALL.iter().zip(&self.of_reason) {
            let left_out = lines.left_out.swap(0, Ordering::Relaxed);
            if left_out > 0 {
                tracing::warn!(
                    reason = reason.as_str(),
                    left_out,
                    "denials left out of the log"
                );
            }
        }
    }

    fn may_write(&self, reason: Reason) -> bool {
        let second = self.begun.elapsed().as_secs();
        let position = Reason::ALL.iter().position(|own| *own == reason);
        let Some(lines) = position.and_then(|position| self.of_reason.get(position)) else {
            return self.all.take(second, MAX_LINES);
        };
        let may =
            lines.window.take(second, MAX_LINES_OF_REASON) && self.all.take(second, MAX_LINES);
        if !may {
            lines.left_out.fetch_add(1, Ordering::Relaxed);
        }
        may
    }
}

/// The claims of `log_claims` as one text.
fn claims(report: &DecisionReport) -> Option<String> {
    let mut text = String::new();
    for (name, value) in &report.claims {
        let separator = if text.is_empty() { "" } else { " " };
        // Writing into a `String` cannot fail.
        let _ = write!(text, "{separator}{name}={value:?}");
    }
    (!text.is_empty()).then_some(text)
}

impl Window {
    fn take(&self, second: u64, max: u64) -> bool {
        let second = second << 32;
        let taken = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |window| {
                let count = if window & !0xffff_ffff == second {
                    window & 0xffff_ffff
                } else {
                    0
                };
                (count < max).then_some(second | (count + 1))
            });
        taken.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{RefusalLog, Window};
    use accredit_core::reason::Reason;

    #[tokio::test(start_paused = true)]
    async fn refusal_log_lines_are_limited_per_second_and_per_reason() {
        let log = RefusalLog::default();
        let written = |reason: Reason| (0..60).filter(|_| log.may_write(reason)).count();
        assert_eq!(
            [
                Reason::Expired,
                Reason::MissingToken,
                Reason::Overloaded,
                Reason::UnknownIssuer,
                Reason::InvalidType
            ]
            .map(written),
            [25, 25, 25, 25, 0]
        );
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        assert_eq!(written(Reason::InvalidType), 25);
    }

    #[test]
    fn the_limit_of_refusal_log_lines_restarts_each_second() {
        let window = Window::default();
        let taken = [0, 0, 0, 1, 1, 1, 7].map(|second| window.take(second, 2));
        assert_eq!(taken, [true, true, false, true, true, false, true]);
    }
}
