//! The metrics of decisions: by decision, reason, issuer and rule, and their duration.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use accredit_core::authn::authenticator::attempt::CacheLookup;
use accredit_core::authz::record::DecisionRecord;
use accredit_core::reason::{Decision, Reason};
use arc_swap::ArcSwap;
use foldhash::HashMap;

use crate::telemetry::metrics::{BucketCounts, Exposition, Histogram};

/// The decisions of one process, whatever configuration made them.
#[derive(Debug, Default)]
pub struct DecisionMetrics {
    checks: ArcSwap<Checks>,
    duration: Histogram,
    cache_hits: AtomicU64,
    cache_misses: AtomicU64,
}

/// Counters by rule, then by issuer. Both are configured names, so that clients cannot create series. Checks read it
/// without a lock; a new series is added to a copy, once.
type Checks = HashMap<Arc<str>, HashMap<Arc<str>, Vec<Series>>>;

/// The numbers of decisions at one moment.
#[derive(Clone, Debug, Default)]
pub struct DecisionTotals {
    pub reasons: BTreeMap<(Decision, Reason), u64>,
    pub rules: BTreeMap<(Arc<str>, Decision), u64>,
    pub issuers: BTreeMap<(Arc<str>, Decision), u64>,
    pub durations: BucketCounts,
}

#[derive(Clone, Debug)]
struct Series {
    decision: Decision,
    reason: Reason,
    count: Arc<AtomicU64>,
}

impl Series {
    fn is_of(&self, record: &DecisionRecord) -> bool {
        (self.decision, self.reason) == (record.decision(), record.reason)
    }
}

impl DecisionMetrics {
    /// Counts a decision.
    pub fn count(&self, record: &DecisionRecord, took: Duration) {
        self.duration.observe(took);
        match record.cache {
            Some(CacheLookup::Hit) => self.cache_hits.fetch_add(1, Ordering::Relaxed),
            Some(CacheLookup::Miss) => self.cache_misses.fetch_add(1, Ordering::Relaxed),
            None => 0,
        };
        let issuer = record.issuer_label();
        if let Some(count) = find(&self.checks.load(), record, issuer) {
            count.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.checks
            .rcu(|checks| with_series(checks, record, issuer));
        // Only a reload in between can have removed the series again, and then no metric needs it.
        if let Some(count) = find(&self.checks.load(), record, issuer) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The numbers of decisions until now.
    pub fn totals(&self) -> DecisionTotals {
        let mut totals = DecisionTotals {
            durations: self.duration.counts(),
            ..DecisionTotals::default()
        };
        let checks = self.checks.load();
        for (rule, issuers) in checks.iter() {
            for (issuer, series) in issuers {
                for series in series {
                    let count = series.count.load(Ordering::Relaxed);
                    let decision = series.decision;
                    let reason = (decision, series.reason);
                    *totals.reasons.entry(reason).or_default() += count;
                    *totals.rules.entry((rule.clone(), decision)).or_default() += count;
                    let issuer = (issuer.clone(), decision);
                    *totals.issuers.entry(issuer).or_default() += count;
                }
            }
        }
        totals
    }

    /// Removes the series of rules and issuers that are no longer configured.
    pub fn keep_only(&self, is_rule: impl Fn(&str) -> bool, is_issuer: impl Fn(&str) -> bool) {
        self.checks.rcu(|checks| {
            let mut kept = Checks::clone(checks);
            kept.retain(|rule, _| is_rule(rule));
            for issuers in kept.values_mut() {
                issuers.retain(|issuer, _| {
                    matches!(&**issuer, "none" | "unknown") || is_issuer(issuer)
                });
            }
            kept
        });
    }

    /// # Errors
    /// Those of `text`.
    pub fn write(&self, text: &mut Exposition<'_>) -> fmt::Result {
        let checks = self.checks.load();
        let samples = checks.iter().flat_map(|(rule, issuers)| {
            issuers.iter().flat_map(move |(issuer, series)| {
                series.iter().map(move |series| {
                    let labels: Vec<(&'static str, &str)> = vec![
                        ("decision", series.decision.as_str()),
                        ("reason", series.reason.as_str()),
                        ("issuer", issuer),
                        ("rule", rule),
                    ];
                    (labels, series.count.load(Ordering::Relaxed))
                })
            })
        });
        text.counters(
            "accredit_checks",
            "Decisions by result, reason, issuer entry and rule",
            samples,
        )?;
        text.histogram(
            "accredit_check_duration_seconds",
            "Time from the headers of a call to its answer, waits for keys included, in seconds",
            &self.duration,
        )?;
        let read = |count: &AtomicU64| [(Vec::new(), count.load(Ordering::Relaxed))];
        text.counters(
            "accredit_token_cache_hits",
            "Lookups in the token cache that found the token",
            read(&self.cache_hits),
        )?;
        text.counters(
            "accredit_token_cache_misses",
            "Lookups in the token cache that did not find the token",
            read(&self.cache_misses),
        )
    }
}

fn find<'a>(checks: &'a Checks, record: &DecisionRecord, issuer: &str) -> Option<&'a AtomicU64> {
    let series = checks.get(&record.rule)?.get(issuer)?;
    let own = series.iter().find(|series| series.is_of(record))?;
    Some(&own.count)
}

fn with_series(checks: &Checks, record: &DecisionRecord, issuer: &str) -> Checks {
    let mut checks = checks.clone();
    let series = checks
        .entry(record.rule.clone())
        .or_default()
        .entry(issuer.into())
        .or_default();
    if !series.iter().any(|series| series.is_of(record)) {
        series.push(Series {
            decision: record.decision(),
            reason: record.reason,
            count: Arc::default(),
        });
    }
    checks
}
