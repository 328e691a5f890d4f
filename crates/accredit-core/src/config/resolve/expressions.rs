//! CEL expressions of the configuration.

use std::collections::BTreeMap;

use crate::config::problem::Problems;
use crate::config::sentence::Sentence;
use crate::expression::Expression;
use crate::expression::variables::VariableSet;

/// What every expression of a configuration can read beside the request and the token.
#[derive(Clone, Copy)]
pub struct ExpressionContext<'a> {
    /// The values of `expression_env`.
    pub env: &'a BTreeMap<String, String>,
}

impl ExpressionContext<'_> {
    /// Compiles the expression at a key path. `None` if a problem was reported.
    pub fn compile(
        self,
        key: &str,
        text: &str,
        variables: VariableSet,
        problems: &mut Problems,
    ) -> Option<Expression> {
        Expression::parse(text, variables, self.env)
            .map_err(|error| {
                problems.error(
                    key,
                    Sentence::own("").and_cause(key, &error),
                    "see Expressions in docs/configuration.md",
                );
            })
            .ok()
    }
}
