//! The memory of compiled expressions, which is bounded for one expression and for all of a document.
//!
//! A few bytes of a regular expression can be a program of hundreds of kilobytes, and the author of a rules file decides how
//! many there are. Without a limit for the sum, a valid file of 100 KB took 500 MiB, and the system killed a service with a
//! memory limit.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use crate::expression::bounded_regex::{BoundedRegex, RegexError};

/// The most bytes of one compiled expression.
pub const MAX_EXPRESSION_BYTES: usize = 1024 * 1024;

/// The most bytes of the rules and compiled expressions of one rules file.
pub const MAX_FILE_BYTES: usize = 8 * 1024 * 1024;

/// The most bytes of the compiled expressions of a configuration and of the rules and compiled expressions of its files.
pub const MAX_CONFIGURATION_BYTES: usize = 64 * 1024 * 1024;

/// Whose rules and expressions may not become larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramLimit {
    RulesFile,
    Configuration,
}

/// Why a program is not made.
#[derive(Debug, PartialEq, Eq)]
pub enum ProgramError {
    /// The text of a regular expression is none, or is not permitted.
    Pattern(String),
    /// The expression is too large by itself.
    ExpressionTooLarge,
    /// It does not fit beside the expressions before it.
    DocumentTooLarge(ProgramLimit),
}

/// What the expressions of one document share: the values of `expression_env`, equal regular expressions, and the bytes that
/// their programs may have together.
#[derive(Debug)]
pub struct ProgramStore {
    env: Arc<BTreeMap<String, String>>,
    /// The same, as programs read it.
    env_members: Arc<[(Box<str>, Box<str>)]>,
    regexes: HashMap<Box<str>, Arc<BoundedRegex>>,
    /// What its programs may have together.
    granted: usize,
    /// What is left of it. `None` once an expression needed more: no expression is compiled any more, but each is still checked.
    left: Option<usize>,
    limit: ProgramLimit,
}

/// Counts the bytes of one expression while it is compiled.
#[derive(Debug)]
pub struct ProgramMeter<'s> {
    store: &'s mut ProgramStore,
    /// What the expression may still have.
    left: usize,
    /// The regular expressions that it has so far.
    regexes: Vec<Arc<BoundedRegex>>,
}

impl ProgramStore {
    /// For the expressions of a configuration.
    pub fn new(env: &BTreeMap<String, String>) -> ProgramStore {
        let members = env
            .iter()
            .map(|(name, value)| (name.as_str().into(), value.as_str().into()));
        ProgramStore {
            env: Arc::new(env.clone()),
            env_members: members.collect(),
            regexes: HashMap::new(),
            granted: MAX_CONFIGURATION_BYTES,
            left: Some(MAX_CONFIGURATION_BYTES),
            limit: ProgramLimit::Configuration,
        }
    }

    /// For the expressions of one of its rules files, which gets this part of what the configuration leaves, but never more than
    /// [`MAX_FILE_BYTES`]. Files share no program, so that whether one is valid does not depend on the regular expressions of
    /// another.
    pub fn of_rules_file(&self, share: usize) -> ProgramStore {
        let granted = share.min(MAX_FILE_BYTES);
        ProgramStore {
            env: Arc::clone(&self.env),
            env_members: Arc::clone(&self.env_members),
            regexes: HashMap::new(),
            granted,
            left: Some(granted),
            limit: match granted < MAX_FILE_BYTES {
                true => ProgramLimit::Configuration,
                false => ProgramLimit::RulesFile,
            },
        }
    }

    /// Counts bytes of what the document has beside its programs.
    ///
    /// # Errors
    /// The limit, if they do not fit.
    pub fn reserve(&mut self, bytes: usize) -> Result<(), ProgramLimit> {
        self.spend(bytes);
        self.left.map(|_| ()).ok_or(self.limit)
    }

