//! How the parser writes macros, operators and literals, and how messages show a part of an expression.

use std::sync::Arc;

use cel::IdedExpr;
use cel::common::ast::{ComprehensionExpr, Expr, LiteralValue, operators};

use crate::expression::header_names::literal_text;
use crate::expression::program::{Literal, Operator, Quantifier};

/// What a macro was before its expansion: its kind, guard, and predicate or element.
pub fn parts_of_macro(
    comprehension: &ComprehensionExpr,
) -> Option<(Quantifier, Option<&IdedExpr>, &IdedExpr)> {
    let Expr::Call(step) = &comprehension.loop_step.expr else {
        return None;
    };
    match (step.func_name.as_str(), step.args.as_slice()) {
        (operators::LOGICAL_AND, [_, predicate]) => Some((Quantifier::All, None, predicate)),
        (operators::LOGICAL_OR, [_, predicate]) => Some((Quantifier::Exists, None, predicate)),
        (operators::ADD, [_, element]) => Some((Quantifier::Collect, None, only_element(element)?)),
        (operators::CONDITIONAL, [predicate, yes, _]) => match &yes.expr {
            Expr::Call(add) => match add.args.as_slice() {
                [_, added] => match only_element(added) {
                    Some(element) => Some((Quantifier::Collect, Some(predicate), element)),
                    None => Some((Quantifier::ExistsOne, None, predicate)),
                },
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

fn only_element(list: &IdedExpr) -> Option<&IdedExpr> {
    match &list.expr {
        Expr::List(list) => list.elements.first(),
        _ => None,
    }
}

/// The operator that the parser calls by this function name.
pub fn operator(name: &str) -> Option<Operator> {
    Some(match name {
        operators::EQUALS => Operator::Equal,
        operators::NOT_EQUALS => Operator::NotEqual,
        operators::LESS => Operator::Less,
        operators::LESS_EQUALS => Operator::LessOrEqual,
        operators::GREATER => Operator::Greater,
        operators::GREATER_EQUALS => Operator::GreaterOrEqual,
        operators::ADD => Operator::Add,
        operators::SUBSTRACT => Operator::Subtract,
        operators::MULTIPLY => Operator::Multiply,
        operators::DIVIDE => Operator::Divide,
        operators::MODULO => Operator::Remainder,
        operators::IN => Operator::In,
        _ => return None,
    })
}

/// The value of a literal.
pub fn constant(literal: &LiteralValue) -> Literal {
    match literal {
        LiteralValue::Null => Literal::Null,
        LiteralValue::Boolean(flag) => Literal::Bool(*flag.inner()),
        LiteralValue::Int(number) => Literal::Int(*number.inner()),
        LiteralValue::UInt(number) => Literal::Uint(*number.inner()),
        LiteralValue::Double(number) => Literal::Double(*number.inner()),
        LiteralValue::String(text) => Literal::Text(text.inner().into()),
        LiteralValue::Bytes(bytes) => Literal::Bytes(bytes.inner().into()),
    }
}

/// The text of names and members, for messages.
pub fn describe(expression: &Expr) -> Arc<str> {
    match expression {
        Expr::Ident(name) => name.as_str().into(),
        Expr::Select(select) => {
            format!("{}.{}", describe(&select.operand.expr), select.field).into()
        }
        Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
            [operand, index] => match literal_text(index) {
                Some(name) => format!("{}[\"{name}\"]", describe(&operand.expr)).into(),
                None => format!("{}[...]", describe(&operand.expr)).into(),
            },
            _ => "...".into(),
        },
        _ => "...".into(),
    }
}
