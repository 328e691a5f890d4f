//! The configuration of one filter: what it decides by now, and how that is replaced when its file changes.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use accredit::app::apply::first_fetches;
use accredit::app::becoming_ready::keys_of;
use accredit::file_watch::FileWatch;
use accredit_core::config::filter_config::{FilterConfigOrigin, FilterSettings};
use accredit_core::engine::key_entries;
use tokio::task::AbortHandle;

use crate::process::active_policy::ActivePolicy;
use crate::process::module_process::ModuleProcess;
use crate::process::policy::{ConfigurationError, Policy, file_text, origin, read};

/// How often a file is read that the system cannot watch.
const POLL_INTERVAL: Duration = Duration::from_secs(30);

/// One configuration of the filter, from `config_new` to `config_destroy`. Dropping it ends its tasks.
#[derive(Debug)]
pub struct FilterConfiguration {
    active: Arc<ActivePolicy>,
    tasks: Arc<ConfigurationTasks>,
}

#[derive(Debug, Default)]
struct ConfigurationTasks {
    waiting_for_keys: Mutex<Option<AbortHandle>>,
    watching: Mutex<Option<AbortHandle>>,
}

impl FilterConfiguration {
    /// Reads a configuration and begins to fetch its keys.
    ///
    /// # Errors
    /// [`ConfigurationError`]
    pub fn start(
        text: &str,
        process: &'static ModuleProcess,
    ) -> Result<FilterConfiguration, ConfigurationError> {
        let file = match origin(text)? {
            FilterConfigOrigin::Text => None,
            FilterConfigOrigin::File(path) => Some(path),
        };
        let text = match &file {
            None => text.to_owned(),
            Some(path) => file_text(path)?,
        };
        let policy = process.policy(read_with_warnings(&text)?)?;
        let config = &*policy.disclosure.config;
        tracing::info!(
            config,
            file = file
                .as_ref()
                .map(|file| tracing::field::display(file.display())),
            version = env!("CARGO_PKG_VERSION"),
            "configuration loaded"
        );
        let configuration = FilterConfiguration {
            active: Arc::new(ActivePolicy::new(policy, file.clone())),
            tasks: Arc::default(),
        };
        process.register(&configuration.active);
        configuration
            .tasks
            .wait_for_keys(&configuration.active, process);
        if let Some(file) = file {
            let watch = ConfigurationWatch {
                file,
                last: text,
                active: Arc::downgrade(&configuration.active),
                tasks: Arc::downgrade(&configuration.tasks),
                process,
            };
            let watching = process.runtime().spawn(watch.run()).abort_handle();
            *lock(&configuration.tasks.watching) = Some(watching);
        }
        Ok(configuration)
    }

    pub fn active(&self) -> &Arc<ActivePolicy> {
        &self.active
    }
}

impl Drop for FilterConfiguration {
    fn drop(&mut self) {
        for task in [&self.tasks.waiting_for_keys, &self.tasks.watching] {
            if let Some(task) = lock(task).take() {
                task.abort();
            }
        }
    }
}

impl ConfigurationTasks {
    /// Sets the policy ready once its keys have come. Gives up the wait for the keys of an earlier policy.
    fn wait_for_keys(&self, active: &Arc<ActivePolicy>, process: &ModuleProcess) {
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
}

/// Replaces the policy each time its file has changed.
struct ConfigurationWatch {
    file: PathBuf,
    /// The text of the latest attempt.
    last: String,
    active: Weak<ActivePolicy>,
    tasks: Weak<ConfigurationTasks>,
    process: &'static ModuleProcess,
}

impl ConfigurationWatch {
    async fn run(mut self) {
        let mut watch = FileWatch::of(&self.file);
        if let Err(error) = &watch {
            tracing::warn!(
                %error,
                file = %self.file.display(),
                interval_seconds = POLL_INTERVAL.as_secs(),
                "cannot watch the configuration file; reading it at intervals"
            );
        }
        loop {
            // Also at the beginning: the file can have changed before the watch began.
            self.compare().await;
            match &mut watch {
                Ok(watch) => watch.settled().await,
                Err(_) => tokio::time::sleep(POLL_INTERVAL).await,
            }
        }
    }

    async fn compare(&mut self) {
        match file_text(&self.file) {
            Ok(text) if text == self.last => {}
            Ok(text) => {
                self.last = text;
                self.reload().await;
            }
            Err(error) => not_reloaded(&error),
        }
    }

    async fn reload(&self) {
        let policy = match replacement(&self.last, self.process).await {
            Ok(policy) => policy,
            Err(error) => return not_reloaded(&error),
        };
        let (Some(active), Some(tasks)) = (self.active.upgrade(), self.tasks.upgrade()) else {
            return;
        };
        let config = policy.disclosure.config.clone();
        active.replace(policy);
        if !active.is_ready() {
            tasks.wait_for_keys(&active, self.process);
        }
        tracing::info!(config = &*config, "configuration reloaded");
    }
}

fn read_with_warnings(text: &str) -> Result<FilterSettings, ConfigurationError> {
    let settings = read(text)?;
    for warning in &settings.resolved.warnings {
        tracing::warn!("{warning}");
    }
    Ok(settings)
}

fn not_reloaded(error: &ConfigurationError) {
    for line in error.lines() {
        tracing::error!("{line}");
    }
    tracing::error!("configuration reload failed; the previous configuration stays active");
}

async fn replacement(text: &str, process: &ModuleProcess) -> Result<Policy, ConfigurationError> {
    let FilterSettings {
        resolved,
        metadata_form,
    } = read_with_warnings(text)?;
    process.platform().require_form(metadata_form)?;
    let mut settings = resolved.settings;
    let leases = process.lease(settings.state_dir.as_deref(), &key_entries(&settings))?;
    let deny_list = process.deny_list(&settings)?;
    let first_list = async {
        match &deny_list {
            Some(keeper) => keeper.first_list().await,
            None => Ok(()),
        }
    };
    // CONTRACT 3.3.4
    let ((), listed) = tokio::join!(first_fetches(&settings, &leases), first_list);
    // Without a list, the new configuration would refuse every token.
    listed?;
    Ok(process.build(&mut settings, leases, deny_list, metadata_form))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
