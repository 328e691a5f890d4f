//! Decisions of the last five minutes, in intervals of five seconds: a page that is opened during an incident shows how it
//! began.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use accredit_core::reason::{Decision, Reason};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::observe::decision_metrics::{DecisionMetrics, DecisionTotals};
use crate::telemetry::metrics::BucketCounts;

const INTERVAL: Duration = Duration::from_secs(5);

/// Five minutes.
const MAX_INTERVALS: usize = 60;

/// The current rate is that of the latest ten seconds.
const INTERVALS_OF_RATE: usize = 2;

/// The percentiles are those of the latest minute.
const INTERVALS_OF_PERCENTILES: usize = 12;

/// The decision counts of one process.
#[derive(Debug, Default)]
pub struct History(Mutex<Intervals>);

#[derive(Debug, Default)]
struct Intervals {
    /// The counters at the end of the latest interval.
    totals: DecisionTotals,
    latest: VecDeque<Interval>,
}

#[derive(Debug)]
struct Interval {
    length: Duration,
    grown: DecisionTotals,
}

/// The decisions with one reason in the last five minutes. Rules on trial admit with the reason of the denial, so that one reason
/// can occur with two decisions.
#[derive(Clone, Debug, PartialEq)]
pub struct ReasonCounts {
    pub decision: Decision,
    pub reason: Reason,
    /// Decisions per second in the last ten seconds.
    pub per_second: f64,
    /// Decisions in all intervals.
    pub total: u64,
    /// Decisions in each interval, the oldest first.
    pub intervals: Vec<u64>,
}

/// The decisions of one rule, or on tokens of one issuer, in the last five minutes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NameCounts {
    pub name: Arc<str>,
    /// Per second in the last ten seconds.
    pub allowed_per_second: f64,
    /// Per second in the last ten seconds.
    pub denied_per_second: f64,
    /// In all intervals.
    pub allowed: u64,
    /// In all intervals.
    pub denied: u64,
}

/// The decisions of the last five minutes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecentDecisions {
    /// The length of each interval, the oldest first.
    pub lengths: Vec<Duration>,
    /// The reasons that occurred: admissions first, then the most frequent denials, then what rules on trial admitted.
    pub reasons: Vec<ReasonCounts>,
    /// The rules that decided, those with the most denials first.
    pub rules: Vec<NameCounts>,
    /// The issuers as metrics label them, those with the most denials first.
    pub issuers: Vec<NameCounts>,
    /// The durations of checks in the last minute.
    pub durations: BucketCounts,
}

impl History {
    /// Reads the counters at the end of each interval; never ends.
    pub async fn keep(&self, metrics: &DecisionMetrics) -> Infallible {
        let mut ticks = interval_at(Instant::now() + INTERVAL, INTERVAL);
        // After a long pause there is one long interval instead of many empty ones.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = Instant::now();
        self.start(metrics.totals());
        loop {
            ticks.tick().await;
            let now = Instant::now();
            self.add(metrics.totals(), now.saturating_duration_since(before));
            before = now;
        }
    }

    /// The decisions of the last five minutes.
    pub fn recent(&self) -> RecentDecisions {
        let intervals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = intervals.latest.iter().rev().take(INTERVALS_OF_PERCENTILES);
        RecentDecisions {
            lengths: intervals.latest.iter().map(|one| one.length).collect(),
            reasons: intervals.reasons(),
            rules: intervals.names(|totals| &totals.rules),
            issuers: intervals.names(|totals| &totals.issuers),
            durations: latest.fold(BucketCounts::default(), |sum, one| {
                sum.plus(&one.grown.durations)
            }),
        }
    }

    fn start(&self, totals: DecisionTotals) {
        let mut intervals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        intervals.totals = totals;
    }

