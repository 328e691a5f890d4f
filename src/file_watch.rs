//! Tells that a file may have changed, also where it is a link that is swapped for another.
//!
//! The folder is watched, not the file: a ConfigMap's file is a link to a link, which is swapped beside it.

use std::path::Path;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

/// A file is read once it has been left alone for this long: half of a file that is being written can be a valid one.
const QUIET: Duration = Duration::from_millis(100);

/// A watch over one file; it ends when it is dropped.
#[derive(Debug)]
pub struct FileWatch {
    changes: mpsc::Receiver<()>,
    _watcher: RecommendedWatcher,
}

impl FileWatch {
    /// Watches a file, which need not be there yet; its folder must.
    ///
    /// # Errors
    /// Where the system does not let us.
    pub fn of(file: &Path) -> notify::Result<FileWatch> {
        let (sender, changes) = mpsc::channel(1);
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                let only_read = event.as_ref().is_ok_and(|event| event.kind.is_access());
                if !only_read {
                    // A change that waits already stands for this one too.
                    let _ = sender.try_send(());
                }
            })?;
        let folder = file
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
        Ok(FileWatch {
            changes,
            _watcher: watcher,
        })
    }

    /// Resolves when something changed and has been quiet since.
    pub async fn settled(&mut self) {
        self.changed().await;
        self.quiet().await;
    }

    /// The same, but in a folder that is never quiet it does not wait for longer than that: for files of which half is
    /// no valid one.
    pub async fn settled_within(&mut self, longest: Duration) {
        self.changed().await;
        // Not quiet yet is as good as quiet then.
        let _ = tokio::time::timeout(longest, self.quiet()).await;
    }

    async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            std::future::pending().await
        }
    }

    async fn quiet(&mut self) {
        while let Ok(Some(())) = tokio::time::timeout(QUIET, self.changes.recv()).await {}
    }
}