    /// The bytes of its programs, and those that were reserved.
    pub fn used(&self) -> usize {
        self.granted.saturating_sub(self.left())
    }

    /// The bytes that further programs may have.
    pub fn left(&self) -> usize {
        self.left.unwrap_or(0)
    }

    /// # Errors
    /// [`ProgramError::DocumentTooLarge`] if the expressions so far do not fit.
    pub fn check(&self) -> Result<(), ProgramError> {
        match self.left {
            Some(_) => Ok(()),
            None => Err(ProgramError::DocumentTooLarge(self.limit)),
        }
    }

    pub fn env(&self) -> &Arc<BTreeMap<String, String>> {
        &self.env
    }

    pub fn env_members(&self) -> &Arc<[(Box<str>, Box<str>)]> {
        &self.env_members
    }

    fn spend(&mut self, bytes: usize) {
        self.left = self.left.and_then(|left| left.checked_sub(bytes));
    }
}

impl<'s> ProgramMeter<'s> {
    pub fn new(store: &'s mut ProgramStore) -> ProgramMeter<'s> {
        ProgramMeter {
            store,
            left: MAX_EXPRESSION_BYTES,
            regexes: Vec::new(),
        }
    }

    pub fn store(&self) -> &ProgramStore {
        self.store
    }

    /// Counts bytes of the program that is being compiled.
    ///
    /// # Errors
    /// [`ProgramError::ExpressionTooLarge`]
    pub fn spend(&mut self, bytes: usize) -> Result<(), ProgramError> {
        self.spend_own(bytes)?;
        self.store.spend(bytes);
        Ok(())
    }

    fn spend_own(&mut self, bytes: usize) -> Result<(), ProgramError> {
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or(ProgramError::ExpressionTooLarge)?;
        Ok(())
    }

    /// The regular expression of this pattern. Equal patterns of a document share one.
    ///
    /// # Errors
    /// [`ProgramError`]
    pub fn regex(&mut self, pattern: &str) -> Result<Arc<BoundedRegex>, ProgramError> {
        if let Some(regex) = self.store.regexes.get(pattern).map(Arc::clone) {
            // An expression counts each of its patterns, so that its size does not depend on other expressions.
            if !self.regexes.iter().any(|own| Arc::ptr_eq(own, &regex)) {
                self.spend_own(regex.bytes())?;
                self.regexes.push(Arc::clone(&regex));
            }
            return Ok(regex);
        }
        let of_store = self.store.left();
        let regex = match BoundedRegex::within(self.left.min(of_store), pattern) {
            Ok(regex) => regex,
            Err(RegexError::Pattern(cause)) => {
                return Err(ProgramError::Pattern(cause));
            }
            Err(RegexError::NothingLeft) if of_store < self.left => {
                self.store.left = None;
                // The document is refused, so nothing searches with it.
                let nothing = BoundedRegex::within(usize::MAX, "");
                return nothing
                    .map(Arc::new)
                    .map_err(|_| ProgramError::ExpressionTooLarge);
            }
            Err(RegexError::NothingLeft) => return Err(ProgramError::ExpressionTooLarge),
        };
        self.spend(pattern.len() + regex.bytes())?;
        let regex = Arc::new(regex);
        self.store
            .regexes
            .insert(pattern.into(), Arc::clone(&regex));
        self.regexes.push(Arc::clone(&regex));
        Ok(regex)
    }
}

impl fmt::Display for ProgramLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, bytes) = match self {
            ProgramLimit::RulesFile => (
                "the rules and compiled expressions of this file",
                MAX_FILE_BYTES,
            ),
            ProgramLimit::Configuration => (
                "the compiled expressions of the configuration, and the rules and compiled expressions of its rules files (the last valid rules of an invalid file count),",
                MAX_CONFIGURATION_BYTES,
            ),
        };
        let limit = bytes >> 20;
        write!(f, "{what} take more than {limit} MiB of memory together")
    }
}
