//! Replaces the policy of a filter when its configuration file or one of its rules files changes.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use accredit::app::pending::{PendingConfigurations, SettledConfiguration};
use accredit::app::rules_watch::RulesWatch;
use accredit::file_watch::FileWatch;
use accredit::supervision::keep_running;
use accredit_core::config::rules_files::RulesInForce;
use futures_util::FutureExt as _;
use tokio::time::{Instant, sleep_until};

use crate::process::active_policy::ActivePolicy;
use crate::process::configuration_reading::{
    ConfigurationReading, ReadConfiguration, ReadResult, SeenConfiguration,
};
use crate::process::configuration_tasks::ConfigurationTasks;
use crate::process::module_process::{ModuleProcess, PreparedPolicy};
use crate::process::policy::ConfigurationError;

/// How often the files are read without a sign of a change: some file systems report none, such as those of a network.
const POLL_INTERVAL: Duration = Duration::from_secs(30);

/// Follows the files of one configuration of the filter.
pub(in crate::process) struct ConfigurationWatch {
    /// `None` if the text of the filter is the configuration.
    file: Option<PathBuf>,
    /// What the latest attempt read.
    seen: Arc<SeenConfiguration>,
    /// The last valid rules of each file.
    valid_rules: RulesInForce,
    active: Weak<ActivePolicy>,
    tasks: Weak<ConfigurationTasks>,
    process: &'static ModuleProcess,
    has_begun: bool,
    /// The files were read, and what they have may not be in force for another cause than their text: it is read again after
    /// [`POLL_INTERVAL`] even if no file has changed.
    is_reload_due: bool,
}

type PendingPolicies =
    PendingConfigurations<ReadConfiguration, Result<PreparedPolicy, ConfigurationError>>;

impl ConfigurationWatch {
    /// A watch on the files from which the active policy was read, with these rules of files.
    pub(in crate::process) fn new(
        seen: SeenConfiguration,
        valid_rules: RulesInForce,
        active: &Arc<ActivePolicy>,
        tasks: &Arc<ConfigurationTasks>,
        process: &'static ModuleProcess,
    ) -> ConfigurationWatch {
        ConfigurationWatch {
            file: active.file().map(Path::to_owned),
            seen: Arc::new(seen),
            valid_rules,
            active: Arc::downgrade(active),
            tasks: Arc::downgrade(tasks),
            process,
            has_begun: false,
            is_reload_due: false,
        }
    }

    /// Whether there is a file to follow.
    pub(in crate::process) fn has_files(&self) -> bool {
        self.file.is_some() || !self.seen.rules.entries.is_empty()
    }

    /// Runs until it is dropped.
    pub(in crate::process) async fn run(mut self) -> Infallible {
        keep_running("configuration watch", &mut self, |own| own.follow().boxed()).await
    }

    async fn follow(&mut self) -> Infallible {
        // After a panic, what was read last may not be in force.
        let is_restarted = std::mem::replace(&mut self.has_begun, true);
        self.is_reload_due |= is_restarted;
        let mut is_forced = is_restarted;
        let watched = |file: &Path| FileWatch::of(file).map_err(|error| error.to_string());
        let mut watch = self.file.as_deref().map(watched);
        if let Some(Err(error)) = &watch {
            tracing::warn!(
                error,
                interval_seconds = POLL_INTERVAL.as_secs(),
                "cannot watch the configuration file; reading it at intervals"
            );
        }
        let mut rules_watch = RulesWatch::of(&self.seen.rules.entries);
        let mut pending = PendingPolicies::default();
        // The files can have changed before the watch began.
        let mut is_unwatched_until_now = true;
        let mut next_poll = Instant::now() + POLL_INTERVAL;
        loop {
            is_forced |= tokio::select! {
                // A configuration that can take effect is in force before the next one is read.
                biased;
                settled = pending.settled() => {
                    self.settle(&mut pending, settled);
                    continue;
                }
                () = settled(watch.as_mut()) => false,
                () = rules_watch.settled() => false,
                () = sleep_until(next_poll) => self.is_reload_due,
                () = std::future::ready(()), if is_unwatched_until_now => false,
            };
            self.compare(is_forced, &mut pending).await;
            is_forced = false;
            next_poll = Instant::now() + POLL_INTERVAL;
            is_unwatched_until_now = rules_watch.follow(&self.seen.rules.entries);
        }
    }

    /// Reads the configuration again if a file has changed, on another thread: files can be slow, and this one fetches keys.
    async fn compare(&mut self, is_forced: bool, pending: &mut PendingPolicies) {
        let reading = ConfigurationReading {
            file: self.file.clone(),
            seen: self.seen.clone(),
            valid_rules: self.valid_rules.clone(),
            is_forced,
            process: self.process,
        };
        let read = tokio::task::spawn_blocking(move || reading.read()).await;
        match read {
            Ok(ReadResult::Unchanged) => {}
            Ok(ReadResult::Unreadable(error)) => self.reject(&error),
            Ok(ReadResult::Invalid { seen, error }) => {
                self.seen = seen;
                self.reject(&error);
            }
            Ok(ReadResult::Changed(changed)) => {
                self.is_reload_due = false;
                self.seen = changed.seen;
                // Before it is active: if a file becomes invalid meanwhile, the next configuration keeps these rules.
                self.valid_rules = changed.valid_rules;
                if let Some(oldest) = pending.push(changed.configuration, changed.prepared) {
                    supersede(oldest);
                }
            }
            // A panic. The files count as unread.
            Err(_) => self.reject(&ConfigurationError::Internal),
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
            pending
                .supersede_earlier(settled.earlier)
                .for_each(supersede);
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

    fn reject(&mut self, error: &ConfigurationError) {
        self.is_reload_due = !is_of_text(error);
        self.process.count_reload(false);
        for line in error.lines() {
            tracing::error!("{line}");
        }
        tracing::error!("configuration reload failed; the previous configuration stays active");
    }
}

/// Whether the same text will be invalid again. Other causes can end without a change of a file that is watched: a file that the
/// configuration names, or a server that does not answer.
fn is_of_text(error: &ConfigurationError) -> bool {
    match error {
        ConfigurationError::NotText
        | ConfigurationError::Problems(_)
        | ConfigurationError::Metadata(_) => true,
        ConfigurationError::Unreadable { .. }
        | ConfigurationError::KeyAccess(_)
        | ConfigurationError::DenyList(_)
        | ConfigurationError::Start(_)
        | ConfigurationError::Internal => false,
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

#[cfg(test)]
mod tests;
