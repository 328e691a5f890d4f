//! Why a text is not a key set.

use crate::jose::json::JsonError;
use crate::keys::set_aside::SetAside;

/// Why a text is not a key set that can verify tokens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    #[error("not valid JSON: {0}; correct the address, or what is published there")]
    NotJson(JsonError),
    #[error(
        "there is no array `keys` (RFC 7517 section 5); correct the address, or publish a key set there"
    )]
    NoKeys,
    #[error("a member outside the keys occurs twice; remove one of them")]
    DuplicateMember,
    /// There are keys, and each one was set aside.
    #[error("none of its keys is usable: {}{}", listed(keys), and_more(*more))]
    NoUsableKey {
        /// The first of them.
        keys: Vec<SetAside>,
        /// How many there are besides.
        more: usize,
    },
}

fn listed(keys: &[SetAside]) -> String {
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    keys.join("; ")
}

fn and_more(more: usize) -> String {
    match more {
        0 => String::new(),
        more => format!("; and {more} more"),
    }
}
