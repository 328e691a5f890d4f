//! The challenge of a refusal (`WWW-Authenticate`, RFC 6750 section 3).

use std::fmt;

use crate::authn::realm::Realm;

/// The error codes of RFC 6750 section 3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeError<'a> {
    InvalidRequest,
    InvalidToken,
    /// The required scopes.
    InsufficientScope(&'a str),
}

/// A challenge without an error: the request carried no credential (RFC 6750 section 3.1).
pub fn bare(realm: &Realm) -> String {
    format!("Bearer realm=\"{realm}\"")
}

/// A challenge with an error. `description` is the fixed text of the reason.
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
