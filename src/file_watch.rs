//! Reports that a file may have changed, including the swap of a symlink.
//!
//! The folder is watched, not the file: a ConfigMap's file is a link to a link, which is swapped beside it. Changes of other
//! files in the folder are ignored. Otherwise, a log that is written beside the file would cause endless reads.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

/// A file is read after no change for this time: the first half of a file that is being written can be valid.
const QUIET_TIME: Duration = Duration::from_millis(100);

/// A longer chain of links is a circle.
const MAX_LINKS: usize = 40;

/// A watch on one file.
#[derive(Debug)]
pub struct FileWatch {
    changes: mpsc::Receiver<()>,
    _watcher: RecommendedWatcher,
}

impl FileWatch {
    /// Watches a file, which need not exist yet. Its folder must exist.
    ///
    /// # Errors
    /// Those of the system's file notification.
    pub fn of(file: &Path) -> notify::Result<FileWatch> {
        let folder = file
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        // Events have absolute paths.
        let folder = std::path::absolute(folder)?;
        let (sender, changes) = mpsc::channel(1);
        let (within, name) = (folder.clone(), file.file_name().map(OsStr::to_owned));
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                let of_other_files = event
                    .as_ref()
                    .is_ok_and(|event| concerns_other_files(event, &within, name.as_deref()));
                if !of_other_files {
                    // If the channel is full, a change is reported already.
                    let _ = sender.try_send(());
                }
            })?;
        watcher.watch(&folder, RecursiveMode::NonRecursive)?;
        Ok(FileWatch {
            changes,
            _watcher: watcher,
        })
    }

    /// Watches every file of these folders. Also says whether each folder can be watched.
    ///
    /// # Errors
    /// Those of the system's file notification.
    pub fn of_folders(folders: &[PathBuf]) -> notify::Result<(FileWatch, bool)> {
        let (sender, changes) = mpsc::channel(1);
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                let is_access = event.is_ok_and(|event| event.kind.is_access());
                if !is_access {
                    // If the channel is full, a change is reported already.
                    let _ = sender.try_send(());
                }
            })?;
        let mut are_all_watched = true;
        for folder in folders {
            are_all_watched &= watcher.watch(folder, RecursiveMode::NonRecursive).is_ok();
        }
        let watch = FileWatch {
            changes,
            _watcher: watcher,
        };
        Ok((watch, are_all_watched))
    }

    /// Waits until the file has changed, and then not changed for a short time.
    pub async fn settled(&mut self) {
        self.changed().await;
        self.quiet().await;
    }

    /// Like [`FileWatch::settled`], but waits at most `longest` after the first change. It is for files of which the first
    /// half is invalid.
    pub async fn settled_within(&mut self, longest: Duration) {
        self.changed().await;
        // At the time limit, the file counts as settled.
        let _ = tokio::time::timeout(longest, self.quiet()).await;
    }

    async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            std::future::pending().await
        }
    }

    async fn quiet(&mut self) {
        while let Ok(Some(())) = tokio::time::timeout(QUIET_TIME, self.changes.recv()).await {}
    }
}

/// Whether an event cannot have changed the file. Unclear events may have.
fn concerns_other_files(event: &notify::Event, folder: &Path, file: Option<&OsStr>) -> bool {
    if event.kind.is_access() {
        return true;
    }
    if event.need_rescan() || event.paths.is_empty() {
        return false;
    }
    let Some(leading) = file.and_then(|file| names_on_the_way(folder, file)) else {
        return false;
    };
    event.paths.iter().all(|path| {
        let own = path.strip_prefix(folder).ok().and_then(first_name);
        own.is_some_and(|own| leading.iter().all(|name| name != own))
    })
}

/// The names in the folder through which the file is reached: its own and those of the links in between. `None` if a link
/// leads out of the folder.
fn names_on_the_way(folder: &Path, file: &OsStr) -> Option<Vec<OsString>> {
    let mut names = vec![file.to_owned()];
    while let Ok(target) = std::fs::read_link(folder.join(names.last()?)) {
        if names.len() > MAX_LINKS {
            return None;
        }
        names.push(first_name(&target)?.to_owned());
    }
    Some(names)
}

fn first_name(path: &Path) -> Option<&OsStr> {
    match path.components().find(|part| *part != Component::CurDir) {
        Some(Component::Normal(name)) => Some(name),
        _ => None,
    }
}
