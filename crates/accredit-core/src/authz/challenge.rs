//! The challenge of a denial (`WWW-Authenticate`, RFC 6750 section 3).

use std::fmt;

use crate::authn::realm::Realm;
use crate::jose::algorithm::Algorithm;
use crate::proof::presentation::CredentialScheme;

/// The error codes of RFC 6750 section 3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeError<'a> {
    InvalidRequest,
    InvalidToken,
    /// RFC 9449 section 7.1.
    InvalidDpopProof,
    /// The required scopes.
    InsufficientScope(&'a str),
}

/// A challenge without an error: the request carried no credential (RFC 6750 section 3.1).
pub fn bare(realm: &Realm, resource_metadata: Option<&str>) -> String {
    let mut challenge = ["Bearer realm=\"", realm.as_str(), "\""].concat();
    name_metadata(&mut challenge, resource_metadata);
    challenge
}

/// Adds the address of the API's metadata (RFC 9728 section 5.1).
fn name_metadata(challenge: &mut String, resource_metadata: Option<&str>) {
    if let Some(address) = resource_metadata {
        challenge.push_str(&format!(", resource_metadata=\"{address}\""));
    }
}

/// A challenge with an error. `description` is the fixed text of the reason.
pub fn with_error(
    scheme: CredentialScheme,
    realm: &Realm,
    error: ChallengeError<'_>,
    description: Option<&str>,
    resource_metadata: Option<&str>,
) -> String {
    let name = match scheme {
        CredentialScheme::Bearer => "Bearer",
        CredentialScheme::Dpop => "DPoP",
    };
    let mut challenge = format!("{name} realm=\"{realm}\", error=\"{error}\"");
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
    if scheme == CredentialScheme::Dpop {
        challenge.push_str(&format!(", algs=\"{}\"", algorithms()));
    }
    name_metadata(&mut challenge, resource_metadata);
    challenge
}

/// Adds a second challenge: a token that is bound to a key can be sent with a proof (RFC 9449 section 7.1).
pub fn and_dpop(challenge: String) -> String {
    format!("{challenge}, DPoP algs=\"{}\"", algorithms())
}

/// The algorithms of proofs, separated by spaces.
fn algorithms() -> String {
    let names: Vec<&str> = Algorithm::ALL.into_iter().map(Algorithm::name).collect();
    names.join(" ")
}

impl fmt::Display for ChallengeError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ChallengeError::InvalidRequest => "invalid_request",
            ChallengeError::InvalidToken => "invalid_token",
            ChallengeError::InvalidDpopProof => "invalid_dpop_proof",
            ChallengeError::InsufficientScope(_) => "insufficient_scope",
        })
    }
}
