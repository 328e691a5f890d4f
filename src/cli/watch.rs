//! Reads the configuration again when its file changes, or on SIGHUP, and hands it to the service that runs.

use std::path::{Path, PathBuf};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::reload::Reloader;
use crate::cli::settings::{Typed, environment, settings};
use crate::file_watch::FileWatch;

/// Watches one configuration.
pub struct ConfigWatch {
    typed: Typed,
    file: Option<PathBuf>,
    hangup: Signal,
    watch: Result<Option<FileWatch>, String>,
    last: Option<Vec<u8>>,
}

impl ConfigWatch {
    /// Watches what these words name; `file` is where it is, if it is a file. To be called before the settings are
    /// read: what changes after that is noticed.
    ///
    /// # Errors
    /// Where SIGHUP cannot be handled. A file that cannot be watched is said in the log; SIGHUP still works.
    pub fn start(typed: Typed, file: Option<PathBuf>) -> std::io::Result<ConfigWatch> {
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

    /// Hands over each new configuration, until its owner drops it.
    pub async fn run(mut self, reloader: Reloader) {
        let mut watch = self.watch.unwrap_or_else(|error| {
            tracing::warn!(%error, "the configuration's folder cannot be watched; send SIGHUP after a change");
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
                    reloader.rejected();
                    tracing::error!("the new configuration is wrong; the one before stays in force")
                }
            }
        }
    }
}

fn read(file: &Path) -> Option<Vec<u8>> {
    std::fs::read(file).ok()
}

async fn settled(watch: Option<&mut FileWatch>) {
    match watch {
        Some(watch) => watch.settled().await,
        None => std::future::pending().await,
    }
}
