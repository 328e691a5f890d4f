//! A CEL expression as an author wrote it: parsed, checked against what is declared, and bounded.
//!
//! The library parses and evaluates, but checks no names; so the syntax tree is walked here, once, when a
//! configuration is resolved.

use std::fmt;

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators};
use cel::{IdedExpr, Program};

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

const FUNCTIONS: [&str; 27] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "int",
    "uint",
    "double",
    "string",
    "bool",
    "bytes",
    "dyn",
    "type",
    "duration",
    "timestamp",
    "getFullYear",
    "getMonth",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
    operators::IN,
    operators::NOT_STRICTLY_FALSE,
];

/// Types are names too: `type(claims.n) == int`.
const TYPE_NAMES: [&str; 10] = [
    "bool",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "list",
    "map",
    "null_type",
    "type",
];

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
        let mut walk = Walk {
            locals: Vec::new(),
            comprehensions: 0,
            reads: Reads::default(),
        };
        walk.expression(&mut tree)?;
        Ok(Expression {
            tree,
            reads: walk.reads,
        })
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

    /// Whether the path does.
    pub fn path(self) -> bool {
        self.request_path
    }

    fn add_variable(&mut self, bit: usize) {
        self.variables |= 1 << bit;
    }
}

// === impl Walk ===

struct Walk {
    locals: Vec<String>,
    comprehensions: usize,
    reads: Reads,
}

impl Walk {
    fn expression(&mut self, node: &mut IdedExpr) -> Result<(), ExpressionError> {
        match &mut node.expr {
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.name(name, Use::Whole),
            Expr::Select(select) => match &select.operand.expr {
                Expr::Ident(name) => {
                    let name = name.clone();
                    self.name(&name, Use::Member(&select.field))
                }
                _ => self.expression(&mut select.operand),
            },
            Expr::Call(call) => self.call(call),
            Expr::List(list) => list
                .elements
                .iter_mut()
                .try_for_each(|element| self.expression(element)),
            Expr::Map(map) => map
                .entries
                .iter_mut()
                .try_for_each(|entry| match &mut entry.expr {
                    EntryExpr::MapEntry(entry) => {
                        self.expression(&mut entry.key)?;
                        self.expression(&mut entry.value)
                    }
                    EntryExpr::StructField(_) => Err(ExpressionError::Unsupported("messages")),
                }),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Struct(_) => Err(ExpressionError::Unsupported("messages")),
            Expr::Unspecified => Err(ExpressionError::Unsupported("an empty expression")),
        }
    }

    fn name(&mut self, name: &str, used: Use<'_>) -> Result<(), ExpressionError> {
        if self.locals.iter().any(|local| local == name) {
            return Ok(());
        }
        // `.claims` is `claims` past all locals.
        let bare = name.strip_prefix('.').unwrap_or(name);
        let Some(bit) = VARIABLES.iter().position(|own| *own == bare) else {
            let is_type = matches!(used, Use::Whole) && TYPE_NAMES.contains(&bare);
            return if is_type {
                Ok(())
            } else {
                Err(ExpressionError::UndeclaredName(name.to_owned()))
            };
        };
        self.reads.add_variable(bit);
        match (bare, used) {
            ("request", Use::Member(member)) if REQUEST_MEMBERS.contains(&member) => {
                self.reads.request_host |= member == "host";
                self.reads.request_path |= member == "path";
            }
            // Used in any other way, it could read both.
            ("request", Use::Whole) => {
                self.reads.request_host = true;
                self.reads.request_path = true;
            }
            ("source", Use::Member(member)) if SOURCE_MEMBERS.contains(&member) => {}
            ("request" | "source", Use::Member(member)) => {
                return Err(ExpressionError::UndeclaredMember(format!(
                    "{bare}.{member}"
                )));
            }
            _ => {}
        }
        Ok(())
    }

    fn call(&mut self, call: &mut CallExpr) -> Result<(), ExpressionError> {
        let is_operator = call
            .func_name
            .chars()
            .all(|character| !character.is_alphabetic());
        let is_optional = matches!(
            call.func_name.as_str(),
            operators::OPT_INDEX | operators::OPT_SELECT
        );
        if is_optional {
            return Err(ExpressionError::Unsupported("optional values"));
        }
        if !is_operator && !FUNCTIONS.contains(&call.func_name.as_str()) {
            return Err(ExpressionError::UnknownFunction(call.func_name.clone()));
        }
        if call.func_name == "matches" {
            judge_regex(call.args.last())?;
        }
        if let Some(target) = &mut call.target {
            self.expression(target)?;
        }
        call.args
            .iter_mut()
            .try_for_each(|argument| self.expression(argument))
    }

    fn comprehension(
        &mut self,
        comprehension: &mut ComprehensionExpr,
    ) -> Result<(), ExpressionError> {
        if self.comprehensions == MAX_COMPREHENSIONS {
            return Err(ExpressionError::TooDeep);
        }
        self.expression(&mut comprehension.iter_range)?;
        self.expression(&mut comprehension.accu_init)?;
        let outside = self.locals.len();
        self.comprehensions += 1;
        self.locals.extend([
            comprehension.iter_var.clone(),
            comprehension.accu_var.clone(),
        ]);
        self.locals.extend(comprehension.iter_var2.clone());
        self.expression(&mut comprehension.loop_cond)?;
        self.expression(&mut comprehension.loop_step)?;
        self.expression(&mut comprehension.result)?;
        self.locals.truncate(outside);
        self.comprehensions -= 1;
        bound(&mut comprehension.iter_range);
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Use<'a> {
    Whole,
    Member(&'a str),
}

/// Puts [`BOUNDED`] before a range.
fn bound(range: &mut IdedExpr) {
    let inner = std::mem::take(range);
    let id = inner.id;
    let call = CallExpr {
        func_name: BOUNDED.to_owned(),
        target: None,
        args: vec![inner],
    };
    *range = IdedExpr {
        id,
        expr: Expr::Call(call),
    };
}

/// A regular expression from a token could be as costly as its holder likes, and one that is none would refuse
/// every request.
fn judge_regex(pattern: Option<&IdedExpr>) -> Result<(), ExpressionError> {
    match pattern.map(|pattern| &pattern.expr) {
        Some(Expr::Literal(LiteralValue::String(text))) => regex::Regex::new(text.inner())
            .map(|_| ())
            .map_err(|error| ExpressionError::Regex(one_line(&error.to_string()))),
        _ => Err(ExpressionError::Regex("it must be a literal".to_owned())),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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

#[cfg(test)]
mod tests;
