//! Decisions counted by outcome, reason, issuer and rule, and how long they took.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::authn::authenticator::Recall;
use crate::authz::record::Record;
use crate::telemetry::metrics::{Exposition, Histogram};

/// The decisions of one process, whatever configuration made them.
#[derive(Debug, Default)]
pub struct DecisionMetrics {
    checks: ArcSwap<Checks>,
    duration: Histogram,
    cache_hits: AtomicU64,
    cache_misses: AtomicU64,
}

/// Counters by rule, then by issuer: both are configured names, so that no caller makes a series. Read without a lock;
/// a series that is new is put into a copy, which happens once for each.
type Checks = HashMap<Arc<str>, HashMap<Arc<str>, Vec<Series>>>;

#[derive(Clone, Debug)]
struct Series {
    decision: &'static str,
    reason: &'static str,
    count: Arc<AtomicU64>,
}

/// A decision and its reason, admissions first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outcome {
    /// `allow` or `deny`.
    pub decision: &'static str,
    /// Why.
    pub reason: &'static str,
}

impl DecisionMetrics {
    /// Counts a decision.
    pub fn count(&self, record: &Record<'_>, took: Duration) {
        self.duration.observe(took);
        match record.recall {
            Some(Recall::Hit) => self.cache_hits.fetch_add(1, Ordering::Relaxed),
            Some(Recall::Miss) => self.cache_misses.fetch_add(1, Ordering::Relaxed),
            None => 0,
        };
        let issuer = record.issuer_label();
        if let Some(count) = find(&self.checks.load(), record, issuer) {
            count.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.checks
            .rcu(|checks| with_series(checks, record, issuer));
        // Only a configuration that came in between can have taken the series away again, and then nobody asks for it.
        if let Some(count) = find(&self.checks.load(), record, issuer) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many decisions there were of each outcome, whatever rule and issuer.
    pub fn by_outcome(&self) -> BTreeMap<Outcome, u64> {
        let mut counted = BTreeMap::new();
        let checks = self.checks.load();
        for series in checks.values().flat_map(HashMap::values).flatten() {
            let outcome = Outcome {
                decision: series.decision,
                reason: series.reason,
            };
            *counted.entry(outcome).or_default() += series.count.load(Ordering::Relaxed);
        }
        counted
    }

    /// Forgets what no configured rule or issuer can count any more.
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

    /// Writes them.
    ///
    /// # Errors
    /// Those of the text that is written to.
    pub fn write(&self, text: &mut Exposition<'_>) -> fmt::Result {
        let checks = self.checks.load();
        let samples = checks.iter().flat_map(|(rule, issuers)| {
            issuers.iter().flat_map(move |(issuer, series)| {
                series.iter().map(move |series| {
                    let labels: Vec<(&'static str, &str)> = vec![
                        ("decision", series.decision),
                        ("reason", series.reason),
                        ("issuer", issuer),
                        ("rule", rule),
                    ];
                    (labels, series.count.load(Ordering::Relaxed))
                })
            })
        });
        text.counters("accredit_checks", "Decisions", samples)?;
        text.histogram(
            "accredit_check_duration_seconds",
            "Time from a call's headers to its answer, waits for keys included",
            &self.duration,
        )?;
        let read = |count: &AtomicU64| [(Vec::new(), count.load(Ordering::Relaxed))];
        text.counters(
            "accredit_token_cache_hits",
            "Tokens that had been verified before",
            read(&self.cache_hits),
        )?;
        text.counters(
            "accredit_token_cache_misses",
            "Tokens that were looked for among the remembered ones and not found",
            read(&self.cache_misses),
        )
    }
}

fn find<'a>(checks: &'a Checks, record: &Record<'_>, issuer: &str) -> Option<&'a AtomicU64> {
    let series = checks.get(record.rule)?.get(issuer)?;
    let own = series
        .iter()
        .find(|series| series.reason == record.reason)?;
    Some(&own.count)
}

fn with_series(checks: &Checks, record: &Record<'_>, issuer: &str) -> Checks {
    let mut checks = checks.clone();
    let series = checks
        .entry(record.rule.into())
        .or_default()
        .entry(issuer.into())
        .or_default();
    if !series.iter().any(|series| series.reason == record.reason) {
        series.push(Series {
            decision: record.decision,
            reason: record.reason,
            count: Arc::default(),
        });
    }
    checks
}
