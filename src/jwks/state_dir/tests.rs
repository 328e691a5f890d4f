//! Folders that can be written, that cannot, and that others can write.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use accredit_core::keys::access::KeyAccess;
use accredit_core::keys::source::{FetchSettings, KeyAddress, KeySource, Transport};
use tokio::sync::OwnedSemaphorePermit;

use super::{OldKeySet, StateDir, StateDirError, inspect, remove_abandoned, remove_other, write};
use crate::jwks::saved_keys::{KeySetOwner, SavedKeySet};

impl StateDir {
    /// No file is written until the permit is dropped, as if the disk were slow.
    pub(in crate::jwks) async fn hold_writes(&self) -> OwnedSemaphorePermit {
        let writer = self.0.writer.clone();
        writer.acquire_owned().await.expect("is never closed")
    }
}

fn saved(text: &str, confirmed: u64) -> SavedKeySet {
    let address = KeyAddress::parse("https://a.example/keys", Transport::Https);
    let settings = FetchSettings {
        refresh: Duration::from_secs(300),
        max_stale: Duration::from_secs(3600),
        timeout: Duration::from_secs(5),
        ca_file: None,
        access: KeyAccess::default(),
    };
    let source = KeySource::Uri(address.expect("is an address"));
    let owner = KeySetOwner::of(&["a".into()], &source, &settings).expect("is fetched");
    SavedKeySet {
        owner: owner.into(),
        text: text.as_bytes().into(),
        since: Instant::now(),
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
fn a_set_replaces_the_older_one_and_only_this_user_can_read_it() {
    let outer = tempfile::tempdir().expect("a folder");
    let folder = outer.path().join("made/when/needed");
    for confirmed in [1, 2] {
        let set = saved("{}", confirmed);
        assert!(write(&folder, &set).is_ok());
        assert_eq!(names(&folder), [set.owner.file_name()]);
        let file = folder.join(set.owner.file_name());
        assert_eq!(std::fs::read(&file).expect("is there"), set.to_file());
        let mode = file.metadata().expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_set_that_cannot_be_replaced_is_removed_unless_it_is_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(saved("{}", 1).owner.file_name());
    // A folder in the file's place cannot be replaced, and not be removed either while something is in it.
    std::fs::create_dir_all(file.join("x")).expect("a folder");
    let unwritten = write(folder.path(), &saved("{}", 1)).expect_err("cannot be written");
    assert!(unwritten.old == OldKeySet::Remains);
    assert_eq!(names(folder.path()).len(), 1, "nothing half is left behind");

    std::fs::remove_dir_all(&file).expect("is there");
    std::fs::write(&file, saved("[1]", 1).to_file()).expect("can be written");
    assert!(remove_other(&file, &saved("[1]", 9)) == OldKeySet::Harmless);
    assert!(file.exists());
    assert!(remove_other(&file, &saved("[2]", 9)) == OldKeySet::Removed);
    assert!(!file.exists());
    assert!(remove_other(&file, &saved("[2]", 9)) == OldKeySet::Harmless);
}

#[test]
fn a_folder_that_cannot_exist_is_harmless() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("can be written");
    let unwritten = write(&file.join("below"), &saved("{}", 1)).expect_err("cannot be written");
    assert!(unwritten.old == OldKeySet::Harmless);
}

/// The clock of the machine can be corrected while the process runs. The order of key sets does not depend on it: otherwise a
/// withdrawn key stays in the file until the clock has caught up.
#[tokio::test]
async fn the_set_that_was_confirmed_last_is_in_the_file_whatever_the_clock_showed() {
    let folder = tempfile::tempdir().expect("a folder");
    let state_dir = StateDir::new(folder.path().to_owned());
    let file = folder.path().join(saved("", 0).owner.file_name());
    let began = Instant::now();
    let six_hours = 6 * 60 * 60;
    let clock = 1_000_000;
    for (text, seconds, confirmed, expected) in [
        ("ahead", 0, clock + six_hours, "ahead"),
        ("corrected", 60, clock + 60, "corrected"),
        ("earlier", 30, clock + 30, "corrected"),
        ("before 1970", 90, 0, "before 1970"),
        ("ahead again", 120, clock + six_hours, "ahead again"),
        ("earlier again", 119, clock + 2 * six_hours, "ahead again"),
    ] {
        let set = SavedKeySet {
            since: began + Duration::from_secs(seconds),
            ..saved(text, confirmed)
        };
        state_dir.write(set).await;
        let content = std::fs::read_to_string(&file).expect("was written");
        assert!(
            content.ends_with(&format!("\n{expected}")),
            "{text}: {content}"
        );
    }
}

/// CONTRACT 5.5.5.
#[tokio::test]
async fn what_others_can_write_is_not_read() {
    let outer = tempfile::tempdir().expect("a folder");
    let folder = outer.path().join("state");
    let state_dir = StateDir::new(folder.clone());
    state_dir.write(saved("{}", 1)).await;
    let name = saved("", 0).owner.file_name();
    let permit = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("are set");
    };
    let content = async || state_dir.read(&name).await.map(|read| read.is_some());
    assert!(matches!(content().await, Ok(true)));
    for mode in [0o755, 0o500, 0o700] {
        permit(&folder, mode);
        assert!(matches!(content().await, Ok(true)), "{mode:o}");
    }
    for mode in [0o770, 0o702, 0o777] {
        permit(&folder, mode);
        assert!(matches!(content().await, Ok(false)), "{mode:o}");
        assert!(matches!(
            inspect(&folder),
            Err(StateDirError::WritableByOthers(found)) if found == mode
        ));
    }
    permit(&folder, 0o700);
    for mode in [0o620, 0o602] {
        permit(&folder.join(&name), mode);
        assert!(matches!(
            content().await,
            Err(StateDirError::WritableByOthers(found)) if found == mode
        ));
    }
    permit(&folder.join(&name), 0o644);
    assert!(matches!(content().await, Ok(true)));
    // The folder of another user. Tests may run as root, whom `/` belongs to.
    let is_root = std::os::unix::fs::MetadataExt::uid(&folder.metadata().expect("is there")) == 0;
    if !is_root {
        assert!(matches!(
            inspect(Path::new("/")),
            Err(StateDirError::OtherUser(0))
        ));
    }
}

#[tokio::test]
async fn a_file_that_is_too_large_is_not_read_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = StateDir::new(folder.path().to_owned());
    assert_eq!(state.read("none").await.expect("is no fault"), None);
    std::fs::write(folder.path().join("large"), vec![b' '; 3 * 1024 * 1024]).expect("fits");
    let read = state.read("large").await.expect("can be read");
    assert_eq!(read.map(|bytes| bytes.len() as u64), Some(super::MAX_FILE));
}

