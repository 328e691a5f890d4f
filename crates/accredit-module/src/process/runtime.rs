//! The thread of the runtime: it fetches keys, and does periodic work.

use std::convert::Infallible;
use std::io;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use accredit::supervision::keep_running;
use accredit::telemetry::traces::Traces;
use accredit_core::rules::table::DEFAULT_RULE;
use futures_util::FutureExt as _;
use tokio::runtime::Builder;

use crate::process::environment::environment;
use crate::process::log;
use crate::process::module_process::ModuleProcess;
use crate::process::platform::Platform;
use crate::process::policy::Policy;

/// Threads that resolve names for key fetches, at most.
const MAX_BLOCKING_THREADS: usize = 8;

/// The interval of the log lines that count what was left out.
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_secs(10);

/// The process, with its log and its thread, which the first call starts.
///
/// # Errors
/// If a thread cannot be started.
pub fn process_or_start(platform: Platform) -> io::Result<&'static ModuleProcess> {
    static STARTING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(process) = ModuleProcess::get() {
        return Ok(process);
    }
    log::start(platform)?;
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(MAX_BLOCKING_THREADS)
        .build()?;
    let handle = runtime.handle().clone();
    let (sender, receiver) = sync_channel::<&'static ModuleProcess>(1);
    let (trace_sender, traces) = sync_channel(1);
    let work = move || {
        // The thread that exports spans inherits from this one that it handles no signals.
        let _ = trace_sender.send(Traces::start(&environment));
        if let Ok(process) = receiver.recv() {
            match runtime.block_on(keep_house(process)) {}
        }
    };
    (platform.spawn)("accredit", Box::new(work))?;
    // Without an answer the thread has panicked: no keys will come.
    let traces = traces.recv().map_err(io::Error::other)?;
    let process = ModuleProcess::get_or_make(handle, platform, traces);
    // The thread waits for it.
    let _ = sender.send(process);
    Ok(process)
}

/// Does the periodic work. The thread also fetches keys: a panic here does not end it.
async fn keep_house(mut process: &'static ModuleProcess) -> Infallible {
    keep_running("housekeeping", &mut process, |process| {
        rounds(process).boxed()
    })
    .await
}

async fn rounds(process: &mut &'static ModuleProcess) -> Infallible {
    loop {
        tokio::time::sleep(HOUSEKEEPING_INTERVAL).await;
        round(process);
    }
}

fn round(process: &ModuleProcess) {
    process.observer().refusals.report_left_out();
    log::report_dropped();
    if process.remove_ended_refreshers() {
        tracing::error!(
            "a task that fetches keys ended unexpectedly; its keys serve until max_stale: restart Envoy, and report this"
        );
    }
    remove_old_series(process);
}

/// Removes the metrics of rules and issuers that no configuration has any more.
fn remove_old_series(process: &ModuleProcess) {
    let policies = process.policies();
    let policies: Vec<_> = policies.iter().map(|policy| policy.load()).collect();
    process.observer().metrics.keep_only(
        |rule| {
            let has_rule = |policy: &Arc<Policy>| {
                let mut rules = policy.authorizer.rules().iter();
                rules.any(|own| &*own.name == rule)
            };
            rule == DEFAULT_RULE || policies.iter().any(has_rule)
        },
        |issuer| {
            let has_issuer = |policy: &Arc<Policy>| {
                let issuers = policy.authorizer.authenticator().issuers();
                issuers.find(issuer).is_some()
            };
            policies.iter().any(has_issuer)
        },
    );
}

#[cfg(test)]
mod tests;
