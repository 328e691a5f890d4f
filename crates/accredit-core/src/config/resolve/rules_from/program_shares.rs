//! How the rules files of a configuration share what its own expressions leave of the limit for rules of files and compiled
//! expressions.
//!
//! Each entry has its part of the half of it, whatever the other entries have. Otherwise one team could use everything, and no
//! other team could withdraw access with a rule more.
//!
//! The rules that a file keeps in force while it is invalid or gone take memory too. They were not counted, and files that became
//! valid and invalid in turns took any amount of it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::rule_document::RulesFromDocument;
use crate::config::rules_files::{RulesFile, RulesFileContent, RulesInForce};

/// The bytes of the rules of files and of their programs. Each content counts once, wherever it is in force.
#[derive(Clone)]
pub(crate) struct ProgramShares {
    /// What all files may have together.
    limit: usize,
    /// How many entries there are.
    entries: usize,
    /// The files whose rules the new configuration has.
    used: Counts,
    /// Files that are in force and were not read again yet: each can be invalid, and then its rules stay in force.
    reserved: Counts,
}

/// The number of the entry and the bytes of each content.
type Counts = HashMap<*const RulesFileContent, (usize, usize)>;

impl ProgramShares {
    pub(crate) fn of(limit: usize, entries: usize) -> ProgramShares {
        ProgramShares {
            limit,
            entries,
            used: HashMap::new(),
            reserved: HashMap::new(),
        }
    }

    /// The same, with room for the files of these entries that are in force.
    pub(crate) fn reserving(
        self,
        entries: &[RulesFromDocument],
        in_force: &RulesInForce,
    ) -> ProgramShares {
        let files = entries.iter().enumerate().flat_map(|(number, entry)| {
            let files = in_force.of_entry(&entry.files);
            files.map(move |file| (number, file))
        });
        ProgramShares {
            reserved: files
                .map(|(entry, file)| (Arc::as_ptr(&file.content), (entry, file.content.memory)))
                .collect(),
            ..self
        }
    }

    /// What the rules and programs of a file of this entry may have that is read now, and has these rules in force. A file for which
    /// room is reserved can stay as it is, whatever the others have.
    pub(crate) fn share_of(&mut self, entry: usize, last: Option<&Arc<RulesFileContent>>) -> usize {
        let own = last.and_then(|last| self.reserved.remove(&Arc::as_ptr(last)));
        let guaranteed = self.limit / 2 / self.entries.max(1);
        let others: usize = (0..self.entries)
            .map(|other| match self.of_entry(other) {
                bytes if other == entry => bytes,
                bytes => bytes.max(guaranteed),
            })
            .sum();
        let own = own.map_or(0, |(_, bytes)| bytes);
        self.limit.saturating_sub(others).max(own)
    }

    /// Counts the rules of a file of this entry that the new configuration has.
    pub(crate) fn count(&mut self, entry: usize, content: &Arc<RulesFileContent>) {
        let key = Arc::as_ptr(content);
        self.reserved.remove(&key);
        self.used.insert(key, (entry, content.memory));
    }

    /// Keeps no more room for these files: all were decided about.
    pub(crate) fn release<'a>(&mut self, files: impl Iterator<Item = &'a RulesFile>) {
        for file in files {
            self.reserved.remove(&Arc::as_ptr(&file.content));
        }
    }

    /// Whether the files that were counted keep to the limit.
    pub(crate) fn fit(&self) -> bool {
        self.sum() <= self.limit
    }

    fn of_entry(&self, entry: usize) -> usize {
        let counts = self.used.values().chain(self.reserved.values());
        counts
            .filter(|(of, _)| *of == entry)
            .map(|(_, bytes)| bytes)
            .sum()
    }

    fn sum(&self) -> usize {
        self.used.values().map(|(_, bytes)| bytes).sum()
    }
}
