//! The metrics of the process. Each part of the service writes its own.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use accredit_core::authz::authorizer::Authorizer;
use accredit_core::rules::rules_file::RulesFileState;
use tokio::time::Instant;

use crate::deny_list;
use crate::envoy::current::Current;
use crate::envoy::in_flight::InFlight;
use crate::envoy::service;
use crate::jwks;
use crate::jwks::metrics::NamedStores;
use crate::observe::decision_metrics::DecisionMetrics;
use crate::replay;
use crate::server::connection_errors::ConnectionErrors;
use crate::server::http::MetricsSource;
use crate::telemetry::build_info::{COMMIT, VERSION};
use crate::telemetry::log_queue::STANDARD_ERROR;
use crate::telemetry::metrics::{Exposition, Metrics};
use crate::telemetry::traces::Traces;

const SECONDS_OF_A_DAY: f64 = 86_400.0;

/// Counts the reloads of the configuration.
#[derive(Debug, Default)]
pub struct ReloadMetrics {
    succeeded: AtomicU64,
    failed: AtomicU64,
    last_failed: AtomicBool,
}

/// The parts of the service that have metrics.
pub(crate) struct MeasuredParts {
    pub(crate) current: Arc<Current<Authorizer>>,
    pub(crate) in_flight: InFlight,
    pub(crate) decisions: Arc<DecisionMetrics>,
    pub(crate) traces: Traces,
    pub(crate) reloads: Arc<ReloadMetrics>,
    pub(crate) connection_errors: [Arc<ConnectionErrors>; 3],
}

/// The text of `/metrics`.
pub(crate) fn source(measured: MeasuredParts) -> MetricsSource {
    let MeasuredParts {
        current,
        in_flight,
        decisions,
        traces,
        reloads,
        connection_errors,
    } = measured;
    let metrics = Metrics::new(vec![
        Box::new(move |text| decisions.write(text)),
        Box::new(move |text| in_flight_and_limit(text, &in_flight)),
        Box::new(move |text| {
            let service = current.load();
            in_force(text, &[service.authorizer()])?;
            let store = service.replay_store();
            store.map_or(Ok(()), |store| replay::metrics::write(text, store))
        }),
        Box::new(move |text| reloads.write(text)),
        Box::new(move |text| of_connections(text, &connection_errors)),
        Box::new(move |text| spans(text, &traces)),
        Box::new(log_lines),
        Box::new(build_info),
    ]);
    Arc::new(move || metrics.text())
}

fn in_flight_and_limit(text: &mut Exposition<'_>, in_flight: &InFlight) -> fmt::Result {
    text.gauges(
        "accredit_checks_in_flight",
        "Checks being answered, without those that wait for keys",
        [(Vec::new(), in_flight.count() as f64)],
    )?;
    text.gauges(
        "accredit_checks_in_flight_limit",
        "The maximum of accredit_checks_in_flight (max_concurrent_checks)",
        [(Vec::new(), in_flight.limit() as f64)],
    )
}

/// Writes the metrics of the active configurations, the newest first. Each series is written once, with the value of
/// the newest configuration that has it. Configurations of one process share their token cache, unless they have none,
/// and the memory of used proofs.
///
/// # Errors
/// Those of `text`.
pub fn in_force(text: &mut Exposition<'_>, authorizers: &[&Authorizer]) -> fmt::Result {
    let each = || authorizers.iter().copied();
    let caches = each().map(|authorizer| authorizer.authenticator().token_cache().len());
    text.gauges(
        "accredit_token_cache_entries",
        "Verified tokens in the token cache",
        [(Vec::new(), caches.max().unwrap_or_default() as f64)],
    )?;
    // These counters belong to the whole process.
    let filtered = each().map(Authorizer::filtered_requests);
    text.counters(
        "accredit_filtered_requests",
        "Requests of which Envoy sent only some headers, so that accredit could not remove look-alikes of claim headers",
        [(Vec::new(), filtered.max().unwrap_or_default())],
    )?;
    let dropped = each().map(|authorizer| authorizer.sources().dropped_cookies().count());
    text.counters(
        "accredit_dropped_cookies",
        "Cookies that were left out when a token was removed, because an answer to Envoy cannot express their bytes",
        [(Vec::new(), dropped.max().unwrap_or_default())],
    )?;
    let proofs = each().map(|authorizer| authorizer.authenticator().proofs().len());
    text.gauges(
        "accredit_used_proofs",
        "DPoP proofs that are remembered so that none can be used twice (replay.size is the limit)",
        [(Vec::new(), proofs.max().unwrap_or_default() as f64)],
    )?;
    let limits = each().map(|authorizer| authorizer.authenticator().proofs().terms().size);
    text.gauges(
        "accredit_used_proofs_limit",
        "The maximum of accredit_used_proofs (replay.size); at it, checks with a new proof are denied with internal_error",
        [(Vec::new(), limits.max().unwrap_or_default() as f64)],
    )?;
    let mut lists = each().filter_map(|authorizer| authorizer.authenticator().deny_list());
    if let Some(list) = lists.next() {
        deny_list::metrics::write(text, list, Instant::now().into_std())?;
    }
    let mut paths = BTreeSet::new();
    let files = each().flat_map(|authorizer| authorizer.rules().files());
    let files = files.filter(|file| paths.insert(file.path.clone()));
    text.gauges(
        "accredit_rules_file_current",
        "1 if the rules that the file has now are in force, 0 if it is invalid; present with rules_from",
        files.map(|file| {
            let is_current = file.state == RulesFileState::Current;
            (vec![("file", &*file.path)], f64::from(u8::from(is_current)))
        }),
    )?;
    let now = service::now().ok().map(|moment| moment.wall.seconds());
    let mut names = BTreeSet::new();
    let rules = each().flat_map(|authorizer| authorizer.rules().iter());
    let trials = rules.filter_map(|rule| {
        let left = rule.trial_end?.seconds() - now?;
        names.insert(rule.name.clone()).then(|| {
            (
                vec![("rule", &*rule.name)],
                (left / SECONDS_OF_A_DAY).max(0.0),
            )
        })
    });
    text.gauges(
        "accredit_shadow_rules",
        "Days until the trial of the rule ends (shadow.until); 0 if it has ended and the rule is enforced",
        trials,
    )?;
    let stores = named_stores(each());
    jwks::metrics::write(text, &stores, Instant::now().into_std())
}

