//! Why a text is not a key set.

use crate::jose::json::JsonError;

/// Why a text is not a key set that can verify tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    #[error("not valid JSON: {0}")]
    NotJson(JsonError),
    #[error("there is no array `keys`")]
    NoKeys,
    #[error("a member outside of the keys stands twice")]
    DuplicateMember,
    #[error("none of its keys is usable")]
    NoUsableKey,
}
