//! Names of request headers in expressions. Envoy delivers them in lower case, so another name would be absent from every
//! request, and a condition such as `!("X-Debug" in request.headers)` would always hold.

use cel::IdedExpr;
use cel::common::ast::{Expr, LiteralValue, operators};

use crate::expression::ExpressionError;

/// Refuses a literal name with upper-case letters if `map` is `request.headers`.
pub fn refuse_upper_case(map: &Expr, name: &str) -> Result<(), ExpressionError> {
    if is_headers(map) && name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(ExpressionError::HeaderName(name.to_owned()));
    }
    Ok(())
}

/// The text of a literal.
pub fn literal_text(node: &IdedExpr) -> Option<&str> {
    match &node.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

fn is_headers(map: &Expr) -> bool {
    let is_request = |node: &IdedExpr| matches!(&node.expr, Expr::Ident(name) if matches!(name.as_str(), "request" | ".request"));
    match map {
        Expr::Select(select) => select.field == "headers" && is_request(&select.operand),
        Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
            [operand, index] => is_request(operand) && literal_text(index) == Some("headers"),
            _ => false,
        },
        _ => false,
    }
}
