//! Replaces the policy of a filter when its configuration file or one of its rules files changes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use accredit::app::pending::{PendingConfigurations, SettledConfiguration};
use accredit::app::rules_files::RulesFilesRead;
use accredit::app::rules_watch::RulesWatch;
use accredit::file_watch::FileWatch;
use accredit_core::config::rules_files::RulesInForce;

use crate::process::active_policy::ActivePolicy;
use crate::process::configuration_tasks::ConfigurationTasks;
use crate::process::module_process::{ModuleProcess, PreparedPolicy};
use crate::process::policy::{ConfigurationError, LoadedFilter, file_text, read};

/// How often the files are read without a sign of a change: some file systems report none, such as those of a network.
const POLL_INTERVAL: Duration = Duration::from_secs(30);

/// Follows the files of one configuration of the filter.
pub(in crate::process) struct ConfigurationWatch {
    /// `None` if the text of the filter is the configuration.
    pub(in crate::process) file: Option<PathBuf>,
    /// The text of the latest attempt.
    pub(in crate::process) text: String,
    /// The rules files of the latest attempt.
    pub(in crate::process) rules: RulesFilesRead,
    /// The last valid rules of each file.
    pub(in crate::process) valid_rules: RulesInForce,
    pub(in crate::process) active: Weak<ActivePolicy>,
    pub(in crate::process) tasks: Weak<ConfigurationTasks>,
    pub(in crate::process) process: &'static ModuleProcess,
}

/// A configuration that is not in force yet.
struct ReadConfiguration {
    config: Arc<str>,
    /// Whether every rules file is valid.
    are_files_valid: bool,
}

type PendingPolicies =
    PendingConfigurations<ReadConfiguration, Result<PreparedPolicy, ConfigurationError>>;

impl ConfigurationWatch {
    /// Whether there is a file to follow.
    pub(in crate::process) fn has_files(&self) -> bool {
        self.file.is_some() || !self.rules.entries.is_empty()
    }

    /// Runs until it is dropped.
    pub(in crate::process) async fn run(mut self) {
        let watched = |file: &Path| FileWatch::of(file).map_err(|error| error.to_string());
        let mut watch = self.file.as_deref().map(watched);
        if let Some(Err(error)) = &watch {
            tracing::warn!(
                error,
                interval_seconds = POLL_INTERVAL.as_secs(),
                "cannot watch the configuration file; reading it at intervals"
            );
        }
        let mut rules_watch = RulesWatch::of(&self.rules.entries);
        let mut pending = PendingPolicies::default();
        // The files can have changed before the watch began.
        let mut is_unwatched_until_now = true;
        loop {
            tokio::select! {
                // A configuration that can take effect is in force before the next one is read.
                biased;
                settled = pending.settled() => {
                    self.settle(&mut pending, settled);
                    continue;
                }
                () = settled(watch.as_mut()) => {}
                () = rules_watch.settled() => {}
                () = tokio::time::sleep(POLL_INTERVAL) => {}
                () = std::future::ready(()), if is_unwatched_until_now => {}
            }
            self.compare(&mut pending);
            is_unwatched_until_now = rules_watch.follow(&self.rules.entries);
        }
    }

    /// Reads the configuration again if a file has changed.
    fn compare(&mut self, pending: &mut PendingPolicies) {
        let text = match self.file.as_deref().map(file_text) {
            None => self.text.clone(),
            Some(Ok(text)) => text,
            Some(Err(error)) => return self.reject(&error),
        };
        let rules = RulesFilesRead::of(self.rules.entries.clone());
        if text == self.text && rules == self.rules {
            return;
        }
        (self.text, self.rules) = (text, rules);
        let LoadedFilter { filter, rules } = match read(&self.text, Some(&self.valid_rules)) {
            Ok(loaded) => loaded,
            Err(error) => return self.reject(&error),
        };
        self.rules = rules;
        let resolved = &filter.resolved;
        for problem in &resolved.rejected {
            tracing::error!(
                %problem,
                "rules file is invalid and does not take effect; its last valid rules stay active"
            );
        }
        let read = ReadConfiguration {
            config: resolved.settings.config.clone(),
            are_files_valid: resolved.rejected.is_empty(),
        };
        let valid_rules = resolved.rules_in_force.clone();
        match self.process.prepare(filter) {
            Ok(prepared) => {
                // Before it is active: if a file becomes invalid meanwhile, the next configuration keeps these rules.
                self.valid_rules = valid_rules;
                if let Some(oldest) = pending.push(read, prepared) {
                    supersede(oldest);
                }
            }
            Err(error) => self.reject(&error),
        }
    }

    /// The wait of a configuration for its keys and its deny list has ended.
    fn settle(
        &mut self,
        pending: &mut PendingPolicies,
        settled: SettledConfiguration<
            ReadConfiguration,
            Result<PreparedPolicy, ConfigurationError>,
        >,
    ) {
        if settled.result.is_ok() {
            pending.supersede_earlier(&settled).for_each(supersede);
        }
        let prepared = match settled.result {
            Ok(prepared) => prepared,
            Err(error) => return self.reject(&error),
        };
        let (Some(active), Some(tasks)) = (self.active.upgrade(), self.tasks.upgrade()) else {
            return;
        };
        let ReadConfiguration {
            config,
            are_files_valid,
        } = settled.label;
        active.replace(self.process.build(prepared));
        if !active.is_ready() {
            tasks.wait_for_keys(&active, self.process);
        }
        // The latest reload counts as failed until every file is valid: Envoy could not start with these files.
        self.process.count_reload(are_files_valid);
        tracing::info!(config = &*config, "configuration reloaded");
    }

    fn reject(&self, error: &ConfigurationError) {
        self.process.count_reload(false);
        for line in error.lines() {
            tracing::error!("{line}");
        }
        tracing::error!("configuration reload failed; the previous configuration stays active");
    }
}

fn supersede(read: ReadConfiguration) {
    tracing::info!(
        config = &*read.config,
        "configuration superseded by a newer one before it was active"
    );
}

/// Waits until the configuration file may have changed. Without one it does not resolve.
async fn settled(watch: Option<&mut Result<FileWatch, String>>) {
    match watch {
        Some(Ok(watch)) => watch.settled().await,
        Some(Err(_)) | None => std::future::pending().await,
    }
}
