//! Reads files that an operator names, if they are regular files (CONTRACT 3.1.9).
//!
//! Opening a FIFO would wait until another process writes to it, and a device can deliver bytes without an end.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;

/// Opens a file for reading if it is a regular file once links are followed. Never waits for a FIFO.
///
/// # Errors
/// Those of opening, and `InvalidInput` for anything else than a regular file.
pub fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        ));
    }
    Ok(file)
}

/// The properties by which a changed file or folder is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    /// Programs can restore the time of modification, but not this one.
    status_changed: (i64, i64),
}

/// The stamp of the file or folder at a path, once links are followed. `None` if it cannot be read.
pub fn stamp(path: &Path) -> Option<FileStamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(FileStamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        length: metadata.len(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        status_changed: (metadata.ctime(), metadata.ctime_nsec()),
    })
}

/// Reads a regular file of at most `limit` octets.
///
/// # Errors
/// Those of [`open`] and of reading, and `FileTooLarge` for a longer file, of which no more is read.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    open(path)?.take(limit + 1).read_to_end(&mut octets)?;
    if octets.len() as u64 > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("larger than {limit} bytes"),
        ));
    }
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::read;

    #[test]
    fn only_regular_files_and_links_to_them_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("file"), "12345").expect("is written");
        std::os::unix::fs::symlink(path("file"), path("link")).expect("is linked");
        let made = std::process::Command::new("mkfifo")
            .arg(path("fifo"))
            .status();
        assert!(made.is_ok_and(|status| status.success()));
        for name in ["file", "link"] {
            assert_eq!(read(&path(name), 5).expect("is read"), b"12345");
        }
        let kind = |name: &str, limit| read(&path(name), limit).err().map(|error| error.kind());
        assert_eq!(kind("file", 4), Some(ErrorKind::FileTooLarge));
        assert_eq!(kind("fifo", 5), Some(ErrorKind::InvalidInput));
        assert_eq!(kind(".", 5), Some(ErrorKind::InvalidInput));
        assert_eq!(kind("absent", 5), Some(ErrorKind::NotFound));
        assert_eq!(
            read("/dev/zero".as_ref(), 5).err().map(|e| e.kind()),
            Some(ErrorKind::InvalidInput)
        );
    }
}
