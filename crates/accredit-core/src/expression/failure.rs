//! Why a condition does not hold, or an expression has no value. The operator sees it; the client sees the fixed text of the
//! reason only.

use std::sync::Arc;

/// The cause of a condition that does not hold, or of an expression without a value. It names what the expression says, and never a value that the request
/// or the token has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationFailure {
    #[error("the condition is false")]
    False,
    #[error("the expression reads `{0}`, which is absent")]
    Absent(Arc<str>),
    #[error("type error: {operation} is not defined for {operands}")]
    Type {
        operation: &'static str,
        /// The types of the operands.
        operands: String,
    },
    #[error("the expression cannot be evaluated: {0}")]
    Value(&'static str),
    #[error("a comprehension would iterate over more than 256 members")]
    TooManyMembers,
    #[error("the expression exceeds its budget of steps or bytes")]
    BudgetExceeded,
    #[error("the expression yields {0} instead of a boolean")]
    NotBoolean(&'static str),
}

impl EvaluationFailure {
    /// Whether the evaluation must end, and `||`, `&&` and comprehensions must not absorb the failure.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            EvaluationFailure::BudgetExceeded | EvaluationFailure::TooManyMembers
        )
    }
}
