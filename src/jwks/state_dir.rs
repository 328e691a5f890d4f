//! The folder `state_dir`, in which last-known-good key sets outlive the process.
//!
//! Keys from this folder verify tokens, so it is read only if no other user can write it (CONTRACT 5.5.5). A folder that is
//! full, read-only or gone costs a line in the log and nothing else.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{DirBuilder, DirEntry, File, Metadata};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::sync::Semaphore;

use crate::jwks::issuer_client::MAX_SIZE;
use crate::jwks::saved_keys::{SavedKeySet, key_set_text};
use crate::regular_file;

/// The maximum number of files that are read at the same time. The same threads look up host names, which a slow disk
/// must not block.
const MAX_READERS: usize = 8;

/// The largest file that accredit writes, in octets.
const MAX_FILE: u64 = MAX_SIZE as u64 + 64 * 1024;

/// The name of a file that is being written: this prefix, random letters and digits, and the ending.
const UNFINISHED_PREFIX: &str = ".accredit-";
const UNFINISHED_RANDOM: usize = 12;
const UNFINISHED_ENDING: &str = ".new";

/// An unfinished file of this age was left by a process that ended while it wrote.
const ABANDONED_AFTER: Duration = Duration::from_secs(60 * 60);

/// The folder of saved key sets. Clones are the same folder.
#[derive(Clone, Debug)]
pub struct StateDir(Arc<SharedDir>);

#[derive(Debug)]
struct SharedDir {
    folder: PathBuf,
    readers: Semaphore,
    /// Whether the folder was refused because it belongs to another user or others can write it. This is logged once.
    was_refused: AtomicBool,
    /// One file is written at a time.
    writer: Arc<Semaphore>,
    written: Mutex<WriteState>,
}

#[derive(Debug, Default)]
struct WriteState {
    was_swept: bool,
    /// When the latest key set of each file was confirmed. Two refreshers of one file exist for a moment during a
    /// reload. This is not wall-clock time: if the clock was ahead and then corrected, later key sets would not be
    /// written.
    latest: HashMap<String, Instant>,
    /// The files that could not be written at the latest attempt.
    failed: HashMap<String, OldKeySet>,
}

/// Why a file of the folder is not used.
#[derive(Debug, Error)]
pub enum StateDirError {
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error(
        "belongs to another user (uid {0}); keys are read only from files of the user that runs accredit"
    )]
    OtherUser(u32),
    #[error(
        "can be written by group or others (mode {0:03o}); remove that permission (chmod go-w)"
    )]
    WritableByOthers(u32),
}

/// A key set that could not be written.
#[derive(Debug)]
struct WriteFailure {
    kind: io::ErrorKind,
    old: OldKeySet,
}

/// The state of the older key set in the file. Its keys may have been withdrawn since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OldKeySet {
    /// There is no older key set, or it is the same set.
    Harmless,
    Removed,
    Remains,
}

// === impl StateDir ===

impl StateDir {
    /// The folder at this path. It is created when a key set is first written.
    pub fn new(folder: PathBuf) -> StateDir {
        StateDir(Arc::new(SharedDir {
            folder,
            readers: Semaphore::new(MAX_READERS),
            was_refused: AtomicBool::new(false),
            writer: Arc::new(Semaphore::new(1)),
            written: Mutex::default(),
        }))
    }

    /// The content of a file. `None` if there is no such file, or if the folder may not be read, which is logged once.
    pub(in crate::jwks) async fn read(&self, file: &str) -> Result<Option<Vec<u8>>, StateDirError> {
        // Never closed.
        let _reader = self.0.readers.acquire().await;
        let (dir, path) = (self.0.clone(), self.path(file));
        let reading = tokio::task::spawn_blocking(move || match inspect(&dir.folder) {
            Ok(()) => read(&path),
            Err(StateDirError::Unreadable(error)) if error.kind() == io::ErrorKind::NotFound => {
                Ok(None)
            }
            Err(error @ StateDirError::Unreadable(_)) => Err(error),
            Err(error) => {
                if !dir.was_refused.swap(true, Ordering::Relaxed) {
                    let folder = dir.folder.display();
                    tracing::warn!(%folder, %error, "state_dir is not read");
                }
                Ok(None)
            }
        });
        reading.await.unwrap_or(Ok(None))
    }

    /// Writes a key set to its file, unless a later one was written. Failures are logged. Dropping the
    /// future does not stop the write.
    pub(in crate::jwks) async fn write(&self, saved: SavedKeySet) {
        // Never closed. The closure holds the permit, so that the writes stay in order.
        let Ok(permit) = self.0.writer.clone().acquire_owned().await else {
            return;
        };
        let dir = self.0.clone();
        let writing = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let mut written = dir.written.lock().unwrap_or_else(PoisonError::into_inner);
            written.write(&dir.folder, &saved);
        });
        // A panic in the task was already logged.
        let _ = writing.await;
    }

    pub(in crate::jwks) fn path(&self, file: &str) -> PathBuf {
        self.0.folder.join(file)
    }
}

