//! Reloads the configuration when its file or one of its rules files changes, and on SIGHUP.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use accredit_core::config::problem::Problem;
use accredit_core::config::rules_files::RulesInForce;
use accredit_core::config::yaml::budget::MAX_BYTES;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};

use crate::app::reload::{Reloaded, Reloader};
use crate::app::rules_files::RulesFilesRead;
use crate::app::rules_watch::RulesWatch;
use crate::cli::settings::{ConfigError, ConfigFlags, environment, settings};
use crate::file_watch::FileWatch;
use crate::regular_file;

/// How often the files are read without a sign of a change: some file systems report none, such as those of a network.
const POLL_INTERVAL: Duration = Duration::from_secs(30);

/// The same after a file could not be read. The cause can end without a change of the file, such as too many open files.
const UNREAD_INTERVAL: Duration = Duration::from_secs(5);

/// Watches the configuration of a running service.
pub(crate) struct ConfigWatch {
    typed: ConfigFlags,
    file: Option<PathBuf>,
    hangup: Signal,
    watch: Result<Option<FileWatch>, String>,
    seen: SeenFiles,
    /// The last valid rules of each file.
    valid_rules: RulesInForce,
    /// The configurations whose result is not known yet, in the order in which they were sent.
    sent: VecDeque<SentConfig>,
    /// The latest reload failed, and not because of the text: it is repeated after [`POLL_INTERVAL`].
    is_reload_due: bool,
}

/// A configuration that was sent to the service.
struct SentConfig {
    result: oneshot::Receiver<Reloaded>,
    /// Whether every rules file is valid.
    are_files_valid: bool,
}

/// The content that was read last.
#[derive(PartialEq, Eq)]
struct SeenFiles {
    /// The configuration file.
    text: Option<Vec<u8>>,
    rules: RulesFilesRead,
}

impl ConfigWatch {
    /// Starts to watch `file`, if the settings come from a file. Call it before the settings are read, so that it notices
    /// every later change.
    ///
    /// # Errors
    /// If SIGHUP cannot be handled. If the file cannot be watched, accredit logs this, and SIGHUP still works.
    pub(crate) fn start(typed: ConfigFlags, file: Option<PathBuf>) -> std::io::Result<ConfigWatch> {
        let watch = file.as_deref().map(FileWatch::of).transpose();
        let watch = watch.map_err(|error| error.to_string());
        Ok(ConfigWatch {
            typed,
            hangup: signal(SignalKind::hangup())?,
            watch,
            seen: SeenFiles {
                text: file.as_deref().and_then(read),
                rules: RulesFilesRead::default(),
            },
            valid_rules: RulesInForce::default(),
            sent: VecDeque::new(),
            is_reload_due: false,
            file,
        })
    }

    /// Sets the rules of files that the active settings contain.
    pub(crate) fn following(self, rules: RulesFilesRead, valid_rules: RulesInForce) -> ConfigWatch {
        ConfigWatch {
            seen: SeenFiles { rules, ..self.seen },
            valid_rules,
            ..self
        }
    }