    fn add(&self, totals: DecisionTotals, length: Duration) {
        let mut intervals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = &intervals.totals;
        let grown = DecisionTotals {
            reasons: grown(&totals.reasons, &before.reasons),
            rules: grown(&totals.rules, &before.rules),
            issuers: grown(&totals.issuers, &before.issuers),
            durations: totals.durations.since(&before.durations),
        };
        intervals.totals = totals;
        intervals.latest.push_back(Interval { length, grown });
        if intervals.latest.len() > MAX_INTERVALS {
            intervals.latest.pop_front();
        }
    }
}

/// The counters that grew, and by how much. A counter becomes smaller when a reload removes a rule.
fn grown<K: Ord + Clone>(now: &BTreeMap<K, u64>, before: &BTreeMap<K, u64>) -> BTreeMap<K, u64> {
    let grown = now.iter().map(|(key, count)| {
        let before = before.get(key).copied().unwrap_or_default();
        (key.clone(), count.saturating_sub(before))
    });
    grown.filter(|(_, grown)| *grown > 0).collect()
}

impl Intervals {
    fn reasons(&self) -> Vec<ReasonCounts> {
        let latest = self.latest.iter();
        let occurred: BTreeSet<_> = latest.flat_map(|one| one.grown.reasons.keys()).collect();
        let mut reasons: Vec<ReasonCounts> = occurred
            .into_iter()
            .map(|(decision, reason)| self.counts(*decision, *reason))
            .collect();
        // Stable: equal rates keep the order of `Reason::ALL`.
        reasons.sort_by(|one, other| {
            let order = one.decision.cmp(&other.decision);
            order
                .then(other.per_second.total_cmp(&one.per_second))
                .then(other.total.cmp(&one.total))
        });
        reasons
    }

    fn counts(&self, decision: Decision, reason: Reason) -> ReasonCounts {
        let count = |one: &Interval| -> u64 {
            let count = one.grown.reasons.get(&(decision, reason));
            count.copied().unwrap_or_default()
        };
        let intervals: Vec<u64> = self.latest.iter().map(count).collect();
        ReasonCounts {
            decision,
            reason,
            per_second: self.rate(count),
            total: intervals.iter().sum(),
            intervals,
        }
    }

    fn names(
        &self,
        of: impl Fn(&DecisionTotals) -> &BTreeMap<(Arc<str>, Decision), u64>,
    ) -> Vec<NameCounts> {
        let mut named: BTreeMap<Arc<str>, NameCounts> = BTreeMap::new();
        let first_of_rate = self.latest.len().saturating_sub(INTERVALS_OF_RATE);
        let seconds = self.seconds_of_rate();
        for (place, interval) in self.latest.iter().enumerate() {
            for ((name, decision), count) in of(&interval.grown) {
                let own = named.entry(name.clone()).or_insert_with(|| NameCounts {
                    name: name.clone(),
                    ..NameCounts::default()
                });
                let (total, rate) = match decision {
                    // A rule on trial admits, too.
                    Decision::Allow | Decision::Shadow => {
                        (&mut own.allowed, &mut own.allowed_per_second)
                    }
                    Decision::Deny => (&mut own.denied, &mut own.denied_per_second),
                };
                *total += count;
                if place >= first_of_rate && seconds > 0.0 {
                    *rate += *count as f64 / seconds;
                }
            }
        }
        let mut named: Vec<NameCounts> = named.into_values().collect();
        named.sort_by(|one, other| {
            let order = other.denied_per_second.total_cmp(&one.denied_per_second);
            order
                .then(other.denied.cmp(&one.denied))
                .then(other.allowed.cmp(&one.allowed))
        });
        named
    }

    fn rate(&self, count: impl Fn(&Interval) -> u64) -> f64 {
        let latest = self.latest.iter().rev().take(INTERVALS_OF_RATE);
        let decisions: u64 = latest.map(count).sum();
        match self.seconds_of_rate() {
            seconds if seconds > 0.0 => decisions as f64 / seconds,
            _ => 0.0,
        }
    }

    fn seconds_of_rate(&self) -> f64 {
        let latest = self.latest.iter().rev().take(INTERVALS_OF_RATE);
        latest.map(|one| one.length.as_secs_f64()).sum()
    }
}

#[cfg(test)]
mod tests;