// === impl WriteState ===

impl WriteState {
    fn write(&mut self, folder: &Path, saved: &SavedKeySet) {
        if !std::mem::replace(&mut self.was_swept, true) {
            // A file that cannot be removed only takes space.
            let _ = remove_abandoned(folder);
        }
        let file = saved.owner.file_name();
        let latest = self.latest.entry(file.clone()).or_insert(saved.since);
        if saved.since >= *latest {
            *latest = saved.since;
            let result = write(folder, saved);
            self.report(folder, file, result);
        }
    }

    /// Logs the first failure and the recovery, not each failure.
    fn report(&mut self, folder: &Path, file: String, result: Result<(), WriteFailure>) {
        let folder = folder.display();
        let Err(WriteFailure { kind, old }) = result else {
            if self.failed.remove(&file).is_some() && self.failed.is_empty() {
                tracing::info!(%folder, "key sets are saved again");
            }
            return;
        };
        let is_first = self.failed.is_empty();
        let has_remained = self.failed.values().any(|old| *old == OldKeySet::Remains);
        if old == OldKeySet::Remains && !has_remained {
            tracing::error!(
                %folder, error = %kind,
                "saving a key set failed, and the older one cannot be removed: after a restart, withdrawn keys could verify \
                 tokens; correct the folder or empty it"
            );
        } else if is_first {
            tracing::warn!(
                %folder, error = %kind,
                "saving a key set failed; after a restart, its tokens need the issuer"
            );
        }
        self.failed.insert(file, old);
    }
}

fn inspect(folder: &Path) -> Result<(), StateDirError> {
    is_private(&std::fs::metadata(folder)?)
}

/// Whether only the user of this process can have written it.
fn is_private(metadata: &Metadata) -> Result<(), StateDirError> {
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(StateDirError::OtherUser(metadata.uid()));
    }
    match metadata.mode() & 0o777 {
        mode if mode & 0o022 == 0 => Ok(()),
        mode => Err(StateDirError::WritableByOthers(mode)),
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, StateDirError> {
    let file = match regular_file::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    is_private(&file.metadata()?)?;
    let mut octets = Vec::new();
    // A longer file is cut off, and then counts as damaged.
    file.take(MAX_FILE).read_to_end(&mut octets)?;
    Ok(Some(octets))
}

fn write(folder: &Path, saved: &SavedKeySet) -> Result<(), WriteFailure> {
    let file = folder.join(saved.owner.file_name());
    replace(folder, &file, &saved.to_file()).map_err(|error| WriteFailure {
        kind: error.kind(),
        old: remove_other(&file, saved),
    })
}

/// A file that is readable by this user only, and removed when it is dropped before it has its final name.
fn unfinished_in(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new()
        .prefix(UNFINISHED_PREFIX)
        .rand_bytes(UNFINISHED_RANDOM)
        .suffix(UNFINISHED_ENDING)
        .tempfile_in(folder)
}

/// Readers, and a machine that fails, find the old set or the new one, never a mixture.
fn replace(folder: &Path, file: &Path, octets: &[u8]) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let mut new = unfinished_in(folder)?;
    new.write_all(octets)?;
    new.as_file().sync_all()?;
    new.persist(file)?;
    File::open(folder)?.sync_all()
}

/// Removes a set that cannot be replaced, so that a key that its issuer has withdrawn is not used after a restart.
fn remove_other(file: &Path, saved: &SavedKeySet) -> OldKeySet {
    match regular_file::read(file, MAX_FILE) {
        Ok(octets) if key_set_text(&octets) == Some(&*saved.text) => OldKeySet::Harmless,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            OldKeySet::Harmless
        }
        Ok(_) | Err(_) => match std::fs::remove_file(file) {
            Ok(()) => OldKeySet::Removed,
            Err(_) => OldKeySet::Remains,
        },
    }
}

/// Removes unfinished files of processes that ended while they wrote. The folder may contain files of other programs,
/// which are not removed.
fn remove_abandoned(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)?.filter_map(Result::ok) {
        if is_unfinished(&entry.file_name()) && is_abandoned(&entry) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Whether accredit itself makes such a name, for a file that it is writing.
fn is_unfinished(name: &OsStr) -> bool {
    name.to_str()
        .and_then(|name| name.strip_prefix(UNFINISHED_PREFIX))
        .and_then(|name| name.strip_suffix(UNFINISHED_ENDING))
        .is_some_and(|random| {
            random.len() == UNFINISHED_RANDOM
                && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

fn is_abandoned(entry: &DirEntry) -> bool {
    // Of a link, this is the link itself.
    let Ok(metadata) = entry.metadata() else {
        return false;
    };
    let age = metadata
        .modified()
        .ok()
        .and_then(|time| time.elapsed().ok());
    metadata.is_file() && age.is_some_and(|age| age > ABANDONED_AFTER)
}

#[cfg(test)]
mod tests;
