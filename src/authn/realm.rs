//! What a caller without an accepted credential is told.

use std::fmt;

/// A protection space's name (RFC 9110 section 11.5): printable ASCII without `"` and `\`, since it is quoted as
/// it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realm(String);

/// A text that cannot be quoted as a realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotARealm;

/// Whether refusals say what is wrong in words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorDetails {
    /// They do.
    #[default]
    Shown,
    /// They say the kind of error alone.
    Hidden,
}

/// Who decides on a token whose issuer has no usable key at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WithoutKeysPolicy {
    /// We do: it is refused.
    #[default]
    Refuse,
    /// The proxy does, by its own setting for a failed check.
    Defer,
}

impl Realm {
    /// Reads a realm.
    ///
    /// # Errors
    /// [`NotARealm`]
    pub fn parse(text: &str) -> Result<Realm, NotARealm> {
        let quotable = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
        if text.is_empty() || !text.bytes().all(quotable) {
            return Err(NotARealm);
        }
        Ok(Realm(text.to_owned()))
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
    use super::{NotARealm, Realm};

    #[test]
    fn a_realm_can_be_quoted_as_it_stands() {
        assert_eq!(
            Realm::parse("acme api").map(|realm| realm.to_string()),
            Ok("acme api".to_owned())
        );
        for text in ["", "a\"b", "a\\b", "a\nb", "grüße", "a\x7f"] {
            assert_eq!(Realm::parse(text), Err(NotARealm), "{text:?}");
        }
    }
}
