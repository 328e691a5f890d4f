//! The tasks of one configuration of the filter.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use accredit::app::becoming_ready::keys_of;
use tokio::task::AbortHandle;

use crate::process::active_policy::ActivePolicy;
use crate::process::module_process::ModuleProcess;

/// What waits for the keys of a configuration, and what follows its files.
#[derive(Debug, Default)]
pub(in crate::process) struct ConfigurationTasks {
    waiting_for_keys: Mutex<Option<AbortHandle>>,
    watching: Mutex<Option<AbortHandle>>,
}

impl ConfigurationTasks {
    /// Sets the policy ready once its keys have come. Gives up the wait for the keys of an earlier policy.
    pub(in crate::process) fn wait_for_keys(
        &self,
        active: &Arc<ActivePolicy>,
        process: &ModuleProcess,
    ) {
        let (policy, active) = (active.load(), Arc::downgrade(active));
        let waiting = process.runtime().spawn(async move {
            keys_of(&policy.authorizer, policy.startup_wait).await;
            if let Some(active) = active.upgrade() {
                active.set_ready();
            }
        });
        let earlier = lock(&self.waiting_for_keys).replace(waiting.abort_handle());
        if let Some(earlier) = earlier {
            earlier.abort();
        }
    }

    /// The task that follows the files.
    pub(in crate::process) fn watch_by(&self, watching: AbortHandle) {
        *lock(&self.watching) = Some(watching);
    }

    /// Ends the tasks.
    pub(in crate::process) fn end(&self) {
        for task in [&self.waiting_for_keys, &self.watching] {
            if let Some(task) = lock(task).take() {
                task.abort();
            }
        }
    }
}

fn lock(task: &Mutex<Option<AbortHandle>>) -> MutexGuard<'_, Option<AbortHandle>> {
    task.lock().unwrap_or_else(PoisonError::into_inner)
}
