//! Every cause of a denial, with its details.

use std::sync::Arc;
use std::time::Duration;

use crate::authn::error::AuthenticationError;
use crate::authz::step::Step;
use crate::keys::ledger::MissingKey;
use crate::reason::Reason;
use crate::revocation::store::RevocationError;
use crate::rules::demands::{RuleDenial, ScopeDemand};
use crate::rules::facts::TargetError;
use crate::token::binding_error::BindingError;
use crate::token::error::{ClaimStep, TokenError};

mod texts;

/// Why a request is denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The request, or Envoy's message about it, cannot be interpreted in exactly one way.
    InvalidRequest(InvalidRequest),
    /// No token was verified.
    Unauthenticated(AuthenticationError),
    /// The rule does not admit the request.
    Forbidden(RuleDenial),
    /// More checks are in flight than `max_concurrent_checks`.
    Overloaded,
    /// A fault of accredit.
    Internal,
}

/// The part of a request that is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidRequest {
    /// Envoy's message.
    Message,
    /// The host or the path.
    Target(TargetError),
}

/// The kind of answer to a denied request. Each kind has its status, body and challenge (CONTRACT 4.2, 4.5.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    BadRequest,
    NoCredential,
    BadCredential,
    /// The challenge names the scheme DPoP (RFC 9449 section 7.1).
    BadProof {
        /// Whether the proof is at fault, and not the token.
        is_of_proof: bool,
    },
    InsufficientScope {
        /// The scopes that the rule requires, as RFC 6750 lists them.
        required: Arc<str>,
    },
    Forbidden {
        /// The rule's `message`.
        message: Option<Arc<str>>,
    },
    Unavailable {
        retry_after: Duration,
    },
}

impl Denial {
    pub fn reason(&self) -> Reason {
        match self {
            Denial::InvalidRequest(_) => Reason::InvalidRequest,
            Denial::Unauthenticated(error) => error.reason(),
            Denial::Forbidden(RuleDenial::AccessDenied) => Reason::DeniedByRule,
            Denial::Forbidden(RuleDenial::InvalidAudience) => Reason::InvalidAudience,
            Denial::Forbidden(RuleDenial::InsufficientScope { .. }) => Reason::InsufficientScope,
            Denial::Forbidden(RuleDenial::ClaimMismatch(_)) => Reason::ClaimMismatch,
            Denial::Forbidden(
                RuleDenial::IssuerNotAllowed | RuleDenial::ConditionFailed { .. },
            ) => Reason::ConditionFailed,
            Denial::Overloaded => Reason::Overloaded,
            Denial::Internal => Reason::InternalError,
        }
    }

    pub fn class(&self) -> Class {
        use AuthenticationError as Error;
        match self {
            Denial::InvalidRequest(_) | Denial::Unauthenticated(Error::AmbiguousCredential(_)) => {
                Class::BadRequest
            }
            Denial::Unauthenticated(Error::Token(TokenError::Binding(
                BindingError::MemoryFull | BindingError::ShareFull | BindingError::Store(_),
            ))) => Class::Unavailable {
                retry_after: Duration::from_secs(1),
            },
            Denial::Unauthenticated(Error::Token(TokenError::Binding(error)))
                if error.is_of_dpop() =>
            {
                Class::BadProof {
                    is_of_proof: *error != BindingError::BearerScheme,
                }
            }
            Denial::Unauthenticated(Error::MissingToken) => Class::NoCredential,
            Denial::Unauthenticated(
                Error::Token(_)
                | Error::UnknownIssuer
                | Error::Tenant(_)
                | Error::Key(MissingKey::Unknown | MissingKey::Unfit | MissingKey::Untried(_))
                | Error::Revocation(RevocationError::Revoked(_)),
            )
            | Denial::Forbidden(RuleDenial::InvalidAudience) => Class::BadCredential,
            Denial::Forbidden(RuleDenial::InsufficientScope { required, .. }) => {
                Class::InsufficientScope {
                    required: required.clone(),
                }
            }
            Denial::Forbidden(
                RuleDenial::AccessDenied
                | RuleDenial::IssuerNotAllowed
                | RuleDenial::ClaimMismatch(_),
            ) => Class::Forbidden { message: None },
            Denial::Forbidden(RuleDenial::ConditionFailed { message, .. }) => Class::Forbidden {
                message: message.clone(),
            },
            Denial::Unauthenticated(Error::Key(
                MissingKey::NoKeys { retry_after }
                | MissingKey::EmptyKeySet { retry_after }
                | MissingKey::Unavailable { retry_after }
                | MissingKey::Pending { retry_after },
            )) => Class::Unavailable {
                retry_after: *retry_after,
            },
            Denial::Unauthenticated(Error::Revocation(RevocationError::NoList))
            | Denial::Overloaded
            | Denial::Internal => Class::Unavailable {
                retry_after: Duration::from_secs(1),
            },
        }
    }

