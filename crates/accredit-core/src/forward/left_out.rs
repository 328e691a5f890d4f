//! Why a header is left out, and the checks that every value of a header must pass.

use crate::expression::failure::EvaluationFailure;

/// The maximum length of a value, in bytes.
pub(crate) const MAX_VALUE: usize = 8 * 1024;

/// The maximum length of all values and the payload together, in bytes.
pub(crate) const MAX_TOTAL: usize = 24 * 1024;

/// Why a claim header is left out (CONTRACT 3.7.6, 4.10.2, 4.10.4).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeftOut {
    #[error("the token does not have the claim")]
    NotInToken,
    /// The claim of the scopes is neither a string nor an array of strings.
    #[error("the claim that carries the scopes is neither a string nor an array of strings")]
    NotScopes,
    #[error("the value is empty")]
    Empty,
    #[error("the value has a control character")]
    ControlCharacter,
    #[error("the value begins or ends with a space")]
    OuterSpace,
    #[error("the value has {0} bytes; the limit is {MAX_VALUE}")]
    TooLong(usize),
    #[error("an element of the array contains the separator {0:?}")]
    SeparatorInElement(char),
    #[error("an element of the array is empty")]
    EmptyElement,
    #[error("an element of the array is null, an array or an object; `as: json` can carry it")]
    NestedElement,
    #[error(
        "the headers before it leave no room: all values together have at most {MAX_TOTAL} bytes"
    )]
    NoRoom,
    #[error(transparent)]
    Expression(#[from] EvaluationFailure),
    #[error("the expression yields null")]
    Null,
    #[error("the expression yields an object whose JSON has over {MAX_VALUE} bytes")]
    JsonTooLong,
    /// The number may differ from the one that the token has.
    #[error("the expression yields a number that is not finite, or beyond 2^53 and not exact")]
    InexactNumber,
    #[error("the expression yields {0}, which has no form as a header; convert it with `string`")]
    NoForm(&'static str),
}

/// Whether the value reaches the upstream unchanged.
pub(crate) fn check_transport(text: &str) -> Result<(), LeftOut> {
    if text.is_empty() {
        Err(LeftOut::Empty)
    } else if text.len() > MAX_VALUE {
        Err(LeftOut::TooLong(text.len()))
    } else if text.chars().any(char::is_control) {
        Err(LeftOut::ControlCharacter)
    } else if text.starts_with(' ') || text.ends_with(' ') {
        Err(LeftOut::OuterSpace)
    } else {
        Ok(())
    }
}
