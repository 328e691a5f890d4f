//! Reads the files of `rules_from`.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use accredit_core::config::rules_files::{
    FoundEntry, FoundFile, RulesFilePattern, RulesInForce, UnreadCause,
};

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
    /// Reads the files of these entries. Those that are `in_force` are read first if there are too many. `None` at the start.
    pub fn of(entries: Vec<String>, in_force: Option<&RulesInForce>) -> RulesFilesRead {
        let read = |entry: &String| {
            let in_force = in_force.map(|in_force| in_force.paths(entry).collect());
            read_entry(entry, &in_force.unwrap_or_default())
        };
        let found = entries.iter().map(read).collect();
        RulesFilesRead { entries, found }
    }

    /// Whether every folder could be listed, and every file could be read.
    pub fn are_all_readable(&self) -> bool {
        let is_readable = |file: &FoundFile| !matches!(file.text, Err(UnreadCause::Unreadable(_)));
        self.found.iter().all(|entry| match &entry.files {
            Ok(files) => files.iter().all(is_readable),
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

/// `in_force` are the paths of the files of this entry whose rules are in force.
fn read_entry(files: &str, in_force: &HashSet<&str>) -> FoundEntry {
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
    let listed = ListedFiles::of(&pattern, in_force).map_err(|error| error.to_string());
    FoundEntry {
        files: listed.map(ListedFiles::read),
    }
}

/// The files of an entry. They are as many as an entry can have at most, whatever the folder has.
struct ListedFiles {
    /// At most [`MAX_FILES`].
    read: Vec<PathBuf>,
    /// Files in force for which there is no room, because files came back that had been removed.
    surplus_in_force: Vec<PathBuf>,
    /// The first of the other files for which there is no room, and their number.
    surplus: Option<(PathBuf, usize)>,
}

impl ListedFiles {
    /// Lists the files of a folder. Those in force come first, and then the others by name: the author of many new files cannot keep
    /// the files of others from changing.
    fn of(pattern: &RulesFilePattern, in_force: &HashSet<&str>) -> io::Result<ListedFiles> {
        let mut active = Vec::new();
        // The first by name, one more than there can be room for.
        let mut others = BTreeSet::new();
        let mut count = 0_usize;
        for entry in std::fs::read_dir(pattern.folder())? {
            let name = entry?.file_name();
            // A file whose name is not UTF-8 is not left out silently: it is reported.
            if !pattern.matches(&name.to_string_lossy()) {
                continue;
            }
            let path = pattern.folder().join(name);
            if in_force.contains(&*path.to_string_lossy()) {
                active.push(path);
                continue;
            }
            count += 1;
            others.insert(path);
            if others.len() > MAX_FILES + 1 {
                others.pop_last();
            }
        }
        active.sort();
        let surplus_in_force = active.split_off(active.len().min(MAX_FILES));
        let room = MAX_FILES - active.len();
        let mut others = others.into_iter();
        let mut read = active;
        read.extend(others.by_ref().take(room));
        read.sort();
        Ok(ListedFiles {
            read,
            surplus_in_force,
            surplus: others.next().map(|first| (first, count - room)),
        })
    }

    /// Reads the files, sorted by name. Of the surplus files that are not in force, the first stands for all.
    fn read(self) -> Vec<FoundFile> {
        let mut files = read_files(self.read.iter());
        let mut leave_out = |path: &Path, which: &str| {
            files.push(FoundFile {
                path: path.to_string_lossy().into(),
                text: Err(UnreadCause::OverLimit(format!(
                    "an entry can have {MAX_FILES} files, and there are more. {which}"
                ))),
            });
        };
        for path in &self.surplus_in_force {
            leave_out(path, "Its last valid rules stay in force");
        }
        if let Some((first, count)) = &self.surplus {
            let which = match count {
                1 => "It is the only one that is left out".to_owned(),
                count => format!("It is the first by name of {count} that are left out"),
            };
            leave_out(first, &which);
        }
        files.sort_by(|one, other| one.path.cmp(&other.path));
        files
    }
}

/// Leaves out the largest files if there is too much. A file of at most a [`MAX_FILES`]th of the limit is always read, whatever the
/// authors of the others add.
fn read_files<'a>(paths: impl Iterator<Item = &'a PathBuf>) -> Vec<FoundFile> {
    let length = |file: &FoundFile| file.text.as_ref().map_or(0, String::len);
    let mut files = Vec::new();
    let mut bytes = 0;
    for path in paths {
        let file = found(path);
        bytes += length(&file);
        files.push(file);
        while bytes > MAX_ENTRY_BYTES {
            let Some(largest) = files.iter_mut().max_by_key(|file| length(file)) else {
                break;
            };
            bytes -= length(largest);
            let limit = MAX_ENTRY_BYTES >> 20;
            largest.text = Err(UnreadCause::OverLimit(format!(
                "the files of this entry have over {limit} MiB together, and this is one of the largest"
            )));
        }
    }
    files
}

fn found(path: &Path) -> FoundFile {
    let text = regular_file::read(path, MAX_BYTES)
        .map_err(|error| error.to_string())
        .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "the text is not UTF-8".to_owned()));
    FoundFile {
        path: path.to_string_lossy().into(),
        text: text.map_err(UnreadCause::Unreadable),
    }
}

#[cfg(test)]
mod tests;
