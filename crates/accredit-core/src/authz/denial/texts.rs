//! What clients and operators read about a denial.

use crate::authn::error::AuthenticationError;
use crate::authz::denial::{Denial, InvalidRequest};
use crate::keys::key_set::MAX_CANDIDATES;
use crate::keys::ledger::MissingKey;
use crate::reason::Reason;
use crate::revocation::store::RevocationError;
use crate::rules::demands::RuleDenial;
use crate::rules::facts::TargetError;
use crate::token::error::TokenError;

const UNSUPPORTED_ALGORITHM: &str = "the token's signature algorithm is not accepted";

impl Denial {
    /// The fixed text of the reason; `invalid_request` has one per step (CONTRACT 4.5.3). Clients see it where CONTRACT 4.2 has
    /// `details`; the log shows it for every reason.
    pub fn description(&self) -> &'static str {
        match self {
            Denial::InvalidRequest(InvalidRequest::Message) => {
                "the authorization request of the proxy is invalid"
            }
            Denial::InvalidRequest(InvalidRequest::Target(TargetError::Host)) => {
                "the host of the request is missing or invalid"
            }
            Denial::InvalidRequest(InvalidRequest::Target(
                TargetError::Method | TargetError::Path(_),
            )) => {
                "the request is ambiguous: its method or path can be interpreted in more than one way"
            }
            Denial::InvalidRequest(InvalidRequest::Target(TargetError::TooManyComparisons)) => {
                "comparing the request with the rules takes too many steps"
            }
            Denial::Unauthenticated(error) => authentication_text(error),
            Denial::Forbidden(RuleDenial::AccessDenied) => "access is denied by a rule",
            Denial::Forbidden(RuleDenial::InvalidAudience) => {
                "the token's audience is not accepted"
            }
            Denial::Forbidden(RuleDenial::InsufficientScope { .. }) => {
                "the token lacks a required scope"
            }
            Denial::Forbidden(RuleDenial::ClaimMismatch(_)) => {
                "a claim of the token has none of the values that the rule requires"
            }
            Denial::Forbidden(RuleDenial::IssuerNotAllowed) => {
                "the rule does not accept the token's issuer"
            }
            Denial::Forbidden(RuleDenial::ConditionFailed { .. }) => {
                "the condition of the rule does not hold"
            }
            Denial::Overloaded => "too many checks are in flight",
            Denial::Internal => "the check failed because of an internal error",
        }
    }

    /// The detailed cause, for the operator (CONTRACT 2.5.6). It contains no value of the token. Clients never see it.
    pub fn cause(&self) -> Option<String> {
        match self {
            Denial::InvalidRequest(InvalidRequest::Target(error)) => Some(error.to_string()),
            Denial::Unauthenticated(AuthenticationError::AmbiguousCredential(error)) => {
                Some(error.to_string())
            }
            Denial::Unauthenticated(AuthenticationError::Key(MissingKey::Untried(more))) => Some(
                format!("{MAX_CANDIDATES} keys were tried, and {more} more that fit were not"),
            ),
            Denial::Unauthenticated(AuthenticationError::Key(MissingKey::Unfit)) => Some(
                "the key with the token's `kid` does not fit the token's `alg`, or is set aside"
                    .to_owned(),
            ),
            Denial::Unauthenticated(AuthenticationError::Token(
                error @ (TokenError::Binding(_)
                | TokenError::MissingClaim(_)
                | TokenError::MissingRequired(_)
                | TokenError::InvalidClaim(_)),
            )) => Some(error.to_string()),
            Denial::Unauthenticated(AuthenticationError::Tenant(error)) => Some(error.to_string()),
            Denial::Unauthenticated(AuthenticationError::Revocation(error)) => {
                Some(error.to_string())
            }
            Denial::Forbidden(RuleDenial::ClaimMismatch(unmet)) => Some(unmet.to_string()),
            Denial::Forbidden(RuleDenial::ConditionFailed { cause, .. }) => Some(cause.to_string()),
            _ => None,
        }
    }
}

fn authentication_text(error: &AuthenticationError) -> &'static str {
    match error {
        AuthenticationError::MissingToken => "the request has no token",
        AuthenticationError::AmbiguousCredential(_) => {
            "the request has more than one credential, or its credential is ambiguous"
        }
        AuthenticationError::UnknownIssuer | AuthenticationError::Tenant(_) => {
            "the token's issuer is not accepted"
        }
        AuthenticationError::Key(missing) => match missing {
            MissingKey::Unknown | MissingKey::Untried(_) => "the token's signing key is unknown",
            MissingKey::Unfit => UNSUPPORTED_ALGORITHM,
            MissingKey::NoKeys { .. }
            | MissingKey::EmptyKeySet { .. }
            | MissingKey::Unavailable { .. } => "the issuer's keys are unavailable",
            MissingKey::Pending { .. } => {
                "the token's signing key may be new, and the issuer's keys cannot be fetched again yet"
            }
        },
        AuthenticationError::Revocation(RevocationError::Revoked(_)) => {
            "the token has been revoked"
        }
        AuthenticationError::Revocation(RevocationError::NoList) => {
            "the deny list is not available yet"
        }
        AuthenticationError::Token(error) => match error.reason() {
            Reason::MalformedToken => "the token is not a well-formed JWT",
            Reason::UnsupportedAlgorithm => UNSUPPORTED_ALGORITHM,
            Reason::InvalidType => "the token's type is not accepted",
            Reason::InvalidSignature => "the token's signature is invalid",
            Reason::UnprovenBinding => {
                "the token is bound to a key, and possession of that key was not proven"
            }
            Reason::MissingProof => "the request has no DPoP proof",
            Reason::InvalidProof => "the proof of possession of the token's key is invalid",
            Reason::ReplayedProof => "the DPoP proof was used before",
            Reason::InternalError => "the memory of used proofs is full or does not answer",
            Reason::Expired => "the token has expired",
            Reason::NotYetValid => "the token is not valid yet",
            Reason::InvalidAudience => "the token's audience is not accepted",
            Reason::MissingClaim => "the token lacks a required claim",
            Reason::LifetimeTooLong => "the token's lifetime is too long",
            Reason::InvalidClaim => "a claim of the token has none of the accepted values",
            _ => "the token is not accepted",
        },
    }
}