    /// Passes each new configuration to the service. Runs until it is dropped.
    pub(crate) async fn run(mut self, reloader: Reloader) {
        let mut watch = match std::mem::replace(&mut self.watch, Ok(None)) {
            Ok(watch) => watch,
            Err(error) => {
                tracing::warn!(%error, "cannot watch the configuration file; send SIGHUP after each change");
                None
            }
        };
        let mut rules_watch = RulesWatch::of(&self.seen.rules.entries);
        // The rules files were read before they were watched.
        let mut is_unwatched_until_now = rules_watch.has_folders();
        let mut next_poll = Instant::now() + POLL_INTERVAL;
        loop {
            let on_demand = tokio::select! {
                result = first_result(&mut self.sent) => {
                    self.settle(result, &reloader);
                    continue;
                }
                _ = self.hangup.recv() => true,
                () = settled(watch.as_mut()) => false,
                () = rules_watch.settled() => false,
                () = std::future::ready(()), if is_unwatched_until_now => false,
                () = sleep_until(next_poll) => self.is_reload_due,
            };
            // Reading and compiling a large configuration takes seconds, and this thread has to handle signals.
            let (file, entries) = (self.file.clone(), self.seen.rules.entries.clone());
            let in_force = self.valid_rules.clone();
            let reading = spawn_blocking(move || SeenFiles {
                text: file.as_deref().and_then(read),
                rules: RulesFilesRead::of(entries, Some(&in_force)),
            });
            if let Ok(seen) = reading.await {
                let is_changed = seen != self.seen;
                if on_demand || is_changed {
                    self.seen = seen;
                    self.reload(&reloader).await;
                }
            }
            let is_unread = self.file.is_some() && self.seen.text.is_none();
            next_poll = Instant::now()
                + match is_unread || !self.seen.rules.are_all_readable() {
                    true => UNREAD_INTERVAL,
                    false => POLL_INTERVAL,
                };
            is_unwatched_until_now = rules_watch.follow(&self.seen.rules.entries);
        }
    }

    async fn reload(&mut self, reloader: &Reloader) {
        let (typed, in_force) = (self.typed.clone(), self.valid_rules.clone());
        let reading = spawn_blocking(move || {
            let warn = |warning: &Problem| tracing::warn!("{warning}");
            settings(typed, &environment, Some(&in_force), warn)
        });
        let config = match reading.await {
            Ok(Ok(config)) => config,
            failed => {
                reloader.count_invalid();
                self.is_reload_due = !matches!(failed, Ok(Err(ConfigError::Invalid(_))));
                match failed {
                    Ok(Err(error)) => error.log(),
                    Ok(Ok(_)) | Err(_) => {
                        tracing::error!(
                            "reading the configuration was aborted by a fault of accredit"
                        );
                    }
                }
                tracing::error!(
                    "configuration reload failed; the previous configuration stays active"
                );
                return;
            }
        };
        self.is_reload_due = false;
        for problem in &config.resolved.rejected {
            tracing::error!(
                %problem,
                "rules file is invalid and does not take effect; its last valid rules stay active"
            );
        }
        self.seen.rules = config.rules_files;
        // A newer configuration must not wait until this one is active.
        let result = reloader.send(config.resolved.settings).await;
        // The rules are remembered before the configuration is active: if a file becomes invalid meanwhile, the next
        // configuration keeps these rules and not older ones.
        self.valid_rules = config.resolved.rules_in_force;
        self.sent.push_back(SentConfig {
            result,
            are_files_valid: config.resolved.rejected.is_empty(),
        });
    }

    /// Handles the result of the configuration that was sent first.
    fn settle(&mut self, result: Reloaded, reloader: &Reloader) {
        let Some(sent) = self.sent.pop_front() else {
            return;
        };
        match result {
            // The latest reload counts as failed until every file is valid: a restart would fail.
            Reloaded::Applied if !sent.are_files_valid => reloader.count_invalid(),
            // A file that the configuration names is unusable.
            Reloaded::Rejected => self.is_reload_due = true,
            Reloaded::Applied | Reloaded::Superseded => {}
        }
    }
}

/// The result of the configuration that was sent first.
async fn first_result(sent: &mut VecDeque<SentConfig>) -> Reloaded {
    match sent.front_mut() {
        Some(sent) => (&mut sent.result).await.unwrap_or(Reloaded::Rejected),
        None => std::future::pending().await,
    }
}

fn read(file: &Path) -> Option<Vec<u8>> {
    regular_file::read(file, MAX_BYTES as u64).ok()
}

async fn settled(watch: Option<&mut FileWatch>) {
    match watch {
        Some(watch) => watch.settled().await,
        None => std::future::pending().await,
    }
}
