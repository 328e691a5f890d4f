//! Reports that a file may have changed. This includes the swap of a symlink and a change of the file that a link leads to.
//!
//! Folders are watched, not the file: a ConfigMap's file is a link to a link, which is swapped beside it. In each folder,
//! only changes of the names through which the file is reached are reported. Otherwise, a log that is written beside the file
//! would cause continuous reads. A folder of rules files is watched whole, together with the links that lead to it and those that
//! lead from it to files.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

/// A file is read when it has not changed for this time, because the first half of a file that is being written can be valid.
const QUIET_TIME: Duration = Duration::from_millis(100);

/// A longer chain of links is a circle.
const MAX_LINKS: usize = 40;

/// The links of a folder that are followed. A folder of rules files has at most 256 files.
const MAX_LINKED_FILES: usize = 1024;

/// The maximum number of times that the path to a file is resolved again because a link changed meanwhile. A change of
/// a link whose folder is watched is reported, and the path is then resolved once more.
const MAX_READINGS: usize = 8;

/// A watch on one file, or on every file of some folders.
#[derive(Debug)]
pub struct FileWatch {
    target: WatchTarget,
    changes: mpsc::Receiver<()>,
    /// A change was reported, and the file has not settled since.
    is_changing: bool,
    way: Arc<Mutex<Vec<WatchedName>>>,
    watcher: RecommendedWatcher,
}

#[derive(Debug)]
enum WatchTarget {
    File(PathBuf),
    /// Every file of these folders.
    Folders(Vec<PathBuf>),
}

/// A name on the way to a file, and the folder in which it is looked up: that of a link, of the file itself, or of the first
/// name that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
struct WatchedName {
    folder: PathBuf,
    /// `None`: every name of the folder counts.
    name: Option<OsString>,
}

impl FileWatch {
    /// Watches a file, which need not exist yet.
    ///
    /// # Errors
    /// Those of the system's file notification.
    pub fn of(file: &Path) -> notify::Result<FileWatch> {
        let mut watch = FileWatch::new(WatchTarget::File(std::path::absolute(file)?))?;
        watch.follow()?;
        Ok(watch)
    }

    /// Watches every file of these folders. Also says whether each folder can be watched.
    ///
    /// # Errors
    /// Those of the system's file notification.
    pub fn of_folders(folders: &[PathBuf]) -> notify::Result<(FileWatch, bool)> {
        let are_found = folders.iter().all(|folder| folder.is_dir());
        let folders: Result<_, _> = folders.iter().map(std::path::absolute).collect();
        let mut watch = FileWatch::new(WatchTarget::Folders(folders?))?;
        let are_all_watched = watch.follow().is_ok() && are_found;
        Ok((watch, are_all_watched))
    }

    fn new(target: WatchTarget) -> notify::Result<FileWatch> {
        let (sender, changes) = mpsc::channel(1);
        let way = Arc::new(Mutex::new(Vec::new()));
        let of_target = way.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let of_other_files = event
                .as_ref()
                .is_ok_and(|event| concerns_other_files(event, &lock(&of_target)));
            if !of_other_files {
                // If the channel is full, a change is reported already.
                let _ = sender.try_send(());
            }
        })?;
        Ok(FileWatch {
            target,
            changes,
            is_changing: false,
            way,
            watcher,
        })
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

    /// Call it before the file is read, so that later changes are noticed.
    fn follow_again(&mut self) {
        if let Err(error) = self.follow() {
            self.report(&error);
        }
    }

    /// Watches the folders on the way to the file. A link that changes before its folder is watched is not reported, so the way
    /// is read again until it stays the same.
    ///
    /// # Errors
    /// If no folder can be watched, or one of [`WatchTarget::Folders`].
    fn follow(&mut self) -> notify::Result<()> {
        for _ in 0..MAX_READINGS {
            let way = self.target.way();
            let former = std::mem::replace(&mut *lock(&self.way), way.clone());
            for step in &former {
                if way.iter().all(|own| own.folder != step.folder) {
                    // The folder may have been removed, which also ends its watch.
                    let _ = self.watcher.unwatch(&step.folder);
                }
            }
            // A folder that was replaced by another one of the same name has to be watched again.
            let mut folders: Vec<&WatchedName> = way.iter().collect();
            folders.sort_by_key(|step| (&step.folder, step.name.is_some()));
            folders.dedup_by_key(|step| &step.folder);
            let watched = folders.into_iter().map(|step| {
                let watched = self
                    .watcher
                    .watch(&step.folder, RecursiveMode::NonRecursive);
                watched.map_err(|error| (error, step.name.is_none()))
            });
            let (watched, failed): (Vec<_>, Vec<_>) = watched.partition(Result::is_ok);
            if self.target.way() != way {
                continue;
            }
            let failed: Vec<_> = failed.into_iter().filter_map(Result::err).collect();
            let (of_target, on_the_way): (Vec<_>, Vec<_>) = failed
                .into_iter()
                .partition(|(_, is_of_target)| *is_of_target || watched.is_empty());
            if let Some((error, _)) = of_target.into_iter().next() {
                return Err(error);
            }
            if let Some((error, _)) = on_the_way.first() {
                self.report(error);
            }
            return Ok(());
        }
        Ok(())
    }

    fn report(&self, error: &notify::Error) {
        let files: Vec<_> = match &self.target {
            WatchTarget::File(file) => vec![file],
            WatchTarget::Folders(folders) => folders.iter().collect(),
        };
        tracing::warn!(?files, %error, "a folder through which a file is reached cannot be watched; changes there stay unnoticed");
    }
}

impl WatchTarget {
    /// The names on the way to each file.
    fn way(&self) -> Vec<WatchedName> {
        match self {
            WatchTarget::File(file) => way_to(file),
            WatchTarget::Folders(folders) => {
                let mut way: Vec<_> = folders.iter().flat_map(|folder| way_into(folder)).collect();
                way.sort_by(|a, b| (&a.folder, &a.name).cmp(&(&b.folder, &b.name)));
                way.dedup();
                way
            }
        }
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
            Ok(within) => step
                .name
                .as_ref()
                .is_none_or(|name| within.components().next() == Some(Component::Normal(name))),
            Err(_) => false,
        };
        !way.iter().any(concerns)
    })
}

/// The links and names through which the system finds a file. Folders that are not links are left out, because their
/// names lead to them until they are moved.
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
            name: Some(name.clone()),
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

/// How the system finds every file of a folder: the links that lead to the folder, all of its names, and the links among these.
fn way_into(folder: &Path) -> Vec<WatchedName> {
    let mut way = way_to(folder);
    let Ok(resolved) = std::fs::canonicalize(folder) else {
        return way;
    };
    let entries = std::fs::read_dir(&resolved).into_iter().flatten().flatten();
    let links = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_symlink()));
    way.extend(
        links
            .take(MAX_LINKED_FILES)
            .flat_map(|link| way_to(&link.path())),
    );
    way.push(WatchedName {
        folder: resolved,
        name: None,
    });
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

/// The list is complete even if a thread panicked under the lock.
fn lock(way: &Mutex<Vec<WatchedName>>) -> MutexGuard<'_, Vec<WatchedName>> {
    way.lock().unwrap_or_else(PoisonError::into_inner)
}
