//! A key of a key set that verifies no token.

use std::fmt;

use crate::jose::jwk::Unusable;

/// The longest `kid` that an error repeats, in characters.
const MAX_NAMED_KEY_ID: usize = 100;

/// A member of `keys` that cannot verify tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// The `kid`, if it is a string.
    pub key_id: Option<Box<str>>,
    pub reason: Unusable,
}

impl SetAside {
    /// Whether the key is not for signatures. Such keys are in many sets on purpose.
    pub fn is_for_encryption(&self) -> bool {
        self.reason == Unusable::NotForSignatures
    }
}

impl fmt::Display for SetAside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_key(f, self.key_id.as_deref(), &self.reason)
    }
}

/// Writes the name of a key, and a text about it.
pub(in crate::keys) fn write_key(
    f: &mut fmt::Formatter<'_>,
    key_id: Option<&str>,
    said: &dyn fmt::Display,
) -> fmt::Result {
    match key_id {
        Some(key_id) => {
            let end = key_id.char_indices().nth(MAX_NAMED_KEY_ID);
            let shown = end.map_or(key_id, |(end, _)| key_id.get(..end).unwrap_or_default());
            write!(f, "key {shown:?}: {said}")
        }
        None => write!(f, "a key without kid: {said}"),
    }
}
