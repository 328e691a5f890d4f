//! Tells that a file may have changed, also where it is a link that is swapped for another.
//!
//! The folder is watched, not the file: a ConfigMap's file is a link to a link, which is swapped beside it. What else
//! changes in there is passed over: a log that is written beside the file would have it read for ever.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

/// A file is read once it has been left alone for this long: half of a file that is being written can be a valid one.
const QUIET: Duration = Duration::from_millis(100);

/// A file that is reached by more links than this is reached in a circle.
const MOST_LINKS: usize = 40;

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
        let folder = file
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        // Changes are told of by whole paths.
        let folder = std::path::absolute(folder)?;
        let (sender, changes) = mpsc::channel(1);
        let (within, name) = (folder.clone(), file.file_name().map(OsStr::to_owned));
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                let of_another = event
                    .as_ref()
                    .is_ok_and(|event| is_of_another(event, &within, name.as_deref()));
                if !of_another {
                    // A change that waits already stands for this one too.
                    let _ = sender.try_send(());
                }
            })?;
        watcher.watch(&folder, RecursiveMode::NonRecursive)?;
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

/// Whether what happened can have changed nothing of the file. In doubt it may have.
fn is_of_another(event: &notify::Event, folder: &Path, file: Option<&OsStr>) -> bool {
    if event.kind.is_access() {
        return true;
    }
    if event.need_rescan() || event.paths.is_empty() {
        return false;
    }
    let Some(leading) = file.and_then(|file| leading(folder, file)) else {
        return false;
    };
    event.paths.iter().all(|path| {
        let own = path.strip_prefix(folder).ok().and_then(first_name);
        own.is_some_and(|own| leading.iter().all(|name| name != own))
    })
}

/// The names in the folder by which the file is reached: its own, and those that links lead by. None where a link leads
/// out of the folder, for who knows whether it comes back.
fn leading(folder: &Path, file: &OsStr) -> Option<Vec<OsString>> {
    let mut names = vec![file.to_owned()];
    while let Ok(target) = std::fs::read_link(folder.join(names.last()?)) {
        if names.len() > MOST_LINKS {
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
