//! `WWW-Authenticate` as RFC 6750 section 3 has it.

use std::fmt;

/// A protection space's name: printable ASCII without `"` and `\`, since it is quoted as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realm(String);

/// A text that cannot be quoted as a realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotARealm;

/// The error codes of RFC 6750 section 3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeError {
    /// The request is malformed.
    InvalidRequest,
    /// The token is not accepted.
    InvalidToken,
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

    /// A challenge without an error: the request carried no credential (RFC 6750 section 3.1).
    pub fn challenge(&self) -> String {
        format!("Bearer realm=\"{}\"", self.0)
    }

    /// A challenge that says what is wrong. `description` is one of our own fixed texts.
    pub fn challenge_with(&self, error: ChallengeError, description: Option<&str>) -> String {
        let mut challenge = format!("Bearer realm=\"{}\", error=\"{error}\"", self.0);
        if let Some(description) = description {
            challenge.push_str(", error_description=\"");
            challenge.push_str(description);
            challenge.push('"');
        }
        challenge
    }
}

impl Default for Realm {
    fn default() -> Realm {
        Realm("api".to_owned())
    }
}

impl fmt::Display for ChallengeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ChallengeError::InvalidRequest => "invalid_request",
            ChallengeError::InvalidToken => "invalid_token",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{ChallengeError, NotARealm, Realm};

    #[test]
    fn challenges_are_quoted_as_they_stand() {
        let realm = Realm::parse("acme api").expect("is a realm");
        assert_eq!(realm.challenge(), r#"Bearer realm="acme api""#);
        assert_eq!(
            realm.challenge_with(ChallengeError::InvalidToken, Some("expired")),
            r#"Bearer realm="acme api", error="invalid_token", error_description="expired""#
        );
        for text in ["", "a\"b", "a\\b", "a\nb", "grüße", "a\x7f"] {
            assert_eq!(Realm::parse(text), Err(NotARealm), "{text:?}");
        }
    }
}
