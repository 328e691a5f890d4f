//! Reads the files of a configuration again, on a thread that may wait for them.

use std::path::PathBuf;
use std::sync::Arc;

use accredit::app::rules_files::RulesFilesRead;
use accredit_core::config::rules_files::RulesInForce;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::process::module_process::{ModuleProcess, PreparedPolicy};
use crate::process::policy::{ConfigurationError, LoadedFilter, file_text, read};

/// The content of the files of a configuration.
#[derive(PartialEq, Eq)]
pub(in crate::process) struct SeenConfiguration {
    /// The configuration itself.
    pub(in crate::process) text: String,
    pub(in crate::process) rules: RulesFilesRead,
}

/// One look at the files.
pub(in crate::process) struct ConfigurationReading {
    pub(in crate::process) file: Option<PathBuf>,
    /// What the latest attempt read.
    pub(in crate::process) seen: Arc<SeenConfiguration>,
    pub(in crate::process) valid_rules: RulesInForce,
    /// Whether the configuration is read even if no file has changed.
    pub(in crate::process) is_forced: bool,
    pub(in crate::process) process: &'static ModuleProcess,
}

/// A configuration that is not in force yet.
pub(in crate::process) struct ReadConfiguration {
    pub(in crate::process) config: Arc<str>,
    /// Whether every rules file is valid.
    pub(in crate::process) are_files_valid: bool,
}

/// A configuration that was read, and the wait for its keys and its deny list.
pub(in crate::process) struct ChangedConfiguration {
    pub(in crate::process) seen: Arc<SeenConfiguration>,
    pub(in crate::process) valid_rules: RulesInForce,
    pub(in crate::process) configuration: ReadConfiguration,
    pub(in crate::process) prepared: BoxFuture<'static, Result<PreparedPolicy, ConfigurationError>>,
}

pub(in crate::process) enum ReadResult {
    Unchanged,
    Unreadable(ConfigurationError),
    /// It is not read again before a file changes.
    Invalid {
        seen: Arc<SeenConfiguration>,
        error: ConfigurationError,
    },
    Changed(Box<ChangedConfiguration>),
}

impl ConfigurationReading {
    pub(in crate::process) fn read(self) -> ReadResult {
        let text = match self.file.as_deref().map(file_text) {
            None => self.seen.text.clone(),
            Some(Ok(text)) => text,
            Some(Err(error)) => return ReadResult::Unreadable(error),
        };
        let entries = self.seen.rules.entries.clone();
        let rules = RulesFilesRead::of(entries, Some(&self.valid_rules));
        let current = SeenConfiguration { text, rules };
        if !self.is_forced && current == *self.seen {
            return ReadResult::Unchanged;
        }
        let invalid = |seen: SeenConfiguration, error: ConfigurationError| ReadResult::Invalid {
            seen: Arc::new(seen),
            error,
        };
        let LoadedFilter { filter, rules } = match read(&current.text, Some(&self.valid_rules)) {
            Ok(loaded) => loaded,
            Err(error) => return invalid(current, error),
        };
        let seen = SeenConfiguration { rules, ..current };
        let resolved = &filter.resolved;
        for problem in &resolved.rejected {
            tracing::error!(
                %problem,
                "rules file is invalid and does not take effect; its last valid rules stay active"
            );
        }
        let configuration = ReadConfiguration {
            config: resolved.settings.config.clone(),
            are_files_valid: resolved.rejected.is_empty(),
        };
        let valid_rules = resolved.rules_in_force.clone();
        match self.process.prepare(filter) {
            Ok(prepared) => ReadResult::Changed(Box::new(ChangedConfiguration {
                seen: Arc::new(seen),
                valid_rules,
                configuration,
                prepared: prepared.boxed(),
            })),
            Err(error) => invalid(seen, error),
        }
    }
}
