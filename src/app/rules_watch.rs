//! Notices when the files of `rules_from` may have changed.

use std::path::PathBuf;
use std::time::Duration;

use crate::app::rules_files::folders;
use crate::file_watch::FileWatch;

/// The longest wait for further changes in a folder of rules files after the first change. Other files of the folder
/// may change continuously.
const LONGEST_SETTLING: Duration = Duration::from_secs(1);

/// The interval at which a folder that cannot be watched is looked at again.
const UNWATCHED_INTERVAL: Duration = Duration::from_secs(5);

/// A watch on the folders of rules files.
pub struct RulesWatch {
    folders: Vec<PathBuf>,
    watch: Option<FileWatch>,
    /// Whether each folder is watched.
    is_complete: bool,
}

impl RulesWatch {
    /// Begins to watch the folders of these entries.
    pub fn of(entries: &[String]) -> RulesWatch {
        let folders = folders(entries.iter().map(String::as_str));
        if folders.is_empty() {
            return RulesWatch {
                folders,
                watch: None,
                is_complete: true,
            };
        }
        let (watch, is_complete) = match FileWatch::of_folders(&folders) {
            Ok((watch, is_complete)) => (Some(watch), is_complete),
            Err(error) => {
                tracing::warn!(%error, "cannot watch the folders of rules files");
                (None, false)
            }
        };
        RulesWatch {
            folders,
            watch,
            is_complete,
        }
    }

    /// Whether an entry names a folder.
    pub fn has_folders(&self) -> bool {
        !self.folders.is_empty()
    }

    /// Watches the folders of these entries from now on. Returns whether one of them was not watched before, so that a
    /// change may have been missed.
    pub fn follow(&mut self, entries: &[String]) -> bool {
        // The watch on a folder that was removed ends unnoticed.
        let exist = self.folders.iter().all(|folder| folder.is_dir());
        let is_same = self.folders == folders(entries.iter().map(String::as_str));
        if is_same && exist && self.is_complete {
            return false;
        }
        *self = RulesWatch::of(entries);
        self.is_complete &= exist;
        // Otherwise the folder is read again after an interval.
        self.is_complete && !self.folders.is_empty()
    }

    /// Waits until a file may have changed.
    pub async fn settled(&mut self) {
        let unwatched = async {
            match self.is_complete {
                true => std::future::pending().await,
                false => tokio::time::sleep(UNWATCHED_INTERVAL).await,
            }
        };
        let watched = async {
            match &mut self.watch {
                Some(watch) => watch.settled_within(LONGEST_SETTLING).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = unwatched => {}
            () = watched => {}
        }
    }
}
