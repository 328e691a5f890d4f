//! The walk over an expression's syntax tree: finds what is not declared, notes what is read, bounds what repeats.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators};

use crate::rules::expression::{
    BOUNDED, ExpressionError, MAX_COMPREHENSIONS, REQUEST_MEMBERS, Reads, SOURCE_MEMBERS,
    VARIABLES, one_line,
};

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

/// Checks a tree and bounds its comprehensions; answers what it reads.
pub(super) fn walk(tree: &mut IdedExpr) -> Result<Reads, ExpressionError> {
    let mut walk = Walk {
        locals: Vec::new(),
        comprehensions: 0,
        reads: Reads::default(),
    };
    walk.expression(tree)?;
    Ok(walk.reads)
}

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
                self.reads.request_method |= member == "method";
                self.reads.request_path |= member == "path";
            }
            // Used in any other way, it could read both.
            ("request", Use::Whole) => {
                self.reads.request_host = true;
                self.reads.request_method = true;
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
