//! `metadata`: expressions whose values the dynamic metadata of an admission has (CONTRACT 8.6).

use std::sync::Arc;

use crate::config::ordered_map::OrderedMap;
use crate::config::path;
use crate::config::problem::Problems;
use crate::config::resolve::expressions::ExpressionContext;
use crate::expression::Expression;
use crate::expression::variables::VariableSet;

/// The fields that accredit itself sets (CONTRACT 4.13.1).
const RESERVED: [&str; 10] = [
    "decision",
    "reason",
    "rule",
    "issuer",
    "key_id",
    "subject",
    "client_id",
    "scopes",
    "expires_at",
    "claims",
];

/// Compiles the expressions.
pub(crate) fn metadata(
    document: Option<&OrderedMap<String>>,
    expressions: ExpressionContext<'_>,
    problems: &mut Problems,
) -> Vec<(Arc<str>, Expression)> {
    let members = document.map(|members| members.0.as_slice());
    let mut compiled = Vec::new();
    for (name, text) in members.unwrap_or_default() {
        let key = path::member("metadata", name);
        if name.is_empty() || name.chars().any(char::is_control) {
            problems.error(
                &key,
                "a name has at least one character and no control characters",
                "write such a name",
            );
        } else if RESERVED.contains(&name.as_str()) {
            problems.error(
                &key,
                "accredit itself sets this field of the dynamic metadata",
                "choose another name",
            );
        }
        let expression = expressions.compile(&key, text, VariableSet::Request, problems);
        compiled.extend(expression.map(|expression| (name.as_str().into(), expression)));
    }
    compiled
}
