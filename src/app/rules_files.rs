//! Reads the files of `rules_from`.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use accredit_core::config::rules_files::{FoundEntry, FoundFile, RulesFilePattern};

use crate::regular_file;

/// The most files of an entry.
const MAX_FILES: usize = 256;

/// The most bytes of a file.
const MAX_BYTES: u64 = 1 << 20;

/// The most bytes of all files of an entry, which are in memory at the same time.
const MAX_ENTRY_BYTES: usize = 16 << 20;

/// The `files` of each entry of `rules_from`, and the files that were found.
#[derive(Default, PartialEq, Eq)]
pub struct RulesFilesRead {
    pub entries: Vec<String>,
    pub found: Vec<FoundEntry>,
}

impl RulesFilesRead {
    /// Reads the files of these entries.
    pub fn of(entries: Vec<String>) -> RulesFilesRead {
        let found = entries.iter().map(|entry| read_entry(entry)).collect();
        RulesFilesRead { entries, found }
    }

    /// Whether every folder was listed and every file was read.
    pub fn are_all_read(&self) -> bool {
        self.found.iter().all(|entry| match &entry.files {
            Ok(files) => files.iter().all(|file| file.text.is_ok()),
            Err(_) => false,
        })
    }
}

/// The folders in which the files of these entries are.
pub fn folders<'a>(entries: impl Iterator<Item = &'a str>) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = entries
        .filter_map(|entry| RulesFilePattern::parse(entry).ok())
        .map(|pattern| pattern.folder().to_owned())
        .collect();
    folders.sort();
    folders.dedup();
    folders
}

fn read_entry(files: &str) -> FoundEntry {
    let pattern = match RulesFilePattern::parse(files) {
        Ok(pattern) => pattern,
        Err(error) => {
            return FoundEntry {
                files: Err(error.to_string()),
            };
        }
    };
    if pattern.only_name().is_some() {
        return FoundEntry {
            files: Ok(vec![found(Path::new(files))]),
        };
    }
    let listed = names(&pattern).map_err(|error| error.to_string());
    FoundEntry {
        files: listed.and_then(|names| match names.len() > MAX_FILES {
            true => Err(format!("there are over {MAX_FILES} files")),
            false => Ok(read_files(
                names.iter().map(|name| pattern.folder().join(name)),
            )),
        }),
    }
}

/// Leaves out the largest files if there is too much. A file of at most a [`MAX_FILES`]th of the limit is always read, whatever the
/// authors of the others add.
fn read_files(paths: impl Iterator<Item = PathBuf>) -> Vec<FoundFile> {
    let length = |file: &FoundFile| file.text.as_ref().map_or(0, String::len);
    let mut files = Vec::new();
    let mut bytes = 0;
    for path in paths {
        let file = found(&path);
        bytes += length(&file);
        files.push(file);
        while bytes > MAX_ENTRY_BYTES {
            let Some(largest) = files.iter_mut().max_by_key(|file| length(file)) else {
                break;
            };
            bytes -= length(largest);
            let limit = MAX_ENTRY_BYTES >> 20;
            largest.text = Err(format!(
                "the files of this entry have over {limit} MiB together, and this is one of the largest"
            ));
        }
    }
    files
}

/// The names in the folder that match, sorted. At most one more than [`MAX_FILES`] are returned.
fn names(pattern: &RulesFilePattern) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(pattern.folder())? {
        let name = entry?.file_name();
        // A file whose name is not UTF-8 is not left out silently: it is reported.
        if pattern.matches(&name.to_string_lossy()) {
            names.push(name);
        }
        if names.len() > MAX_FILES {
            break;
        }
    }
    names.sort();
    Ok(names)
}

fn found(path: &Path) -> FoundFile {
    let text = regular_file::read(path, MAX_BYTES)
        .map_err(|error| error.to_string())
        .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "the text is not UTF-8".to_owned()));
    FoundFile {
        path: path.to_string_lossy().into(),
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::{FoundFile, MAX_BYTES, MAX_ENTRY_BYTES, read_entry};

    #[test]
    fn the_files_of_an_entry_are_bounded_together() {
        let folder = tempfile::tempdir().expect("is made");
        let count = MAX_ENTRY_BYTES >> 20;
        let add = |number: usize| {
            let path = folder.path().join(format!("{number:02}.yaml"));
            let file = std::fs::File::create(path).expect("is made");
            file.set_len(MAX_BYTES).expect("has that length");
        };
        (0..count).for_each(add);
        let pattern = format!("{}/*.yaml", folder.path().display());
        let read = || read_entry(&pattern).files.expect("are listed");
        let count_read =
            |files: &[FoundFile]| files.iter().filter(|file| file.text.is_ok()).count();
        assert_eq!(count_read(&read()), count);
        // Another author cannot keep a small file from being read, whatever the names are.
        for number in [count, count + 1, count + 2] {
            add(number);
        }
        for name in ["00-small.yaml", "99-small.yaml"] {
            std::fs::write(folder.path().join(name), "- { name: r }\n").expect("is written");
        }
        let files = read();
        assert_eq!(count_read(&files), count - 1 + 2);
        let small = files.iter().filter(|file| file.path.contains("small"));
        assert!(small.clone().all(|file| file.text.is_ok()));
        assert_eq!(small.count(), 2);
        let causes: Vec<&String> = files
            .iter()
            .filter_map(|file| file.text.as_ref().err())
            .collect();
        assert!(
            causes.iter().all(|cause| cause.contains("over 16 MiB")),
            "{causes:?}"
        );
    }
}
