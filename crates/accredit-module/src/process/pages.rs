//! The pages that the module serves on Envoy's admin (CONTRACT 9.9): its state as JSON, and its metrics.

use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use accredit::admin::readiness;
use accredit::observe::report::DecisionReport;
use accredit::telemetry::printable::printable_json;
use serde_json::{Value, json};

use crate::process::active_policy::ActivePolicy;
use crate::process::metrics;
use crate::process::module_process::ModuleProcess;

/// The paths, and what each is about, for Envoy's list of admin pages.
pub const PAGES: [(&str, &str); 2] = [
    ("/accredit", "accredit: issuers, keys and the last denials"),
    ("/accredit/metrics", "accredit: metrics for Prometheus"),
];

/// The maximum number of denials that the state shows.
const MAX_REFUSALS: usize = 100;

/// The status and the body of the answer to a request for this path, which can have a query.
pub fn page(path: &str, process: Option<&'static ModuleProcess>) -> (u16, String) {
    let path = path.split('?').next().unwrap_or_default();
    match path.trim_end_matches('/') {
        "/accredit" => (200, state(process)),
        "/accredit/metrics" => (200, process.map(metrics::text).unwrap_or_default()),
        _ => (404, "no such page of accredit\n".to_owned()),
    }
}

fn state(process: Option<&'static ModuleProcess>) -> String {
    let now = Instant::now();
    let policies = process.map(ModuleProcess::policies).unwrap_or_default();
    let configurations: Vec<_> = policies
        .iter()
        .map(|active| configuration(active, now))
        .collect();
    let refusals = process.map(|process| {
        process
            .observer()
            .last_refusals
            .latest_of(MAX_REFUSALS, |_| true)
    });
    let refusals = refusals.unwrap_or_default();
    let refusals: Vec<_> = refusals.iter().map(refusal).collect();
    let state = json!({
        "version": env!("CARGO_PKG_VERSION"),
        // Without a configuration, no filter decides.
        "ready": !policies.is_empty() && policies.iter().all(|active| active.is_ready()),
        "configurations": configurations,
        "last_refusals": refusals,
    });
    printable_json(&format!("{state:#}\n")).into_owned()
}

fn configuration(active: &ActivePolicy, now: Instant) -> Value {
    let policy = active.load();
    let mut report = readiness::report(active.is_ready(), &policy.authorizer, now);
    if let Some(members) = report.as_object_mut() {
        members.insert("config".to_owned(), json!(&*policy.disclosure.config));
        members.insert("file".to_owned(), json!(active.file()));
    }
    report
}

fn refusal(report: &Arc<DecisionReport>) -> Value {
    let request = report.request.as_ref();
    let since_epoch: Duration = report.at.duration_since(UNIX_EPOCH).unwrap_or_default();
    json!({
        "unix_seconds": since_epoch.as_secs_f64(),
        "reason": report.record.reason.as_str(),
        "rule": &*report.record.rule,
        "issuer": report.record.issuer(),
        "key_id": report.record.key_id(),
        "request_id": request.and_then(|request| request.id.as_deref()),
        "method": request.map(|request| &*request.method),
        "host": request.map(|request| &*request.host),
        "path": request.map(|request| &*request.path),
        "config": &*report.config,
    })
}
