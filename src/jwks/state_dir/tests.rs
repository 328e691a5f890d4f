//! Folders that can be written, and such that cannot.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;

use super::{Older, StateDir, write};
use crate::jwks::last_good::{Owner, Record};
use crate::jwks::source::{FetchSettings, KeyAddress, KeySource, Transport};

fn record(text: &'static str, confirmed: u64) -> Record {
    let address = KeyAddress::parse("https://a.example/keys", Transport::Https);
    let fetch = FetchSettings {
        refresh: Duration::from_secs(300),
        max_stale: Duration::from_secs(3600),
        timeout: Duration::from_secs(5),
        ca_file: None,
    };
    let source = KeySource::Uri(address.expect("is an address"));
    Record {
        owner: Owner::of(&["a".into()], &source, &fetch).expect("is fetched"),
        text: Bytes::from_static(text.as_bytes()),
        confirmed,
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("is a folder");
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.expect("can be read").file_name().into_string()
    };
    entries.map(|entry| name(entry).expect("is text")).collect()
}

#[test]
fn a_set_replaces_the_one_before_and_nobody_else_may_read_it() {
    let outer = tempfile::tempdir().expect("a folder");
    let folder = outer.path().join("made/when/needed");
    for confirmed in [1, 2] {
        let record = record("{}", confirmed);
        assert!(write(&folder, &record).is_ok());
        assert_eq!(names(&folder), [record.owner.file_name()]);
        let file = folder.join(record.owner.file_name());
        assert_eq!(std::fs::read(&file).expect("is there"), record.to_file());
        let mode = file.metadata().expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn what_cannot_be_replaced_is_removed_unless_it_is_the_same_set() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(record("{}", 1).owner.file_name());
    // A folder in the file's place cannot be replaced, and not be removed either while something is in it.
    std::fs::create_dir_all(file.join("x")).expect("a folder");
    let unwritten = write(folder.path(), &record("{}", 1)).expect_err("cannot be written");
    assert!(unwritten.older == Older::Remains);
    assert_eq!(names(folder.path()).len(), 1, "nothing half is left behind");

    std::fs::remove_dir_all(&file).expect("is there");
    std::fs::write(&file, record("[1]", 1).to_file()).expect("can be written");
    assert!(super::remove_other(&file, &record("[1]", 9)) == Older::Harmless);
    assert!(file.exists());
    assert!(super::remove_other(&file, &record("[2]", 9)) == Older::Removed);
    assert!(!file.exists());
    assert!(super::remove_other(&file, &record("[2]", 9)) == Older::Harmless);
}

#[test]
fn a_folder_that_can_never_be_is_told_of_and_no_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("can be written");
    let unwritten = write(&file.join("below"), &record("{}", 1)).expect_err("cannot be written");
    assert!(unwritten.older == Older::Harmless);
}

#[test]
fn of_two_sets_that_wait_for_one_file_the_later_is_written() {
    let state = StateDir::new("unused".into());
    for (text, confirmed) in [("1", 5), ("2", 7), ("3", 6)] {
        state.submit(record(text, confirmed));
    }
    let (_, record) = state.next().expect("one waits");
    assert_eq!((record.text.as_ref(), record.confirmed), (&b"2"[..], 7));
    assert!(state.next().is_none());
}

#[tokio::test]
async fn a_file_that_is_too_large_is_not_read_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = StateDir::new(folder.path().to_owned());
    assert_eq!(state.read("none").await.expect("is no fault"), None);
    std::fs::write(folder.path().join("large"), vec![b' '; 3 * 1024 * 1024]).expect("fits");
    let read = state.read("large").await.expect("can be read");
    assert_eq!(
        read.map(|bytes| bytes.len() as u64),
        Some(super::LARGEST_FILE)
    );
}

#[test]
fn only_what_was_abandoned_is_swept_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let old = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for (name, is_old) in [("a.1.new", true), ("a.2.new", false), ("a.jwks", true)] {
        let file = std::fs::File::create(folder.path().join(name)).expect("can be made");
        if is_old {
            file.set_modified(old).expect("can be dated");
        }
    }
    super::sweep(folder.path()).expect("can be swept");
    let mut left = names(folder.path());
    left.sort();
    assert_eq!(left, ["a.2.new", "a.jwks"]);
    assert!(super::sweep(&folder.path().join("none")).is_err());
}
