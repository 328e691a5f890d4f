//! Why a condition does not hold. The operator sees it; the client sees the fixed text of the reason only.

use std::sync::Arc;

/// The cause of a condition that does not hold. It names what the expression says, and never a value that the request
/// or the token has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConditionFailure {
    #[error("the condition is false")]
    False,
    #[error("the condition reads `{0}`, which is absent")]
    Absent(Arc<str>),
    #[error("type error in the condition: {operation} is not defined for {operands}")]
    Type {
        operation: &'static str,
        /// The types of the operands.
        operands: String,
    },
    #[error("the condition cannot be evaluated: {0}")]
    Value(&'static str),
    #[error("a comprehension of the condition would iterate over more than 256 members")]
    TooManyMembers,
    #[error("the condition exceeds its budget of steps or bytes")]
    BudgetExceeded,
    #[error("the condition yields {0} instead of a boolean")]
    NotBoolean(&'static str),
}

impl ConditionFailure {
    /// Whether the evaluation must end, and `||`, `&&` and comprehensions must not absorb the failure.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            ConditionFailure::BudgetExceeded | ConditionFailure::TooManyMembers
        )
    }
}
