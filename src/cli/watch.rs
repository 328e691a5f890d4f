//! Reads the configuration again when its file changes, or on SIGHUP, and hands it to the service that runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::app::reload::Reloader;
use crate::cli::settings::{Typed, environment, settings};

/// A file is read once it has been left alone for this long: half of a file that is being written can be a valid
/// configuration, and a laxer one.
const QUIET: Duration = Duration::from_millis(100);

/// Watches one configuration.
pub struct ConfigWatch {
    typed: Typed,
    file: Option<PathBuf>,
    hangup: Signal,
    changes: Changes,
    /// Held, since dropping it ends the watch.
    _watcher: Option<RecommendedWatcher>,
}

impl ConfigWatch {
    /// Watches what these words name; `file` is where it is, if it is a file.
    ///
    /// # Errors
    /// Where SIGHUP cannot be handled. A file that cannot be watched is said in the log; SIGHUP still works.
    pub fn start(typed: Typed, file: Option<PathBuf>) -> std::io::Result<ConfigWatch> {
        let (sender, changes) = mpsc::channel(1);
        let watcher = file.as_deref().and_then(|file| match watch(file, sender) {
            Ok(watcher) => Some(watcher),
            Err(error) => {
                tracing::warn!(%error, "the configuration's folder cannot be watched; send SIGHUP after a change");
                None
            }
        });
        Ok(ConfigWatch {
            typed,
            file,
            hangup: signal(SignalKind::hangup())?,
            changes: Changes(changes),
            _watcher: watcher,
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
                    reloader.rejected();
                    tracing::error!("the new configuration is wrong; the one before stays in force")
                }
            }
        }
    }

    fn text(&self) -> Option<Vec<u8>> {
        std::fs::read(self.file.as_ref()?).ok()
    }
}

/// Tells of changes in the file's folder.
struct Changes(mpsc::Receiver<()>);

impl Changes {
    /// Resolves when something changed and has been quiet since.
    async fn settled(&mut self) {
        if self.0.recv().await.is_none() {
            return std::future::pending().await;
        }
        while let Ok(Some(())) = tokio::time::timeout(QUIET, self.0.recv()).await {}
    }
}

/// The folder is watched, not the file: a ConfigMap's file is a link to a link, which is swapped beside it.
fn watch(file: &Path, changes: mpsc::Sender<()>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let only_read = event.as_ref().is_ok_and(|event| event.kind.is_access());
        if !only_read {
            // A change that waits already stands for this one too.
            let _ = changes.try_send(());
        }
    })?;
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    watcher.watch(folder, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}
