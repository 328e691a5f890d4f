//! The configuration of one filter: what it decides by now, and the tasks that keep it current.

use std::sync::Arc;

use accredit_core::config::filter_config::FilterConfigOrigin;

use crate::process::active_policy::ActivePolicy;
use crate::process::configuration_reading::SeenConfiguration;
use crate::process::configuration_tasks::ConfigurationTasks;
use crate::process::configuration_watch::ConfigurationWatch;
use crate::process::module_process::ModuleProcess;
use crate::process::policy::{ConfigurationError, LoadedFilter, file_text, origin, read};

/// One configuration of the filter, from `config_new` to `config_destroy`. Dropping it ends its tasks.
#[derive(Debug)]
pub struct FilterConfiguration {
    active: Arc<ActivePolicy>,
    tasks: Arc<ConfigurationTasks>,
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
        let LoadedFilter { filter, rules } = read(&text, None)?;
        let in_force = filter.resolved.rules_in_force.clone();
        let policy = process.policy(filter)?;
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
        let FilterConfiguration { active, tasks } = &configuration;
        let seen = SeenConfiguration { text, rules };
        let watch = ConfigurationWatch::new(seen, in_force, active, tasks, process);
        if watch.has_files() {
            let watching = async { match watch.run().await {} };
            let watching = process.runtime().spawn(watching).abort_handle();
            configuration.tasks.watch_by(watching);
        }
        Ok(configuration)
    }

    pub fn active(&self) -> &Arc<ActivePolicy> {
        &self.active
    }
}

impl Drop for FilterConfiguration {
    fn drop(&mut self) {
        self.tasks.end();
    }
}
