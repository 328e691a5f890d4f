//! `when`: a condition that a request must meet.

use std::fmt;
use std::sync::Arc;

use crate::expression::Expression;
use crate::expression::failure::EvaluationFailure;
use crate::expression::variables::Variables;

/// A compiled `when`.
#[derive(Clone)]
pub struct Condition {
    expression: Expression,
    message: Option<Arc<str>>,
}

impl Condition {
    /// `message` is the operator's text for a client that does not meet the condition.
    pub fn new(expression: Expression, message: Option<String>) -> Condition {
        Condition {
            expression,
            message: message.map(Arc::from),
        }
    }

    pub fn expression(&self) -> &Expression {
        &self.expression
    }

    /// The operator's text for a client that does not meet the condition.
    pub fn message(&self) -> Option<&Arc<str>> {
        self.message.as_ref()
    }

    /// Evaluates the condition.
    ///
    /// # Errors
    /// [`EvaluationFailure`]: why it does not hold.
    pub fn check(&self, variables: &Variables<'_>) -> Result<(), EvaluationFailure> {
        self.expression.holds(variables)
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expression.fmt(f)
    }
}
