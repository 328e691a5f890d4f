//! From the syntax tree of an expression to a program: names are resolved and checked, regular expressions compiled,
//! and everything that has no bound is refused.

use std::sync::Arc;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, operators};

use crate::expression::bounded_regex::BoundedRegex;
use crate::expression::header_names::{literal_text, refuse_upper_case};
use crate::expression::program::{Comprehension, Function, Node};
use crate::expression::program_store::ProgramMeter;
use crate::expression::reads::Reads;
use crate::expression::syntax::{constant, operator, parts_of_macro};
use crate::expression::variables::VariableSet;
use crate::expression::{ExpressionError, MAX_COMPREHENSIONS, MAX_DEPTH};

mod names;

/// Compiles a syntax tree, which may name the variables of that set. The meter counts the bytes of the program.
pub fn compile(
    tree: &IdedExpr,
    variables: VariableSet,
    meter: &mut ProgramMeter<'_>,
) -> Result<(Node, Reads), ExpressionError> {
    let mut compiler = Compiler {
        variables,
        meter,
        locals: Vec::new(),
        depth: 0,
        reads: Reads::default(),
    };
    let program = compiler.node(tree)?;
    Ok((program, compiler.reads))
}

struct Compiler<'c, 's> {
    variables: VariableSet,
    meter: &'c mut ProgramMeter<'s>,
    /// The variables of the comprehensions around the current node.
    locals: Vec<String>,
    depth: usize,
    reads: Reads,
}

impl Compiler<'_, '_> {
    fn node(&mut self, node: &IdedExpr) -> Result<Node, ExpressionError> {
        if self.depth == MAX_DEPTH {
            return Err(ExpressionError::TooDeep);
        }
        // Lists of nodes grow to twice the size that they need.
        self.meter.spend(2 * size_of::<Node>())?;
        self.depth += 1;
        let compiled = self.expression(&node.expr);
        self.depth -= 1;
        compiled
    }

    fn expression(&mut self, expression: &Expr) -> Result<Node, ExpressionError> {
        match expression {
            Expr::Literal(literal) => {
                let constant = constant(literal);
                self.meter.spend(constant.text_bytes())?;
                Ok(Node::Literal(constant))
            }
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::List(list) if list.optional_indices.is_empty() => {
                Ok(Node::List(self.nodes(&list.elements)?))
            }
            Expr::Map(map) => map
                .entries
                .iter()
                .map(|entry| match &entry.expr {
                    EntryExpr::MapEntry(entry) if !entry.optional => {
                        Ok([self.node(&entry.key)?, self.node(&entry.value)?])
                    }
                    _ => Err(ExpressionError::Unsupported(
                        "messages and optional entries",
                    )),
                })
                .collect::<Result<_, _>>()
                .map(Node::Map),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::List(_) => Err(ExpressionError::Unsupported("optional elements")),
            Expr::Struct(_) => Err(ExpressionError::Unsupported("messages")),
            Expr::Unspecified => Err(ExpressionError::Unsupported("an empty expression")),
        }
    }

    fn nodes(&mut self, nodes: &[IdedExpr]) -> Result<Vec<Node>, ExpressionError> {
        nodes.iter().map(|node| self.node(node)).collect()
    }

    fn boxed(&mut self, node: &IdedExpr) -> Result<Box<Node>, ExpressionError> {
        self.node(node).map(Box::new)
    }

    fn call(&mut self, call: &CallExpr) -> Result<Node, ExpressionError> {
        let name = call.func_name.as_str();
        match (name, call.args.as_slice()) {
            (operators::LOGICAL_AND, _) => Ok(Node::And(self.chain(call)?)),
            (operators::LOGICAL_OR, _) => Ok(Node::Or(self.chain(call)?)),
            (operators::LOGICAL_NOT, [operand]) => Ok(Node::Not(self.boxed(operand)?)),
            (operators::NEGATE, [operand]) => Ok(Node::Negate(self.boxed(operand)?)),
            (operators::CONDITIONAL, [condition, yes, no]) => Ok(Node::Conditional(Box::new([
                self.node(condition)?,
                self.node(yes)?,
                self.node(no)?,
            ]))),
            (operators::INDEX, [operand, index]) => self.index(operand, index),
            (operators::OPT_INDEX | operators::OPT_SELECT, _) => {
                Err(ExpressionError::Unsupported("optional values"))
            }
            (_, [left, right]) if operator(name).is_some() => {
                if let (operators::IN, Some(member)) = (name, literal_text(left)) {
                    refuse_upper_case(&right.expr, member)?;
                }
                let operands = Box::new([self.node(left)?, self.node(right)?]);
                operator(name)
                    .map(|operator| Node::Binary(operator, operands))
                    .ok_or_else(|| ExpressionError::UnknownFunction(name.to_owned()))
            }
            _ => self.function(call),
        }
    }

    /// The operands of `a && b && c`, which the parser delivers as a tree.
    fn chain(&mut self, call: &CallExpr) -> Result<Vec<Node>, ExpressionError> {
        let mut operands = Vec::new();
        for argument in &call.args {
            match &argument.expr {
                Expr::Call(inner) if inner.func_name == call.func_name => {
                    operands.extend(self.chain(inner)?);
                }
                _ => operands.push(self.node(argument)?),
            }
        }
        Ok(operands)
    }

    fn function(&mut self, call: &CallExpr) -> Result<Node, ExpressionError> {
        let name = call.func_name.as_str();
        let arguments: Vec<&IdedExpr> = call
            .target
            .as_deref()
            .into_iter()
            .chain(&call.args)
            .collect();
        if name == "matches" {
            return match arguments.as_slice() {
                [text, pattern] => Ok(Node::Matches(self.boxed(text)?, self.regex(pattern)?)),
                _ => Err(ExpressionError::Arguments(name.to_owned())),
            };
        }
        let Some((function, _, least, most)) =
            Function::ALL.into_iter().find(|(_, own, ..)| *own == name)
        else {
            return Err(ExpressionError::UnknownFunction(name.to_owned()));
        };
        let arguments = arguments
            .into_iter()
            .map(|argument| self.node(argument))
            .collect::<Result<Vec<_>, _>>()?;
        if !(least..=most).contains(&arguments.len()) {
            return Err(ExpressionError::Arguments(name.to_owned()));
        }
        Ok(Node::Call(function, arguments))
    }

    /// A pattern from a request could be as costly as the client likes, and one that does not compile would refuse every
    /// request.
    fn regex(&mut self, pattern: &IdedExpr) -> Result<Arc<BoundedRegex>, ExpressionError> {
        match literal_text(pattern) {
            Some(text) => Ok(self.meter.regex(text)?),
            None => Err(ExpressionError::Regex("it must be a literal".to_owned())),
        }
    }

    /// A macro of CEL, as the parser expands it: a loop over a range with an accumulator.
    fn comprehension(
        &mut self,
        comprehension: &ComprehensionExpr,
    ) -> Result<Node, ExpressionError> {
        if self.locals.len() == MAX_COMPREHENSIONS {
            return Err(ExpressionError::TooManyComprehensions);
        }
        let (kind, guard, body) =
            parts_of_macro(comprehension).ok_or(ExpressionError::Unsupported("this macro"))?;
        let range = self.node(&comprehension.iter_range)?;
        self.locals.push(comprehension.iter_var.clone());
        let guard = guard.map(|guard| self.node(guard)).transpose();
        let body = self.node(body);
        self.locals.pop();
        Ok(Node::Comprehension(Box::new(Comprehension {
            kind,
            range,
            guard: guard?,
            body: body?,
        })))
    }
}
