//! Reads the configuration again when its file changes, or on SIGHUP, and hands it to the service that runs.

use std::path::PathBuf;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::reload::Reloader;
use crate::cli::settings::{Typed, environment, settings};
use crate::server::file_watch::FileWatch;

/// Watches one configuration.
pub struct ConfigWatch {
    typed: Typed,
    file: Option<PathBuf>,
    hangup: Signal,
    changes: FileWatch,
}

impl ConfigWatch {
    /// Watches what these words name; `file` is where it is, if it is a file.
    ///
    /// # Errors
    /// Where SIGHUP cannot be handled. A file that cannot be watched is said in the log; SIGHUP still works.
    pub fn start(typed: Typed, file: Option<PathBuf>) -> std::io::Result<ConfigWatch> {
        let changes = FileWatch::start(file.as_deref(), "send SIGHUP after a change");
        Ok(ConfigWatch {
            typed,
            file,
            hangup: signal(SignalKind::hangup())?,
            changes,
        })
    }

    /// Hands over each new configuration, until its owner drops it.
    pub async fn run(mut self, reloader: Reloader) {
        let mut last = self.text();
        loop {
            let on_demand = tokio::select! {
                _ = self.hangup.recv() => true,
                () = self.changes.settled() => false,
            };
            let text = self.text();
            if !on_demand && text == last {
                continue;
            }
            last = text;
            match settings(self.typed.clone(), &environment, |warning| {
                tracing::warn!("{warning}")
            }) {
                Ok(resolved) => reloader.reload(resolved.settings).await,
                Err(_) => {
                    tracing::error!("the new configuration is wrong; the one before stays in force")
                }
            }
        }
    }

    fn text(&self) -> Option<Vec<u8>> {
        std::fs::read(self.file.as_ref()?).ok()
    }
}
