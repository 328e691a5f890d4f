//! The labels of rules files, which begin the names of their rules (CONTRACT 3.13.5).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::config::path;
use crate::config::problem::Problems;
use crate::config::rule_document::RulesFromDocument;
use crate::config::rules_files::{FoundEntry, RulesInForce};
use crate::config::sentence::Sentence;
use crate::rules::rule::Rule;

/// Which file has each label.
pub struct FileLabels {
    holders: HashMap<String, Arc<str>>,
    /// The files of the entries so far.
    seen: HashSet<Arc<str>>,
}

impl FileLabels {
    /// The labels of files that are in force and still exist, and of those whose entry cannot be listed. A new file cannot take
    /// such a label. An entry that is missing from `found` counts as one that cannot be listed.
    pub fn in_force(
        in_force: &RulesInForce,
        entries: &[RulesFromDocument],
        found: &[FoundEntry],
    ) -> FileLabels {
        let mut holders = HashMap::new();
        for (number, entry) in entries.iter().enumerate() {
            let found = found
                .get(number)
                .and_then(|found| found.files.as_ref().ok());
            let exists = |path: &Arc<str>| {
                found.is_none_or(|found| found.iter().any(|found| found.path == *path))
            };
            for file in in_force.of_entry(&entry.files) {
                if exists(&file.path)
                    && let Ok(label) = label(&file.path)
                {
                    holders.entry(label).or_insert_with(|| file.path.clone());
                }
            }
        }
        FileLabels {
            holders,
            seen: HashSet::new(),
        }
    }

    /// The names of rules of the configuration must differ from those of files that are in force.
    pub fn refuse_names_of_files(&self, own_rules: &[Rule], problems: &mut Problems) {
        for (number, rule) in own_rules.iter().enumerate() {
            let Some((label, _)) = rule.name.split_once(':') else {
                continue;
            };
            if let Some(file) = self.holders.get(label) {
                let key = path::member(&path::item("rules", number), "name");
                let what = "the part of this name before the `:` is the name of the file ";
                let what = Sentence::own(format!("{what}{file}"));
                problems.error(&key, what, "choose another name");
            }
        }
    }

    /// Whether an earlier entry has this file too.
    pub fn is_of_earlier_entry(&self, path: &str) -> bool {
        self.seen.contains(path)
    }

    /// The label of a file, which no other file may have.
    pub fn claim(
        &mut self,
        path: &Arc<str>,
        own_rules: &[Rule],
    ) -> Result<String, (String, &'static str)> {
        if !self.seen.insert(path.clone()) {
            let what = "an earlier entry of rules_from names this file too".to_owned();
            return Err((what, "change one of the entries"));
        }
        let label = label(path).map_err(|what| (what.to_owned(), "rename the file"))?;
        let holder = self.holders.entry(label.clone()).or_insert(path.clone());
        if holder != path {
            let what = format!(
                "{holder} has the same file name, which is the first part of the names of its rules"
            );
            return Err((what, "rename the file"));
        }
        let is_prefix = |rule: &&Rule| {
            let prefix = rule.name.split_once(':');
            prefix.is_some_and(|(prefix, _)| prefix == label)
        };
        match own_rules.iter().find(is_prefix) {
            Some(_) => {
                let what = "a rule of the configuration has a name that begins with the name of this file and a `:`";
                Err((what.to_owned(), "rename the file"))
            }
            None => Ok(label),
        }
    }
}

/// Whether two of these files have the same label.
pub fn are_shared<'a>(mut paths: impl Iterator<Item = &'a str>) -> bool {
    let mut seen = HashSet::new();
    paths.any(|path| label(path).is_ok_and(|label| !seen.insert(label)))
}

/// The name of a file without folder and ending, which begins the names of its rules (CONTRACT 3.13.5).
fn label(path: &str) -> Result<String, &'static str> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let label = match name.rsplit_once('.') {
        Some((label, _)) if !label.is_empty() => label,
        _ => name,
    };
    if label.contains(':') || label.chars().any(char::is_control) || label.contains('\u{fffd}') {
        return Err(
            "the name of the file is the first part of the names of its rules, and it has a `:`, a control character or bytes that are not UTF-8",
        );
    }
    Ok(label.to_owned())
}
