//! The folder where last good key sets outlive the process: read at the start, written whenever one is confirmed.
//!
//! Nobody waits for it: sets are handed over, and one task writes them one after the other. A folder that is full,
//! read-only or gone costs a line in the log.

use std::collections::HashMap;
use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};

use crate::jwks::http::MAX_SIZE;
use crate::jwks::last_good::{self, Record};

/// So many files are read at once: a thousand issuers should not take a thousand threads.
const READERS: usize = 8;

/// No file that was written here is larger.
const LARGEST_FILE: u64 = MAX_SIZE as u64 + 64 * 1024;

/// The ending of a file that is being written.
const UNFINISHED: &str = "new";

/// Nobody still writes a file that is as old as this.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

/// A folder of last good key sets; its clones are the same.
#[derive(Clone)]
pub struct StateDir(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    /// The latest set of each file that is not written yet: as many as there are issuers, at most.
    waiting: Mutex<HashMap<String, Record>>,
    submitted: Notify,
    readers: Semaphore,
}

/// A set that could not be written.
struct Unwritten {
    kind: io::ErrorKind,
    older: Older,
}

/// What became of the older set in the file, of which some keys may be gone.
#[derive(PartialEq, Eq)]
enum Older {
    /// There is none, or it is the same set.
    Harmless,
    Removed,
    Remains,
}

// === impl StateDir ===

impl StateDir {
    /// That folder, which is made when something is first written.
    pub fn new(folder: PathBuf) -> StateDir {
        StateDir(Arc::new(Inner {
            folder,
            waiting: Mutex::default(),
            submitted: Notify::new(),
            readers: Semaphore::new(READERS),
        }))
    }

    /// Writes what is handed over, until its owner drops it.
    pub async fn run(self) {
        let mut failures = Failures::default();
        let folder = self.0.folder.clone();
        // What cannot be swept away takes room, and nothing else.
        let _ = tokio::task::spawn_blocking(move || sweep(&folder)).await;
        loop {
            self.0.submitted.notified().await;
            while let Some((file, record)) = self.next() {
                let folder = self.0.folder.clone();
                let writing = tokio::task::spawn_blocking(move || write(&folder, &record));
                // A panic there is in the log already.
                let written = writing.await.unwrap_or(Ok(()));
                failures.tell(&self.0.folder, file, written);
            }
        }
    }

    /// Hands over a set for its file. Of two that wait for one file the later stays.
    pub(in crate::jwks) fn submit(&self, record: Record) {
        let mut waiting = self.waiting();
        let file = record.owner.file_name();
        let is_later = waiting
            .get(&file)
            .is_none_or(|other| other.confirmed <= record.confirmed);
        if is_later {
            waiting.insert(file, record);
        }
        drop(waiting);
        self.0.submitted.notify_one();
    }

    /// The bytes of a file; `None` where there is none.
    pub(in crate::jwks) async fn read(&self, file: &str) -> io::Result<Option<Vec<u8>>> {
        // Never closed.
        let _reader = self.0.readers.acquire().await;
        let path = self.path(file);
        let reading = tokio::task::spawn_blocking(move || read(&path));
        reading.await.unwrap_or(Ok(None))
    }

    /// Where a file of that name is.
    pub(in crate::jwks) fn path(&self, file: &str) -> PathBuf {
        self.0.folder.join(file)
    }

    pub(in crate::jwks) fn next(&self) -> Option<(String, Record)> {
        let mut waiting = self.waiting();
        let file = waiting.keys().next().cloned()?;
        waiting.remove_entry(&file)
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<String, Record>> {
        // A map is whole after each of its calls.
        self.0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Failures ===

/// The files that could not be written at the last try: told of when something changes, not each time.
#[derive(Default)]
struct Failures(HashMap<String, Older>);

impl Failures {
    fn tell(&mut self, folder: &Path, file: String, written: Result<(), Unwritten>) {
        let folder = folder.display();
        let Err(Unwritten { kind, older }) = written else {
            if self.0.remove(&file).is_some() && self.0.is_empty() {
                tracing::info!(%folder, "key sets can be kept again");
            }
            return;
        };
        let none_before = self.0.is_empty();
        let remained_before = self.0.values().any(|older| *older == Older::Remains);
        if older == Older::Remains && !remained_before {
            tracing::error!(
                %folder, reason = %kind,
                "a new key set cannot be kept, and the older one not be removed: keys that were withdrawn could serve \
                 after a restart; mend or empty the folder"
            );
        } else if none_before {
            tracing::warn!(
                %folder, reason = %kind,
                "key sets cannot be kept; the service goes on, and after a restart it will need the issuers"
            );
        }
        self.0.insert(file, older);
    }
}

impl fmt::Debug for StateDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StateDir({})", self.0.folder.display())
    }
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    // A longer file is cut, and so found damaged.
    file.take(LARGEST_FILE).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn write(folder: &Path, record: &Record) -> Result<(), Unwritten> {
    let file = folder.join(record.owner.file_name());
    replace(folder, &file, &record.to_file()).map_err(|error| Unwritten {
        kind: error.kind(),
        older: remove_other(&file, record),
    })
}

/// Removes what processes that ended in the middle of writing have left.
fn sweep(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let is_unfinished = entry
            .path()
            .extension()
            .is_some_and(|end| end == UNFINISHED);
        let age = entry.metadata()?.modified()?.elapsed();
        if is_unfinished && age.is_ok_and(|age| age > ABANDONED) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Whoever reads the file, and whenever the machine fails, finds the one set or the other, never a mixture.
fn replace(folder: &Path, file: &Path, bytes: &[u8]) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    // Another process may use the folder too.
    let unique = RandomState::new().hash_one(0_u8);
    let new = file.with_extension(format!("{unique:016x}.{UNFINISHED}"));
    let replaced = write_new(&new, bytes).and_then(|()| std::fs::rename(&new, file));
    if replaced.is_err() {
        let _ = std::fs::remove_file(&new);
    }
    replaced?;
    File::open(folder)?.sync_all()
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// What cannot be replaced is removed: a key that its issuer has withdrawn must not be back after a restart.
fn remove_other(file: &Path, record: &Record) -> Older {
    match read(file) {
        Ok(None) => Older::Harmless,
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Older::Harmless,
        Ok(Some(bytes)) if last_good::set_in(&bytes) == Some(&record.text) => Older::Harmless,
        Ok(Some(_)) | Err(_) => match std::fs::remove_file(file) {
            Ok(()) => Older::Removed,
            Err(_) => Older::Remains,
        },
    }
}

#[cfg(test)]
mod tests;
