//! Every way one token fails.

use crate::reason::Reason;

/// The steps in which a token's claims are judged, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClaimStep {
    /// `exp`
    Expiry,
    /// `nbf`
    NotBefore,
    /// `iat`
    IssuedAt,
    /// `aud`
    Audience,
    /// The claims that must be there.
    Required,
    /// From `iat` to `exp`.
    Lifetime,
}

/// Why a token was not accepted, one variant a situation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// Not a JWS in compact form that a careful reader would take.
    Malformed,
    /// `exp`, `nbf` or `iat` is no NumericDate: malformed as well, and noticed at its own step.
    NotANumericDate(ClaimStep),
    /// `alg` is not among the issuer's, or the key of that `kid` does not fit it.
    UnsupportedAlgorithm,
    /// The header's `typ` is not among the issuer's.
    InvalidType,
    /// The signature is not the key's.
    InvalidSignature,
    /// `cnf` binds the token to a proof that was not checked.
    UnprovenBinding,
    /// `exp` has passed.
    Expired,
    /// `nbf` or `iat` is ahead of the clock.
    NotYetValid(ClaimStep),
    /// `aud` names none of the audiences, or is absent or empty.
    InvalidAudience,
    /// A claim that is required is absent.
    MissingClaim(ClaimStep),
    /// From `iat` to `exp` is longer than allowed.
    LifetimeTooLong,
}

impl TokenError {
    pub fn reason(self) -> Reason {
        match self {
            TokenError::Malformed | TokenError::NotANumericDate(_) => Reason::MalformedToken,
            TokenError::UnsupportedAlgorithm => Reason::UnsupportedAlgorithm,
            TokenError::InvalidType => Reason::InvalidType,
            TokenError::InvalidSignature => Reason::InvalidSignature,
            TokenError::UnprovenBinding => Reason::UnprovenBinding,
            TokenError::Expired => Reason::Expired,
            TokenError::NotYetValid(_) => Reason::NotYetValid,
            TokenError::InvalidAudience => Reason::InvalidAudience,
            TokenError::MissingClaim(_) => Reason::MissingClaim,
            TokenError::LifetimeTooLong => Reason::LifetimeTooLong,
        }
    }
}
