//! The metrics of the module: as text for Prometheus, and as statistics of Envoy.

use std::fmt;

use accredit::app::metrics::{build_info, in_force, spans};
use accredit::telemetry::metrics::{Exposition, MetricSample, Metrics};

use crate::process::log;
use crate::process::module_process::ModuleProcess;

/// A family of metrics, and the names of its labels in their order.
pub type MetricFamily = (&'static str, &'static [&'static str]);

/// The counters among [`samples`], which Envoy's statistics have too.
pub const COUNTERS: [MetricFamily; 12] = [
    ("accredit_checks", &["decision", "reason", "issuer", "rule"]),
    ("accredit_config_reloads", &["result"]),
    ("accredit_deny_list_loads", &["result"]),
    ("accredit_dropped_cookies", &[]),
    ("accredit_filtered_requests", &[]),
    ("accredit_jwks_fetches", &["issuer", "result"]),
    ("accredit_log_lines_dropped", &[]),
    ("accredit_panics", &[]),
    ("accredit_spans_dropped", &[]),
    ("accredit_spans_exported", &[]),
    ("accredit_token_cache_hits", &[]),
    ("accredit_token_cache_misses", &[]),
];

/// The gauges among [`samples`].
pub const GAUGES: [MetricFamily; 14] = [
    ("accredit_build_info", &["version", "commit"]),
    ("accredit_config_last_reload_successful", &[]),
    ("accredit_deny_list_age_seconds", &[]),
    ("accredit_deny_list_entries", &[]),
    ("accredit_jwks_age_seconds", &["issuer"]),
    ("accredit_jwks_generation", &["issuer"]),
    ("accredit_jwks_keys", &["issuer"]),
    ("accredit_jwks_keys_set_aside", &["issuer", "reason"]),
    ("accredit_jwks_max_stale_seconds", &["issuer"]),
    ("accredit_jwks_missing", &["issuer"]),
    ("accredit_rules_file_current", &["file"]),
    ("accredit_shadow_rules", &["rule"]),
    ("accredit_token_cache_entries", &[]),
    ("accredit_used_proofs", &[]),
];

/// The text format of Prometheus.
pub fn text(process: &'static ModuleProcess) -> String {
    Metrics::new(vec![Box::new(|text| write(text, process))]).text()
}

/// Every counter and gauge at this moment.
pub fn samples(process: &ModuleProcess) -> Vec<MetricSample> {
    Exposition::collect(|samples| write(samples, process)).unwrap_or_default()
}

fn write(text: &mut Exposition<'_>, process: &ModuleProcess) -> fmt::Result {
    process.observer().metrics.write(text)?;
    let policies = process.policies();
    let policies: Vec<_> = policies.iter().rev().map(|active| active.load()).collect();
    let authorizers: Vec<_> = policies.iter().map(|policy| &policy.authorizer).collect();
    in_force(text, &authorizers)?;
    process.reloads().write(text)?;
    spans(text, &process.observer().traces)?;
    text.counters(
        "accredit_panics",
        "Panics of threads of the module; a request that causes one is denied with 500",
        [(Vec::new(), log::panics())],
    )?;
    text.counters(
        "accredit_log_lines_dropped",
        "Log lines that were dropped because standard error was not read in time, or writing failed",
        [(Vec::new(), log::dropped_lines())],
    )?;
    build_info(text)
}
