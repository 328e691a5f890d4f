//! A file of `rules_from` as operators see it.

use std::fmt;
use std::sync::Arc;

/// A rules file, and which of its rules are in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesFileStatus {
    pub path: Arc<str>,
    /// How many rules of the file are in force.
    pub rules: usize,
    pub state: RulesFileState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RulesFileState {
    /// The rules that the file has now are in force.
    Current,
    /// The file cannot be used, and its last valid rules are in force.
    Outdated,
    /// The file cannot be used, and this process has never read valid rules from it.
    Unused,
}

impl RulesFileState {
    pub fn as_str(self) -> &'static str {
        match self {
            RulesFileState::Current => "current",
            RulesFileState::Outdated => "outdated",
            RulesFileState::Unused => "unused",
        }
    }
}

impl fmt::Display for RulesFileState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
