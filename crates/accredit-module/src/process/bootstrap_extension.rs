//! The bootstrap extension: it holds Envoy's readiness until the keys have come (CONTRACT 9.9), and says when metrics are due.

use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use accredit::supervision::keep_running;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::task::AbortHandle;

use crate::process::configuration::FilterConfiguration;
use crate::process::module_process::ModuleProcess;
use crate::process::resumption::{ResumeAtEnd, SharedResumption};

/// How often Envoy's statistics are updated. Envoy itself flushes them every 5 s by default.
const METRICS_INTERVAL: Duration = Duration::from_secs(5);

/// The bootstrap extension of one Envoy. Dropping it ends its tasks.
#[derive(Debug)]
pub struct BootstrapExtension {
    /// Issuers whose keys are fetched before the first listener exists.
    _own: Option<FilterConfiguration>,
    ready: SharedResumption,
    metrics: SharedResumption,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl BootstrapExtension {
    /// `own` is the configuration of the extension itself, if it has one. The main thread is called by `ready` and `metrics`.
    pub fn new(
        own: Option<FilterConfiguration>,
        ready: SharedResumption,
        metrics: SharedResumption,
    ) -> BootstrapExtension {
        BootstrapExtension {
            _own: own,
            ready,
            metrics,
            tasks: Mutex::default(),
        }
    }

    /// Calls the main thread once every configuration that exists now is ready, and each time metrics are due.
    pub fn start(&self, process: &ModuleProcess) {
        let policies = process.policies();
        // A configuration that Envoy removes meanwhile has no keys to wait for.
        let ready: Vec<_> = policies.iter().map(|policy| policy.ready()).collect();
        let at_end = ResumeAtEnd(self.ready.clone());
        let waiting = process.runtime().spawn(async move {
            let _at_end = at_end;
            join_all(ready).await;
        });
        let mut metrics = self.metrics.clone();
        let publishing = process.runtime().spawn(async move {
            match keep_running("statistics", &mut metrics, |metrics| {
                publish(metrics).boxed()
            })
            .await {}
        });
        let tasks = [waiting.abort_handle(), publishing.abort_handle()];
        self.tasks().extend(tasks);
    }

    fn tasks(&self) -> MutexGuard<'_, Vec<AbortHandle>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn publish(metrics: &SharedResumption) -> Infallible {
    loop {
        tokio::time::sleep(METRICS_INTERVAL).await;
        metrics.resume();
    }
}

impl Drop for BootstrapExtension {
    fn drop(&mut self) {
        self.ready.end();
        self.metrics.end();
        for task in self.tasks().drain(..) {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests;
