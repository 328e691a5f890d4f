//! Settings of denials.

use std::fmt;

/// The realm of challenges (RFC 9110 section 11.5): printable ASCII without `"` and `\`, since it is sent quoted and
/// without escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realm(String);

/// The text cannot be sent as a realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a realm is printable ASCII without `\"` and `\\`, and not empty")]
pub struct InvalidRealm;

/// Whether denials have `details` and `error_description` (`error_details`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorDetails {
    #[default]
    Shown,
    Hidden,
}

/// The answer for a token whose issuer has no usable key at all (`unavailable`, CONTRACT 4.8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WithoutKeysPolicy {
    #[default]
    Refuse,
    /// An error answer, so that Envoy's `failure_mode_allow` decides.
    Defer,
}

impl Realm {
    /// # Errors
    /// [`InvalidRealm`]
    pub fn parse(text: &str) -> Result<Realm, InvalidRealm> {
        let quotable = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
        if text.is_empty() || !text.bytes().all(quotable) {
            return Err(InvalidRealm);
        }
        Ok(Realm(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Realm {
    fn default() -> Realm {
        Realm("api".to_owned())
    }
}

impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidRealm, Realm};

    #[test]
    fn a_realm_that_needs_escapes_when_quoted_is_an_error() {
        assert_eq!(
            Realm::parse("acme api").map(|realm| realm.to_string()),
            Ok("acme api".to_owned())
        );
        for text in ["", "a\"b", "a\\b", "a\nb", "grüße", "a\x7f"] {
            assert_eq!(Realm::parse(text), Err(InvalidRealm), "{text:?}");
        }
    }
}
