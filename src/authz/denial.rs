//! Every reason to deny.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::authn;
use crate::rules::demands::RuleDenial;
use crate::rules::facts::TargetError;

/// Every [`Denial::code`].
pub const CODES: [&str; 21] = [
    "invalid_request",
    "missing_token",
    "malformed_token",
    "unknown_issuer",
    "unsupported_algorithm",
    "invalid_type",
    "unknown_key",
    "invalid_signature",
    "unproven_binding",
    "expired",
    "not_yet_valid",
    "invalid_audience",
    "missing_claim",
    "lifetime_too_long",
    "insufficient_scope",
    "condition_failed",
    "denied_by_rule",
    "keys_unavailable",
    "key_pending",
    "overloaded",
    "internal_error",
];

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// What was asked cannot be read, or not in one way only.
    InvalidRequest(Unreadable),
    /// Nobody was authenticated.
    Unauthenticated(authn::error::Error),
    /// The rule does not admit.
    Forbidden(RuleDenial),
    /// More checks are in flight than may be.
    Overloaded,
    /// A fault of ours.
    Internal,
}

/// The part of a request that has no one reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// The proxy's own message.
    Message,
    /// The host or the path that it tells of.
    Target(TargetError),
}

/// What a refusal asks of the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// To send a request that can be read.
    BadRequest,
    /// To send a token.
    NoCredential,
    /// To send another token.
    BadCredential,
    /// To ask for a token with more scopes.
    InsufficientScope {
        /// Those that are asked for.
        required: Arc<str>,
    },
    /// To give up.
    Forbidden {
        /// What the operator lets the caller know.
        message: Option<Arc<str>>,
    },
    /// To come back later.
    Unavailable {
        /// How much later.
        retry_after: Duration,
    },
}

impl Denial {
    /// The stable name: the `reason` of metadata, metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Denial::InvalidRequest(_) => "invalid_request",
            Denial::Unauthenticated(error) => error.code(),
            Denial::Forbidden(RuleDenial::AccessDenied) => "denied_by_rule",
            Denial::Forbidden(RuleDenial::InvalidAudience) => "invalid_audience",
            Denial::Forbidden(RuleDenial::InsufficientScope { .. }) => "insufficient_scope",
            Denial::Forbidden(
                RuleDenial::IssuerNotAllowed | RuleDenial::ConditionFailed { .. },
            ) => "condition_failed",
            Denial::Overloaded => "overloaded",
            Denial::Internal => "internal_error",
        }
    }

    /// What the refusal asks of the caller.
    pub fn class(&self) -> Class {
        use authn::error::Error;
        match self {
            Denial::InvalidRequest(_) | Denial::Unauthenticated(Error::AmbiguousCredential(_)) => {
                Class::BadRequest
            }
            Denial::Unauthenticated(Error::MissingToken) => Class::NoCredential,
            Denial::Unauthenticated(Error::Token(_) | Error::UnknownIssuer | Error::UnknownKey)
            | Denial::Forbidden(RuleDenial::InvalidAudience) => Class::BadCredential,
            Denial::Forbidden(RuleDenial::InsufficientScope { required }) => {
                Class::InsufficientScope {
                    required: required.clone(),
                }
            }
            Denial::Forbidden(RuleDenial::AccessDenied | RuleDenial::IssuerNotAllowed) => {
                Class::Forbidden { message: None }
            }
            Denial::Forbidden(RuleDenial::ConditionFailed { message }) => Class::Forbidden {
                message: message.clone(),
            },
            Denial::Unauthenticated(
                Error::NoKeys { retry_after }
                | Error::KeysUnavailable { retry_after }
                | Error::KeyPending { retry_after },
            ) => Class::Unavailable {
                retry_after: *retry_after,
            },
            Denial::Overloaded | Denial::Internal => Class::Unavailable {
                retry_after: Duration::from_secs(1),
            },
        }
    }
}

impl From<authn::error::Error> for Denial {
    fn from(error: authn::error::Error) -> Denial {
        Denial::Unauthenticated(error)
    }
}

impl From<TargetError> for Denial {
    fn from(error: TargetError) -> Denial {
        Denial::InvalidRequest(Unreadable::Target(error))
    }
}

impl From<RuleDenial> for Denial {
    fn from(denial: RuleDenial) -> Denial {
        Denial::Forbidden(denial)
    }
}

impl fmt::Display for Denial {
    /// One fixed text per reason: nothing of the request is in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Denial::InvalidRequest(_) => f.write_str("the request cannot be read in one way only"),
            Denial::Unauthenticated(error) => error.fmt(f),
            Denial::Forbidden(RuleDenial::AccessDenied) => f.write_str("nobody may do this"),
            Denial::Forbidden(RuleDenial::InvalidAudience) => {
                f.write_str("the token is meant for another audience")
            }
            Denial::Forbidden(RuleDenial::InsufficientScope { .. }) => {
                f.write_str("the token lacks a required scope")
            }
            Denial::Forbidden(
                RuleDenial::IssuerNotAllowed | RuleDenial::ConditionFailed { .. },
            ) => f.write_str("the request does not meet the rule's condition"),
            Denial::Overloaded => f.write_str("too many requests are being checked"),
            Denial::Internal => f.write_str("the request could not be checked"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::CODES;

    /// The codes stand in the `code` functions of three files, each after an arrow or in braces of its own.
    #[test]
    fn the_list_holds_every_code_and_no_other() {
        let sources = [
            include_str!("denial.rs"),
            include_str!("../authn/error.rs"),
            include_str!("../token/error.rs"),
        ];
        let mut found = BTreeSet::new();
        for source in sources {
            let (_, after) = source.split_once("pub fn code(").expect("has codes");
            let (body, _) = after.split_once("\n    }\n").expect("has an end");
            let texts = body.split('"').skip(1).step_by(2);
            found.extend(texts);
        }
        assert_eq!(found, CODES.into_iter().collect());
    }
}
