//! Decisions of the last five minutes by reason, in intervals of five seconds: a page that is opened during an incident
//! shows how it began.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use accredit_core::reason::Reason;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::observe::decision_metrics::DecisionMetrics;

const INTERVAL: Duration = Duration::from_secs(5);

/// Five minutes.
const MAX_INTERVALS: usize = 60;

/// The current rate is that of the latest ten seconds.
const INTERVALS_OF_RATE: usize = 2;

/// The decision counts of one process.
#[derive(Debug, Default)]
pub struct History(Mutex<Intervals>);

#[derive(Debug, Default)]
struct Intervals {
    /// The counters at the end of the latest interval.
    counters: BTreeMap<Reason, u64>,
    latest: VecDeque<Interval>,
}

#[derive(Debug)]
struct Interval {
    length: Duration,
    decisions: BTreeMap<Reason, u64>,
}

/// The decisions with one reason in the last five minutes.
#[derive(Clone, Debug, PartialEq)]
pub struct ReasonCounts {
    pub reason: Reason,
    /// Decisions per second in the last ten seconds.
    pub per_second: f64,
    /// Decisions in all intervals.
    pub total: u64,
    /// Decisions in each interval, the oldest first.
    pub intervals: Vec<u64>,
}

/// The decisions of the last five minutes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecentDecisions {
    /// The length of each interval, the oldest first.
    pub lengths: Vec<Duration>,
    /// The reasons that occurred, admissions first.
    pub reasons: Vec<ReasonCounts>,
}

impl History {
    /// Reads the counters at the end of each interval; never ends.
    pub async fn keep(&self, metrics: &DecisionMetrics) {
        let mut ticks = interval_at(Instant::now() + INTERVAL, INTERVAL);
        // After a long pause there is one long interval instead of many empty ones.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = Instant::now();
        self.start(metrics.by_reason());
        loop {
            ticks.tick().await;
            let now = Instant::now();
            self.add(metrics.by_reason(), now.saturating_duration_since(before));
            before = now;
        }
    }

    /// The decisions of the last five minutes.
    pub fn recent(&self) -> RecentDecisions {
        let intervals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let reasons = intervals.latest.iter();
        let reasons: BTreeSet<Reason> = reasons
            .flat_map(|interval| interval.decisions.keys().copied())
            .collect();
        RecentDecisions {
            lengths: intervals.latest.iter().map(|one| one.length).collect(),
            reasons: reasons
                .into_iter()
                .map(|reason| intervals.counts(reason))
                .collect(),
        }
    }

    fn start(&self, counters: BTreeMap<Reason, u64>) {
        let mut intervals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        intervals.counters = counters;
    }

    fn add(&self, counters: BTreeMap<Reason, u64>, length: Duration) {
        let mut intervals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let grown = |(reason, count): (&Reason, &u64)| {
            let before = intervals.counters.get(reason).copied().unwrap_or_default();
            // A counter becomes smaller when a reload removes a rule.
            let grown = count.saturating_sub(before);
            (grown > 0).then_some((*reason, grown))
        };
        let decisions = counters.iter().filter_map(grown).collect();
        intervals.counters = counters;
        intervals.latest.push_back(Interval { length, decisions });
        if intervals.latest.len() > MAX_INTERVALS {
            intervals.latest.pop_front();
        }
    }
}

impl Intervals {
    fn counts(&self, reason: Reason) -> ReasonCounts {
        let count = |one: &Interval| one.decisions.get(&reason).copied().unwrap_or_default();
        let intervals: Vec<u64> = self.latest.iter().map(count).collect();
        let latest = || self.latest.iter().rev().take(INTERVALS_OF_RATE);
        let seconds: f64 = latest().map(|one| one.length.as_secs_f64()).sum();
        let decisions: u64 = latest().map(count).sum();
        ReasonCounts {
            reason,
            per_second: match seconds > 0.0 {
                true => decisions as f64 / seconds,
                false => 0.0,
            },
            total: intervals.iter().sum(),
            intervals,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: Reason = Reason::Allowed;

    #[test]
    fn history_intervals_contain_counter_increases_and_the_oldest_is_dropped() {
        let counters = |count| BTreeMap::from([(ALLOWED, count)]);
        let history = History::default();
        history.start(counters(1000));
        for count in [1000, 1010, 1014, 4, 8] {
            history.add(counters(count), INTERVAL);
        }
        let recent = history.recent();
        assert_eq!(recent.lengths, [INTERVAL; 5]);
        let [allowed] = &recent.reasons[..] else {
            panic!("{recent:?}")
        };
        assert_eq!(allowed.intervals, [0, 10, 4, 0, 4]);
        assert_eq!((allowed.total, allowed.per_second), (18, 0.4));
        for _ in 0..MAX_INTERVALS {
            history.add(counters(8), INTERVAL);
        }
        assert_eq!(history.recent().lengths.len(), MAX_INTERVALS);
        assert_eq!(history.recent().reasons, []);
    }
}
