//! Tells when files may have changed, by whichever way they were replaced.

use std::path::Path;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

/// A file is read once it has been left alone for this long: half of a file that is being written can be valid, and
/// a certificate without its new key is of no use.
const QUIET: Duration = Duration::from_millis(100);

/// A watch over some files; dropping it ends it.
#[derive(Debug)]
pub struct FileWatch {
    changes: mpsc::Receiver<()>,
    /// `None` where nothing could be watched.
    _watcher: Option<RecommendedWatcher>,
}

// === impl FileWatch ===

impl FileWatch {
    /// Watches these files. What cannot be watched is said in the log, with what to do then.
    pub fn start<'a>(files: impl IntoIterator<Item = &'a Path>, otherwise: &str) -> FileWatch {
        let (sender, changes) = mpsc::channel(1);
        let watcher = match watch(files, sender) {
            Ok(watcher) => Some(watcher),
            Err(error) => {
                tracing::warn!(%error, "files cannot be watched; {otherwise}");
                None
            }
        };
        FileWatch {
            changes,
            _watcher: watcher,
        }
    }

    /// Resolves when something changed near the files and has been quiet since. Cancelling it loses at most the
    /// quiet time already waited.
    pub async fn settled(&mut self) {
        if self.changes.recv().await.is_none() {
            return std::future::pending().await;
        }
        while let Ok(Some(())) = tokio::time::timeout(QUIET, self.changes.recv()).await {}
    }
}

/// The folders are watched, not the files: a ConfigMap's or Secret's file is a link to a link, which is swapped
/// beside it.
fn watch<'a>(
    files: impl IntoIterator<Item = &'a Path>,
    changes: mpsc::Sender<()>,
) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let only_read = event.as_ref().is_ok_and(|event| event.kind.is_access());
        if !only_read {
            // A change that waits already stands for this one too.
            let _ = changes.try_send(());
        }
    })?;
    for file in files {
        let folder = file
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}
