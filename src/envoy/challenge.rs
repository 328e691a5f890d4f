//! `WWW-Authenticate` as RFC 6750 section 3 has it.

use std::fmt;

use crate::authn::realm::Realm;

/// The error codes of RFC 6750 section 3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeError<'a> {
    /// The request is malformed.
    InvalidRequest,
    /// The token is not accepted.
    InvalidToken,
    /// The token lacks one of these scopes.
    InsufficientScope(&'a str),
}

/// A challenge without an error: the request carried no credential (RFC 6750 section 3.1).
pub fn bare(realm: &Realm) -> String {
    format!("Bearer realm=\"{realm}\"")
}

/// A challenge that says what is wrong. `description` is one of our own fixed texts.
pub fn with_error(realm: &Realm, error: ChallengeError<'_>, description: Option<&str>) -> String {
    let mut challenge = format!("Bearer realm=\"{realm}\", error=\"{error}\"");
    if let ChallengeError::InsufficientScope(scope) = error {
        challenge.push_str(", scope=\"");
        challenge.push_str(scope);
        challenge.push('"');
    }
    if let Some(description) = description {
        challenge.push_str(", error_description=\"");
        challenge.push_str(description);
        challenge.push('"');
    }
    challenge
}

impl fmt::Display for ChallengeError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ChallengeError::InvalidRequest => "invalid_request",
            ChallengeError::InvalidToken => "invalid_token",
            ChallengeError::InsufficientScope(_) => "insufficient_scope",
        })
    }
}