fn named_stores<'a>(authorizers: impl Iterator<Item = &'a Authorizer>) -> NamedStores {
    let mut named = BTreeSet::new();
    let mut stores = NamedStores::new();
    for issuer in authorizers.flat_map(|authorizer| authorizer.authenticator().issuers().iter()) {
        let names = issuer.names.iter();
        let names: Vec<_> = names
            .filter(|name| named.insert((*name).clone()))
            .cloned()
            .collect();
        if !names.is_empty() {
            stores.push((names, issuer.keys.clone()));
        }
    }
    stores
}

fn of_connections(text: &mut Exposition<'_>, errors: &[Arc<ConnectionErrors>]) -> fmt::Result {
    let counts = errors.iter().flat_map(|errors| errors.counts());
    text.counters(
        "accredit_connection_errors",
        "Connections that spoke the wrong protocol or broke a limit, by port and kind",
        counts.map(|(port, kind, count)| (vec![("port", port), ("kind", kind)], count)),
    )
}

/// The exported and the dropped spans, if tracing is on.
///
/// # Errors
/// Those of the text that is written to.
pub fn spans(text: &mut Exposition<'_>, traces: &Traces) -> fmt::Result {
    let Some(counts) = traces.counts() else {
        return Ok(());
    };
    let read = |count: &AtomicU64| [(Vec::new(), count.load(Ordering::Relaxed))];
    text.counters(
        "accredit_spans_exported",
        "Spans that the receiver accepted; present if tracing is on",
        read(&counts.exported),
    )?;
    text.counters(
        "accredit_spans_dropped",
        "Spans that were dropped because the queue was full or the export failed; present if tracing is on",
        read(&counts.dropped),
    )
}

fn log_lines(text: &mut Exposition<'_>) -> fmt::Result {
    text.counters(
        "accredit_log_lines_dropped",
        "Log lines that were dropped because standard error was not read in time, or writing failed",
        [(Vec::new(), STANDARD_ERROR.dropped())],
    )
}

/// # Errors
/// Those of `text`.
pub fn build_info(text: &mut Exposition<'_>) -> fmt::Result {
    text.gauges(
        "accredit_build_info",
        "1; the labels have the version of accredit and the commit that it was built from",
        [(vec![("version", VERSION), ("commit", COMMIT)], 1.0)],
    )
}

// === impl ReloadMetrics ===

impl ReloadMetrics {
    /// Counts a reload that took effect.
    pub fn succeeded(&self) {
        self.succeeded.fetch_add(1, Ordering::Relaxed);
        self.last_failed.store(false, Ordering::Relaxed);
    }

    /// Counts a reload that changed nothing.
    pub fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.last_failed.store(true, Ordering::Relaxed);
    }

    /// # Errors
    /// Those of `text`.
    pub fn write(&self, text: &mut Exposition<'_>) -> fmt::Result {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        text.counters(
            "accredit_config_reloads",
            "Reloads of the configuration, by result",
            [
                (vec![("result", "success")], read(&self.succeeded)),
                (vec![("result", "failure")], read(&self.failed)),
            ],
        )?;
        let last = if self.last_failed.load(Ordering::Relaxed) {
            0.0
        } else {
            1.0
        };
        text.gauges(
            "accredit_config_last_reload_successful",
            "1 if the latest reload succeeded or there was none, 0 if it failed",
            [(Vec::new(), last)],
        )
    }
}
