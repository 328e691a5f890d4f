//! CEL expressions, compiled when the configuration is read and evaluated within a budget.
//!
//! The library `cel` parses. It checks no names, and its evaluator has no bounds: a nested `all` took 4.3 s on a token that
//! Envoy lets through, and a nested `map` built 3 GiB. So the syntax tree is compiled to a program of our own, in which
//! names are resolved and regular expressions compiled, and which counts its steps and bytes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::thread;

use cel::Program;

use crate::expression::evaluate::Evaluation;
use crate::expression::failure::EvaluationFailure;
use crate::expression::program::Node;
use crate::expression::program_store::{
    MAX_EXPRESSION_BYTES, ProgramError, ProgramLimit, ProgramMeter, ProgramStore,
};
use crate::expression::reads::Reads;
use crate::expression::value::Evaluated;
use crate::expression::variables::{VariableSet, Variables};

pub mod bounded_regex;
pub mod budget;
pub mod compile;
pub mod evaluate;
pub mod failure;
pub mod functions;
pub mod header_names;
pub mod operations;
pub mod presence;
pub mod program;
pub mod program_store;
pub mod re2_syntax;
pub mod reads;
pub mod search_caches;
pub mod string_functions;
pub mod syntax;
pub mod time;
pub mod value;
pub mod variable_values;
pub mod variables;

/// The most bytes of an expression.
pub const MAX_LENGTH: usize = 4 * 1024;

/// The most comprehensions (`all`, `exists`, `map`, ...) inside each other.
pub const MAX_COMPREHENSIONS: usize = 2;

/// The most levels of an expression.
pub const MAX_DEPTH: usize = 64;

/// The parser recurses for every level. Within [`MAX_LENGTH`] bytes it does not fill this stack.
const PARSER_STACK: usize = 256 * 1024 * 1024;

/// A compiled expression.
#[derive(Clone)]
pub struct Expression {
    program: Arc<Node>,
    reads: Reads,
    source: Arc<ExpressionSource>,
}

/// What an expression was compiled from.
#[derive(PartialEq, Eq)]
struct ExpressionSource {
    text: String,
    variables: VariableSet,
    env: Arc<BTreeMap<String, String>>,
}

/// The text is not an expression that accredit accepts (CONTRACT 3.11.6).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    #[error("the expression is longer than 4 KiB")]
    TooLong,
    #[error("not a CEL expression: {0}")]
    Syntax(String),
    #[error("`{0}` is not a variable; the variables are {names}", names = .1.names().join(", "))]
    UndeclaredName(String, VariableSet),
    #[error(
        "`{0}` does not exist; the members of request are {request}, those of source are {source_members}",
        request = variables::REQUEST_MEMBERS.join(", "),
        source_members = variables::SOURCE_MEMBERS.join(", ")
    )]
    UndeclaredMember(String),
    #[error("`env.{0}` does not exist; name the variable in `expression_env`")]
    UndeclaredEnv(String),
    #[error(
        "the header name `{0}` has upper-case letters; names of `request.headers` are in lower case"
    )]
    HeaderName(String),
    #[error("`{0}` is not a function")]
    UnknownFunction(String),
    #[error("`{0}` has a wrong number of arguments")]
    Arguments(String),
    #[error("more than two comprehensions are inside each other")]
    TooManyComprehensions,
    #[error("the expression is more than 64 levels deep")]
    TooDeep,
    #[error("the regular expression of `matches`: {0}")]
    Regex(String),
    #[error("the compiled expression is larger than {} MiB", MAX_EXPRESSION_BYTES >> 20)]
    ProgramTooLarge,
    #[error("{0}")]
    ProgramsTooLarge(ProgramLimit),
    #[error("{0} cannot be used here")]
    Unsupported(&'static str),
    #[error("the parser could not be started: {0}")]
    Parser(String),
}

impl Expression {
    /// Parses and compiles an expression by itself. The expression may name the variables of that set; `env` has the values of
    /// `expression_env`.
    ///
    /// # Errors
    /// [`ExpressionError`]
    pub fn parse(
        text: &str,
        variables: VariableSet,
        env: &BTreeMap<String, String>,
    ) -> Result<Expression, ExpressionError> {
        Expression::parse_into(&mut ProgramStore::new(env), text, variables)
    }

    /// Parses and compiles an expression of a document. It may name the variables of that set.
    ///
    /// # Errors
    /// [`ExpressionError`]
    pub fn parse_into(
        programs: &mut ProgramStore,
        text: &str,
        variables: VariableSet,
    ) -> Result<Expression, ExpressionError> {
        let env = Arc::clone(programs.env());
        if text.len() > MAX_LENGTH {
            return Err(ExpressionError::TooLong);
        }
        // Parsing, compiling and dropping the syntax tree recurse as deep as the tree. A program is at most MAX_DEPTH deep,
        // which fits every stack.
        thread::scope(|scope| {
            let parser = thread::Builder::new()
                .stack_size(PARSER_STACK)
                .spawn_scoped(scope, || {
                    let parsed = Program::compile(text)
                        .map_err(|error| ExpressionError::Syntax(one_line(&error.to_string())))?;
                    let mut meter = ProgramMeter::new(programs);
                    // The text is kept, too.
                    meter.spend(text.len() + size_of::<ExpressionSource>())?;
                    let compiled = compile::compile(parsed.expression(), variables, &mut meter)?;
                    meter.store().check()?;
                    Ok::<_, ExpressionError>(compiled)
                })
                .map_err(|error| ExpressionError::Parser(error.to_string()))?;
            let (program, reads) = parser
                .join()
                .map_err(|_| ExpressionError::Syntax("the parser failed".to_owned()))??;
            Ok(Expression {
                program: Arc::new(program),
                reads,
                source: Arc::new(ExpressionSource {
                    text: text.to_owned(),
                    variables,
                    env,
                }),
            })
        })
    }

    /// The variables that the expression reads.
    pub fn reads(&self) -> Reads {
        self.reads
    }

    /// Evaluates the expression as a condition.
    ///
    /// # Errors
    /// [`EvaluationFailure`]: why it does not hold.
    pub fn holds(&self, variables: &Variables<'_>) -> Result<(), EvaluationFailure> {
        Evaluation::new(variables).condition(&self.program)
    }

    /// The value of the expression.
    ///
    /// # Errors
    /// [`EvaluationFailure`]
    pub fn evaluate<'a>(&'a self, variables: &'a Variables<'a>) -> Evaluated<'a> {
        Evaluation::new(variables).value(&self.program)
    }
}

impl From<ProgramError> for ExpressionError {
    fn from(error: ProgramError) -> ExpressionError {
        match error {
            ProgramError::Pattern(cause) => ExpressionError::Regex(one_line(&cause)),
            ProgramError::ExpressionTooLarge => ExpressionError::ProgramTooLarge,
            ProgramError::DocumentTooLarge(limit) => ExpressionError::ProgramsTooLarge(limit),
        }
    }
}

/// Expressions are equal if they yield the same value for the same request and token. It compares what they were compiled from.
impl PartialEq for Expression {
    fn eq(&self, other: &Expression) -> bool {
        self.source == other.source
    }
}

impl Eq for Expression {}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression(reads {:?})", self.reads)
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
