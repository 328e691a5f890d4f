//! How the rules files of a configuration share what its own expressions leave of the limit for rules of files and compiled
//! expressions.
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
    /// The files whose rules the new configuration has.
    used: HashMap<*const RulesFileContent, usize>,
    /// Files that are in force and were not read again yet: each can be invalid, and then its rules stay in force.
    reserved: HashMap<*const RulesFileContent, usize>,
}

impl ProgramShares {
    pub(crate) fn of(limit: usize) -> ProgramShares {
        ProgramShares {
            limit,
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
        let files = entries
            .iter()
            .flat_map(|entry| in_force.of_entry(&entry.files));
        ProgramShares {
            reserved: files
                .map(|file| (Arc::as_ptr(&file.content), file.content.memory))
                .collect(),
            ..self
        }
    }

    /// What the rules and programs of a file may have that is read now, and has these rules in force. A file for which room is reserved can
    /// stay as it is, whatever the others have.
    pub(crate) fn share_of(&mut self, last: Option<&Arc<RulesFileContent>>) -> usize {
        let own = last.and_then(|last| self.reserved.remove(&Arc::as_ptr(last)));
        let others = self.sum() + self.reserved.values().sum::<usize>();
        self.limit.saturating_sub(others).max(own.unwrap_or(0))
    }

    /// Counts the rules of a file that the new configuration has.
    pub(crate) fn count(&mut self, content: &Arc<RulesFileContent>) {
        let content = (Arc::as_ptr(content), content.memory);
        self.reserved.remove(&content.0);
        self.used.insert(content.0, content.1);
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

    fn sum(&self) -> usize {
        self.used.values().sum()
    }
}
