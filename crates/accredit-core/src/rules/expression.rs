//! A CEL expression as an author wrote it: parsed, checked against what is declared, and bounded.
//!
//! The library parses and evaluates, but checks no names; so the syntax tree is walked here, once, when a
//! configuration is resolved.

use std::fmt;

use cel::{IdedExpr, Program};

pub mod walk;

/// An expression is at most this long, in bytes.
pub const MAX_LENGTH: usize = 4 * 1024;

/// Comprehensions (`all`, `exists`, `map`, ...) nest at most this deep.
pub const MAX_COMPREHENSIONS: usize = 2;

/// The function that stands before each range that a comprehension goes over. No author can write its name.
pub const BOUNDED: &str = "@bounded";

/// What expressions may read.
pub const VARIABLES: [&str; 6] = ["claims", "scopes", "request", "source", "context", "now"];

const REQUEST_MEMBERS: [&str; 5] = ["method", "host", "path", "query", "headers"];
const SOURCE_MEMBERS: [&str; 2] = ["address", "principal"];

/// An expression ready to be evaluated.
#[derive(Clone)]
pub struct Expression {
    tree: IdedExpr,
    reads: Reads,
}

/// Which variables an expression reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    variables: u8,
    request_host: bool,
    request_method: bool,
    request_path: bool,
}

/// Why a text is no expression for a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpressionError {
    /// Over [`MAX_LENGTH`].
    TooLong,
    /// Not CEL; the text says where.
    Syntax(String),
    /// A name that is not declared.
    UndeclaredName(String),
    /// A member that `request` or `source` does not have.
    UndeclaredMember(String),
    /// A function that does not exist.
    UnknownFunction(String),
    /// Over [`MAX_COMPREHENSIONS`] inside each other.
    TooDeep,
    /// A regular expression that is not written out, or is none.
    Regex(String),
    /// A part of CEL that has no use here.
    Unsupported(&'static str),
}

impl Expression {
    /// Parses and checks.
    ///
    /// # Errors
    /// [`ExpressionError`]
    pub fn parse(text: &str) -> Result<Expression, ExpressionError> {
        if text.len() > MAX_LENGTH {
            return Err(ExpressionError::TooLong);
        }
        let program = Program::compile(text)
            .map_err(|error| ExpressionError::Syntax(one_line(&error.to_string())))?;
        let mut tree = program.expression().clone();
        let reads = walk::walk(&mut tree)?;
        Ok(Expression { tree, reads })
    }

    /// The tree, in which each comprehension's range is bounded.
    pub fn tree(&self) -> &IdedExpr {
        &self.tree
    }

    /// What it reads.
    pub fn reads(&self) -> Reads {
        self.reads
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression(reads {:?})", self.reads)
    }
}

// === impl Reads ===

impl Reads {
    /// Whether the variable is read.
    pub fn variable(self, name: &str) -> bool {
        VARIABLES
            .iter()
            .position(|own| *own == name)
            .is_some_and(|bit| self.variables & 1 << bit != 0)
    }

    /// Whether the host decides something, so that it must be one that all servers read alike.
    pub fn host(self) -> bool {
        self.request_host
    }

    pub fn method(self) -> bool {
        self.request_method
    }

    /// Whether the path does.
    pub fn path(self) -> bool {
        self.request_path
    }

    fn add_variable(&mut self, bit: usize) {
        self.variables |= 1 << bit;
    }
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExpressionError::TooLong => f.write_str("the expression is over 4 KiB"),
            ExpressionError::Syntax(error) => write!(f, "no CEL expression: {error}"),
            ExpressionError::UndeclaredName(name) => {
                write!(
                    f,
                    "`{name}` is not declared; there are {}",
                    VARIABLES.join(", ")
                )
            }
            ExpressionError::UndeclaredMember(name) => write!(
                f,
                "there is no `{name}`; request has {}, source has {}",
                REQUEST_MEMBERS.join(", "),
                SOURCE_MEMBERS.join(", ")
            ),
            ExpressionError::UnknownFunction(name) => write!(f, "there is no function `{name}`"),
            ExpressionError::TooDeep => {
                f.write_str("more than two comprehensions stand inside each other")
            }
            ExpressionError::Regex(error) => {
                write!(f, "the regular expression of `matches`: {error}")
            }
            ExpressionError::Unsupported(what) => write!(f, "{what} cannot be used here"),
        }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