    /// The step that gave the reason (CONTRACT 4.1.1); `None` for a fault of accredit, which can occur at any step.
    pub fn step(&self) -> Option<Step> {
        Some(match self {
            Denial::Internal => return None,
            Denial::Overloaded => Step::Overload,
            Denial::InvalidRequest(InvalidRequest::Message) => Step::Message,
            Denial::InvalidRequest(InvalidRequest::Target(TargetError::Host)) => Step::Host,
            Denial::InvalidRequest(InvalidRequest::Target(
                TargetError::Method | TargetError::Path(_),
            )) => Step::Path,
            Denial::InvalidRequest(InvalidRequest::Target(TargetError::TooManyComparisons)) => {
                Step::Rule
            }
            Denial::Unauthenticated(error) => authentication_step(error),
            Denial::Forbidden(refusal) => match refusal {
                RuleDenial::AccessDenied => Step::Rule,
                RuleDenial::IssuerNotAllowed => Step::RuleIssuers,
                RuleDenial::InvalidAudience => Step::RuleAudiences,
                RuleDenial::InsufficientScope {
                    unmet: ScopeDemand::All,
                    ..
                } => Step::Scopes,
                RuleDenial::InsufficientScope {
                    unmet: ScopeDemand::Any,
                    ..
                } => Step::AnyScope,
                RuleDenial::ClaimMismatch(_) => Step::RuleClaims,
                RuleDenial::ConditionFailed { .. } => Step::Condition,
            },
        })
    }

    /// Whether the denial was decided before accredit chose a rule, or without regard to the rule.
    pub fn precedes_rule(&self) -> bool {
        matches!(
            self,
            Denial::InvalidRequest(_) | Denial::Overloaded | Denial::Internal
        )
    }

    /// Whether the denial was decided before accredit looked for a token, or while it looked.
    pub fn precedes_token(&self) -> bool {
        match self {
            Denial::InvalidRequest(_) | Denial::Overloaded | Denial::Internal => true,
            Denial::Forbidden(_) => false,
            Denial::Unauthenticated(error) => matches!(
                error,
                AuthenticationError::MissingToken | AuthenticationError::AmbiguousCredential(_)
            ),
        }
    }
}

fn authentication_step(error: &AuthenticationError) -> Step {
    match error {
        AuthenticationError::MissingToken | AuthenticationError::AmbiguousCredential(_) => {
            Step::Credential
        }
        AuthenticationError::UnknownIssuer | AuthenticationError::Tenant(_) => Step::Issuer,
        AuthenticationError::Key(_) => Step::Key,
        AuthenticationError::Revocation(_) => Step::DenyList,
        AuthenticationError::Token(error) => match error {
            TokenError::Malformed(_) => Step::Form,
            TokenError::UnsupportedAlgorithm => Step::Algorithm,
            TokenError::InvalidType => Step::Type,
            TokenError::InvalidSignature => Step::Signature,
            TokenError::Binding(_) => Step::Binding,
            TokenError::Expired => Step::Expiry,
            TokenError::InvalidAudience => Step::Audience,
            TokenError::LifetimeTooLong => Step::Lifetime,
            TokenError::InvalidClaim(_) => Step::IssuerClaims,
            TokenError::MissingRequired(_) => Step::RequiredClaims,
            TokenError::NotANumericDate(step, _)
            | TokenError::NotYetValid(step)
            | TokenError::MissingClaim(step) => match step {
                ClaimStep::Expiry => Step::Expiry,
                ClaimStep::NotBefore => Step::NotBefore,
                ClaimStep::IssuedAt => Step::IssuedAt,
                ClaimStep::Audience => Step::Audience,
                ClaimStep::Lifetime => Step::Lifetime,
            },
        },
    }
}

impl From<AuthenticationError> for Denial {
    fn from(error: AuthenticationError) -> Denial {
        Denial::Unauthenticated(error)
    }
}

impl From<TargetError> for Denial {
    fn from(error: TargetError) -> Denial {
        Denial::InvalidRequest(InvalidRequest::Target(error))
    }
}

impl From<RuleDenial> for Denial {
    fn from(refusal: RuleDenial) -> Denial {
        Denial::Forbidden(refusal)
    }
}

#[cfg(test)]
mod tests;
