//! The files of `rules_from`: which files an entry names, their content, and which of their rules are in force. The
//! program reads the files.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::config::rule_document::RuleDocument;
use crate::rules::pattern::segment::SegmentPattern;
use crate::rules::rule::Rule;
use crate::rules::rules_file::RulesFileState;

/// The `files` of an entry: one file, or those of a folder whose names match a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesFilePattern {
    folder: String,
    name: SegmentPattern,
}

/// A text is not the `files` of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesFilePatternError {
    #[error("the path does not end with the name of a file")]
    NoName,
    #[error("a wildcard can stand in the file name only")]
    WildcardInFolder,
    #[error("`*` is the only wildcard of file names")]
    OtherWildcard,
}

/// What was found for an entry of `rules_from`: its files, sorted by name, or why they cannot be listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundEntry {
    pub files: Result<Vec<FoundFile>, String>,
}

/// A file, and its text or why it was not read.
#[derive(Clone, PartialEq, Eq)]
pub struct FoundFile {
    pub path: Arc<str>,
    pub text: Result<String, UnreadCause>,
}

/// Why a file was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnreadCause {
    #[error("the file cannot be read: {0}")]
    Unreadable(String),
    /// The files of its entry exceed a limit together.
    #[error("the file is not read: {0}")]
    OverLimit(String),
}

/// The rules of files that a configuration has in force, to be kept when a file becomes invalid.
#[derive(Clone, Debug, Default)]
pub struct RulesInForce {
    /// The hash of the configuration without its files.
    pub(crate) configuration: Arc<str>,
    pub(crate) files: Vec<RulesFile>,
}

/// A rules file.
#[derive(Clone, Debug)]
pub(crate) struct RulesFile {
    /// The `files` of its entry.
    pub(crate) pattern: Arc<str>,
    pub(crate) path: Arc<str>,
    pub(crate) state: RulesFileState,
    pub(crate) content: Arc<RulesFileContent>,
}

/// The rules of a file that are in force.
#[derive(Debug, Default)]
pub(crate) struct RulesFileContent {
    /// The bytes of `rules` and of their compiled expressions. They stay with the rules, because they count as long as the rules
    /// are in force, whatever the file has now.
    pub(crate) memory: usize,
    pub(crate) documents: Vec<RuleDocument>,
    /// Without the bounds of their entry, which the configuration can change while the file is invalid.
    pub(crate) rules: Vec<Rule>,
}

impl RulesFilePattern {
    /// Reads the `files` of an entry.
    ///
    /// # Errors
    /// [`RulesFilePatternError`]
    pub fn parse(text: &str) -> Result<RulesFilePattern, RulesFilePatternError> {
        let (folder, name) = match text.rsplit_once('/') {
            Some(("", name)) => ("/", name),
            Some((folder, name)) => (folder, name),
            None => (".", text),
        };
        if matches!(name, "" | "." | "..") {
            return Err(RulesFilePatternError::NoName);
        }
        if folder.contains(['*', '?']) {
            return Err(RulesFilePatternError::WildcardInFolder);
        }
        let name = if name.contains(['*', '?']) {
            if name.contains(['?', '[', '{']) || name.contains("**") {
                return Err(RulesFilePatternError::OtherWildcard);
            }
            SegmentPattern::Pieces(name.into())
        } else {
            SegmentPattern::Literal(name.into())
        };
        Ok(RulesFilePattern {
            folder: folder.to_owned(),
            name,
        })
    }

    /// The folder of the files.
    pub fn folder(&self) -> &Path {
        Path::new(&self.folder)
    }

    /// The name of the only file. `None` if the name is a pattern.
    pub fn only_name(&self) -> Option<&str> {
        self.name.literal()
    }

    /// Whether a file of the folder is one of these. As in a shell, a wildcard at the beginning matches no hidden file.
    pub fn matches(&self, name: &str) -> bool {
        let is_hidden = name.starts_with('.');
        let names_hidden = match &self.name {
            SegmentPattern::Pieces(text) => text.starts_with('.'),
            SegmentPattern::Any | SegmentPattern::Literal(_) => true,
        };
        (names_hidden || !is_hidden) && self.name.matches_text(name)
    }
}

impl UnreadCause {
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            UnreadCause::Unreadable(_) => "make it a regular file that this user can read",
            UnreadCause::OverLimit(_) => "remove or join files of this entry",
        }
    }
}

impl RulesInForce {
    /// The paths of the files whose rules are in force, of the entry with these `files`.
    pub fn paths(&self, files: &str) -> impl Iterator<Item = &str> {
        self.of_entry(files)
            .filter(|file| file.state != RulesFileState::Unused)
            .map(|file| &*file.path)
    }

    /// The files of the entry with these `files`.
    pub(crate) fn of_entry(&self, pattern: &str) -> impl Iterator<Item = &RulesFile> {
        self.files
            .iter()
            .filter(move |file| *file.pattern == *pattern)
    }

    /// The last valid rules of a file of that entry.
    pub(crate) fn last_valid(&self, pattern: &str, path: &str) -> Option<&Arc<RulesFileContent>> {
        self.of_entry(pattern)
            .find(|file| *file.path == *path && file.state != RulesFileState::Unused)
            .map(|file| &file.content)
    }
}

/// Shows no content of a file.
impl fmt::Debug for FoundFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FoundFile({})", self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::{RulesFilePattern, RulesFilePatternError};

    #[test]
    fn a_pattern_of_rules_files_matches_names_of_one_folder() {
        for (text, folder, matching, others) in [
            (
                "/etc/teams/*.yaml",
                "/etc/teams",
                &["a.yaml", "a.b.yaml"][..],
                &[".yaml", ".a.yaml", "a.yml", "a.yaml~", "..data"][..],
            ),
            ("/a.yaml", "/", &["a.yaml"], &["b.yaml"]),
            ("a*.yaml", ".", &["a.yaml", "ab.yaml"], &["b.yaml"]),
            ("x/.hidden*", "x", &[".hidden", ".hidden.yaml"], &["hidden"]),
            ("x/[a].yaml", "x", &["[a].yaml"], &["a.yaml"]),
        ] {
            let pattern = RulesFilePattern::parse(text).expect(text);
            assert_eq!(pattern.folder().to_str(), Some(folder), "{text}");
            assert!(matching.iter().all(|name| pattern.matches(name)), "{text}");
            assert!(!others.iter().any(|name| pattern.matches(name)), "{text}");
        }
        for (text, error) in [
            ("", RulesFilePatternError::NoName),
            ("/etc/teams/", RulesFilePatternError::NoName),
            ("/etc/teams/..", RulesFilePatternError::NoName),
            ("/etc/*/a.yaml", RulesFilePatternError::WildcardInFolder),
            ("/etc/**", RulesFilePatternError::OtherWildcard),
            ("/etc/a?.yaml", RulesFilePatternError::OtherWildcard),
            ("/etc/?/a.yaml", RulesFilePatternError::WildcardInFolder),
            ("/etc/a?*.yaml", RulesFilePatternError::OtherWildcard),
            ("/etc/*.{yaml,yml}", RulesFilePatternError::OtherWildcard),
        ] {
            assert_eq!(RulesFilePattern::parse(text), Err(error), "{text}");
        }
    }
}