/// Files of other programs in the folder were removed if their names ended like accredit's.
#[test]
fn only_abandoned_files_of_accredit_itself_are_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let old = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let foreign = [
        "a.new",
        ".new",
        ".accredit-.new",
        ".accredit-abc.new",
        ".accredit-abcdef0123456.new",
        ".accredit-abcdef_12345.new",
        ".accredit-abcdef012345",
        "accredit-abcdef012345.new",
        ".tmpAbCdEf.new",
        "a.jwks",
    ];
    let own = [
        (".accredit-abcdef012345.new", true),
        (".accredit-ABCDEF012345.new", false),
    ];
    for (name, is_old) in foreign.map(|name| (name, true)).into_iter().chain(own) {
        let file = std::fs::File::create(folder.path().join(name)).expect("can be made");
        if is_old {
            file.set_modified(old).expect("can be dated");
        }
    }
    // A folder of such a name is not accredit's either, and stops nothing.
    std::fs::create_dir(folder.path().join(".accredit-000000000000.new")).expect("a folder");
    remove_abandoned(folder.path()).expect("can be swept");
    let mut left = names(folder.path());
    left.sort();
    let mut expected = foreign.to_vec();
    expected.extend([".accredit-ABCDEF012345.new", ".accredit-000000000000.new"]);
    expected.sort_unstable();
    assert_eq!(left, expected);
    assert!(remove_abandoned(&folder.path().join("none")).is_err());
}

/// The name that a file has while it is written is one that a later start recognises.
#[test]
fn the_name_of_an_unfinished_file_is_recognised() {
    let folder = tempfile::tempdir().expect("a folder");
    let unfinished = super::unfinished_in(folder.path()).expect("can be made");
    assert!(super::is_unfinished(
        unfinished.path().file_name().expect("has a name")
    ));
}
