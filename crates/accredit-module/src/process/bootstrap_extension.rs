//! The bootstrap extension: it holds Envoy's readiness until the keys have come (CONTRACT 9.9).

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

use crate::process::configuration::FilterConfiguration;
use crate::process::module_process::ModuleProcess;
use crate::process::resumption::{ResumeAtEnd, SharedResumption};

/// The bootstrap extension of one Envoy. Dropping it ends its wait.
#[derive(Debug)]
pub struct BootstrapExtension {
    /// Issuers whose keys are fetched before the first listener exists.
    _own: Option<FilterConfiguration>,
    main_thread: SharedResumption,
    waiting: Mutex<Option<AbortHandle>>,
}

impl BootstrapExtension {
    /// `own` is the configuration of the extension itself, if it has one.
    pub fn new(
        own: Option<FilterConfiguration>,
        main_thread: SharedResumption,
    ) -> BootstrapExtension {
        BootstrapExtension {
            _own: own,
            main_thread,
            waiting: Mutex::default(),
        }
    }

    /// Calls the main thread once every configuration that exists now is ready.
    pub fn wait(&self, process: &ModuleProcess) {
        let policies = process.policies();
        let at_end = ResumeAtEnd(self.main_thread.clone());
        let waiting = process.runtime().spawn(async move {
            let _at_end = at_end;
            for policy in policies {
                policy.ready().await;
            }
        });
        *self.waiting() = Some(waiting.abort_handle());
    }

    fn waiting(&self) -> MutexGuard<'_, Option<AbortHandle>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for BootstrapExtension {
    fn drop(&mut self) {
        self.main_thread.end();
        if let Some(waiting) = self.waiting().take() {
            waiting.abort();
        }
    }
}
