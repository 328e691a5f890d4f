//! Why a token is refused.

use crate::reason::Reason;
use crate::token::binding_error::BindingError;
use crate::token::claim_demand::UnmetClaim;
use crate::token::claim_name::ClaimName;
use crate::token::malformed::MalformedToken;
use crate::token::numeric_date::NotANumericDate;

/// A step of 4.1.1 that reads the claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClaimStep {
    /// `exp`
    Expiry,
    /// `nbf`
    NotBefore,
    /// `iat`
    IssuedAt,
    /// `aud`, or the claim that stands for it.
    Audience,
    /// `max_lifetime`
    Lifetime,
}

/// Why a token is refused. The first step that fails decides (CONTRACT 4.1.1).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("{0}")]
    Malformed(#[source] MalformedToken),
    /// The reason is `malformed_token` too, at the step of the claim.
    #[error("`{claim}` {error}", claim = name(*.0), error = .1)]
    NotANumericDate(ClaimStep, #[source] NotANumericDate),
    /// The issuer entry does not accept `alg`.
    #[error("the signature algorithm is not accepted")]
    UnsupportedAlgorithm,
    #[error("the header `typ` is not accepted")]
    InvalidType,
    #[error("no key of the issuer verifies the signature")]
    InvalidSignature,
    /// The sender has not proven what `cnf` demands.
    #[error("{0}")]
    Binding(#[source] BindingError),
    #[error("`exp` has passed")]
    Expired,
    /// `nbf` or `iat` is ahead of the clock.
    #[error("`{}` is ahead of the clock", name(*.0))]
    NotYetValid(ClaimStep),
    /// The audience is absent, or none of the accepted ones.
    #[error("the audience is not accepted")]
    InvalidAudience,
    /// `exp` is absent, or `iat` and the issuer entry has `max_lifetime`.
    #[error("{}", absent(*.0))]
    MissingClaim(ClaimStep),
    /// A claim of `required_claims` is absent or empty.
    #[error("the token has no claim `{0}`, which `required_claims` has")]
    MissingRequired(ClaimName),
    #[error("the lifetime exceeds `max_lifetime`")]
    LifetimeTooLong,
    /// A claim has none of the values of the issuer entry's `claims`.
    #[error("{0}")]
    InvalidClaim(#[source] UnmetClaim),
}

impl TokenError {
    pub fn reason(&self) -> Reason {
        match self {
            TokenError::Malformed(_) | TokenError::NotANumericDate(..) => Reason::MalformedToken,
            TokenError::UnsupportedAlgorithm => Reason::UnsupportedAlgorithm,
            TokenError::InvalidType => Reason::InvalidType,
            TokenError::InvalidSignature => Reason::InvalidSignature,
            TokenError::Binding(error) => error.reason(),
            TokenError::Expired => Reason::Expired,
            TokenError::NotYetValid(_) => Reason::NotYetValid,
            TokenError::InvalidAudience => Reason::InvalidAudience,
            TokenError::MissingClaim(_) | TokenError::MissingRequired(_) => Reason::MissingClaim,
            TokenError::LifetimeTooLong => Reason::LifetimeTooLong,
            TokenError::InvalidClaim(_) => Reason::InvalidClaim,
        }
    }

    /// The detailed cause for explanation, log and tail. Clients never see it.
    pub fn cause(&self) -> Option<String> {
        match self {
            TokenError::Malformed(_)
            | TokenError::NotANumericDate(..)
            | TokenError::Binding(_)
            | TokenError::MissingClaim(_)
            | TokenError::MissingRequired(_)
            | TokenError::InvalidClaim(_) => Some(self.to_string()),
            _ => None,
        }
    }

    /// The error without the value of a claim: it may be shown before the signature is verified (CONTRACT 4.13.3).
    pub(in crate::token) fn without_values(self) -> TokenError {
        match self {
            TokenError::NotANumericDate(step, error) => {
                TokenError::NotANumericDate(step, error.without_value())
            }
            other => other,
        }
    }
}

impl From<BindingError> for TokenError {
    fn from(error: BindingError) -> TokenError {
        TokenError::Binding(error)
    }
}

impl From<MalformedToken> for TokenError {
    fn from(cause: MalformedToken) -> TokenError {
        TokenError::Malformed(cause)
    }
}

/// The text for a step that requires a claim of every token.
fn absent(step: ClaimStep) -> &'static str {
    match step {
        ClaimStep::Lifetime => "the token has no claim `iat`, which `max_lifetime` requires",
        _ => "the token has no claim `exp`",
    }
}

fn name(step: ClaimStep) -> &'static str {
    match step {
        ClaimStep::Expiry => "exp",
        ClaimStep::NotBefore => "nbf",
        ClaimStep::IssuedAt => "iat",
        ClaimStep::Audience => "aud",
        ClaimStep::Lifetime => "max_lifetime",
    }
}
