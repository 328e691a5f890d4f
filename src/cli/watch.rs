//! Reloads the configuration when its file changes, and on SIGHUP.

use std::path::{Path, PathBuf};

use accredit_core::config::yaml::budget::MAX_BYTES;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::reload::Reloader;
use crate::cli::settings::{ConfigFlags, environment, settings};
use crate::file_watch::FileWatch;
use crate::regular_file;

/// Watches the configuration file of a running service.
pub(crate) struct ConfigWatch {
    typed: ConfigFlags,
    file: Option<PathBuf>,
    hangup: Signal,
    watch: Result<Option<FileWatch>, String>,
    last: Option<Vec<u8>>,
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
            last: file.as_deref().and_then(read),
            file,
        })
    }

    /// Passes each new configuration to the service. Runs until it is dropped.
    pub(crate) async fn run(mut self, reloader: Reloader) {
        let mut watch = self.watch.unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot watch the configuration file; send SIGHUP after each change");
            None
        });
        loop {
            let on_demand = tokio::select! {
                _ = self.hangup.recv() => true,
                () = settled(watch.as_mut()) => false,
            };
            let text = self.file.as_deref().and_then(read);
            if !on_demand && text == self.last {
                continue;
            }
            self.last = text;
            match settings(self.typed.clone(), &environment, |warning| {
                tracing::warn!("{warning}")
            }) {
                Ok(resolved) => {
                    reloader.reload(resolved.settings).await;
                }
                Err(_) => {
                    reloader.count_invalid();
                    tracing::error!(
                        "configuration reload failed; the previous configuration stays active"
                    )
                }
            }
        }
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
