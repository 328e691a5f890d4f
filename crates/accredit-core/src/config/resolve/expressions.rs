//! CEL expressions of the configuration.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use crate::config::problem::Problems;
use crate::config::sentence::Sentence;
use crate::expression::program_store::{ProgramLimit, ProgramStore};
use crate::expression::variables::VariableSet;
use crate::expression::{Expression, ExpressionError};

/// The expressions of a configuration or of a rules file.
#[derive(Debug)]
pub struct DocumentExpressions {
    programs: ProgramStore,
    /// The expressions so far. Equal ones share a program: an alias of YAML repeats a text without its length.
    compiled: HashMap<(String, VariableSet), Expression>,
    /// Whether a problem says that the programs are too large. One is enough.
    is_full: bool,
}

/// What every expression of a document can read beside the request and the token, and what it shares with the others.
#[derive(Clone, Copy)]
pub struct ExpressionContext<'a> {
    pub document: &'a RefCell<DocumentExpressions>,
}

impl DocumentExpressions {
    /// Of a configuration with these values of `expression_env`.
    pub fn new(env: &BTreeMap<String, String>) -> DocumentExpressions {
        DocumentExpressions::with(ProgramStore::new(env))
    }

    /// Of one of its rules files, whose programs may have this many bytes.
    pub fn of_rules_file(&self, share: usize) -> DocumentExpressions {
        DocumentExpressions::with(self.programs.of_rules_file(share))
    }

    /// Counts the bytes of the rules of a file, before they are compiled.
    ///
    /// # Errors
    /// The limit for the file.
    pub fn reserve(&mut self, bytes: usize) -> Result<(), ProgramLimit> {
        self.programs.reserve(bytes)
    }

    /// The bytes of the programs, and those that were reserved.
    pub fn memory(&self) -> usize {
        self.programs.used()
    }

    /// The bytes that the rules of files and their programs may have together.
    pub fn left_for_rules_files(&self) -> usize {
        self.programs.left()
    }

    fn with(programs: ProgramStore) -> DocumentExpressions {
        DocumentExpressions {
            programs,
            compiled: HashMap::new(),
            is_full: false,
        }
    }

    fn compile(
        &mut self,
        text: &str,
        variables: VariableSet,
    ) -> Result<Expression, ExpressionError> {
        let key = (text.to_owned(), variables);
        if let Some(expression) = self.compiled.get(&key) {
            return Ok(expression.clone());
        }
        let expression = Expression::parse_into(&mut self.programs, text, variables)?;
        self.compiled.insert(key, expression.clone());
        Ok(expression)
    }
}

impl ExpressionContext<'_> {
    /// Compiles the expression at a key path. `None` if a problem was reported, here or at an expression before it.
    pub fn compile(
        self,
        key: &str,
        text: &str,
        variables: VariableSet,
        problems: &mut Problems,
    ) -> Option<Expression> {
        let mut document = self.document.borrow_mut();
        let error = match document.compile(text, variables) {
            Ok(expression) => return Some(expression),
            Err(error) => error,
        };
        let is_full = matches!(error, ExpressionError::ProgramsTooLarge(_));
        if !(is_full && document.is_full) {
            document.is_full |= is_full;
            let advice = match error {
                ExpressionError::ProgramTooLarge | ExpressionError::ProgramsTooLarge(_) => {
                    "shorten the regular expressions: a repetition such as `{80}` multiplies what is before it"
                }
                _ => "see Expressions in docs/configuration.md",
            };
            problems.error(key, Sentence::own("").and_cause(key, &error), advice);
        }
        None
    }
}
