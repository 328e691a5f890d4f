//! Reports that a file may have changed, including the swap of a symlink and a change of the file that a link leads to.
//!
//! Folders are watched, not the file: a ConfigMap's file is a link to a link, which is swapped beside it. Of each folder, only the
//! names through which the file is reached count. Otherwise, a log that is written beside the file would cause endless reads.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

/// A file is read after no change for this time: the first half of a file that is being written can be valid.
const QUIET_TIME: Duration = Duration::from_millis(100);

/// A longer chain of links is a circle.
const MAX_LINKS: usize = 40;

/// How often the way to a file is read again because a link changed meanwhile. The change of a link whose folder is watched is
/// reported, and the way is then read once more.
const MAX_READINGS: usize = 8;

/// A watch on one file, or on every file of some folders.
#[derive(Debug)]
pub struct FileWatch {
    /// `None`: every file of the folders counts.
    file: Option<PathBuf>,
    changes: mpsc::Receiver<()>,
    /// A change was reported, and the file has not settled since.
    is_changing: bool,
    way: Arc<Mutex<Vec<WatchedName>>>,
    watcher: RecommendedWatcher,
}

/// A name on the way to a file, and the folder in which it is looked up: that of a link, of the file itself, or of the first
/// name that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
struct WatchedName {
    folder: PathBuf,
    name: OsString,
}

impl FileWatch {
    /// Watches a file, which need not exist yet.
    ///
    /// # Errors
    /// Those of the system's file notification.
    pub fn of(file: &Path) -> notify::Result<FileWatch> {
        let (sender, changes) = mpsc::channel(1);
        let way = Arc::new(Mutex::new(Vec::new()));
        let of_file = way.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let of_other_files = event
                .as_ref()
                .is_ok_and(|event| concerns_other_files(event, &lock(&of_file)));
            if !of_other_files {
                // If the channel is full, a change is reported already.
                let _ = sender.try_send(());
            }
        })?;
        let mut watch = FileWatch {
            file: Some(std::path::absolute(file)?),
            changes,
            is_changing: false,
            way,
            watcher,
        };
        watch.follow()?;
        Ok(watch)
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
            file: None,
            changes,
            is_changing: false,
            way: Arc::default(),
            watcher,
        };
        Ok((watch, are_all_watched))
    }

    /// Waits until the file has changed, and then not changed for a short time. No change is lost if the future is dropped.
    pub async fn settled(&mut self) {
        self.changed().await;
        self.quiet().await;
        self.is_changing = false;
        self.follow_again();
    }

    /// Like [`FileWatch::settled`], but waits at most `longest` after the first change. It is for files of which the first
    /// half is invalid.
    pub async fn settled_within(&mut self, longest: Duration) {
        self.changed().await;
        // At the time limit, the file counts as settled.
        let _ = tokio::time::timeout(longest, self.quiet()).await;
        self.is_changing = false;
        self.follow_again();
    }

    async fn changed(&mut self) {
        if !self.is_changing && self.changes.recv().await.is_none() {
            std::future::pending().await
        }
        self.is_changing = true;
    }

    async fn quiet(&mut self) {
        while let Ok(Some(())) = tokio::time::timeout(QUIET_TIME, self.changes.recv()).await {}
    }

    /// Call it before the file is read: changes of the folders that are watched from now on are then noticed.
    fn follow_again(&mut self) {
        if let Err(error) = self.follow() {
            self.report(&error);
        }
    }

    /// Watches the folders on the way to the file. A link that changes before its folder is watched is not reported, so the way
    /// is read again until it stays the same.
    fn follow(&mut self) -> notify::Result<()> {
        let Some(file) = self.file.clone() else {
            return Ok(());
        };
        for _ in 0..MAX_READINGS {
            let way = way_to(&file);
            let former = std::mem::replace(&mut *lock(&self.way), way.clone());
            for step in &former {
                if way.iter().all(|own| own.folder != step.folder) {
                    // The folder may be gone, and the watch with it.
                    let _ = self.watcher.unwatch(&step.folder);
                }
            }
            // A folder that was replaced by another one of the same name has to be watched again.
            let watched = way.iter().map(|step| {
                self.watcher
                    .watch(&step.folder, RecursiveMode::NonRecursive)
            });
            let (watched, failed): (Vec<_>, Vec<_>) = watched.partition(Result::is_ok);
            if way_to(&file) != way {
                continue;
            }
            return match failed.into_iter().next() {
                Some(Err(error)) if watched.is_empty() => Err(error),
                Some(Err(error)) => {
                    self.report(&error);
                    Ok(())
                }
                Some(Ok(())) | None => Ok(()),
            };
        }
        Ok(())
    }

    fn report(&self, error: &notify::Error) {
        let file = self.file.as_deref().map(Path::display);
        let file = file.map(tracing::field::display);
        tracing::warn!(file, %error, "a folder through which a file is reached cannot be watched; changes there stay unnoticed");
    }
}

/// Whether an event cannot have changed the file. Unclear events may have.
fn concerns_other_files(event: &notify::Event, way: &[WatchedName]) -> bool {
    if event.kind.is_access() {
        return true;
    }
    if event.need_rescan() || event.paths.is_empty() {
        return false;
    }
    event.paths.iter().all(|path| {
        let concerns = |step: &WatchedName| match path.strip_prefix(&step.folder) {
            // The folder itself was moved or removed.
            Ok(within) if within.as_os_str().is_empty() => true,
            Ok(within) => within.components().next() == Some(Component::Normal(&step.name)),
            Err(_) => false,
        };
        !way.iter().any(concerns)
    })
}

/// How the system finds a file. Folders that are no links are left out: their names lead to them until they are moved.
fn way_to(file: &Path) -> Vec<WatchedName> {
    let mut way = Vec::new();
    let mut folder = PathBuf::from("/");
    let mut ahead: VecDeque<OsString> = names(file);
    let mut links = 0;
    while let Some(name) = ahead.pop_front() {
        if name == ".." {
            folder.pop();
            continue;
        }
        let path = folder.join(&name);
        let step = || WatchedName {
            folder: folder.clone(),
            name: name.clone(),
        };
        match std::fs::read_link(&path) {
            Ok(target) => {
                way.push(step());
                links += 1;
                if links > MAX_LINKS {
                    break;
                }
                if target.is_absolute() {
                    folder = PathBuf::from("/");
                }
                for name in names(&target).into_iter().rev() {
                    ahead.push_front(name);
                }
            }
            Err(_) if ahead.is_empty() || !path.exists() => {
                way.push(step());
                break;
            }
            Err(_) => folder = path,
        }
    }
    way
}

/// The names of a path, with `..`, which means another folder after a link.
fn names(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some(OsStr::new("..").to_owned()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

/// A thread that panicked under the lock left a whole list.
fn lock(way: &Mutex<Vec<WatchedName>>) -> MutexGuard<'_, Vec<WatchedName>> {
    way.lock().unwrap_or_else(PoisonError::into_inner)
}
