//! Every way one token fails.

use std::fmt;

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
    /// The stable name.
    pub fn code(self) -> &'static str {
        match self {
            TokenError::Malformed | TokenError::NotANumericDate(_) => "malformed_token",
            TokenError::UnsupportedAlgorithm => "unsupported_algorithm",
            TokenError::InvalidType => "invalid_type",
            TokenError::InvalidSignature => "invalid_signature",
            TokenError::UnprovenBinding => "unproven_binding",
            TokenError::Expired => "expired",
            TokenError::NotYetValid(_) => "not_yet_valid",
            TokenError::InvalidAudience => "invalid_audience",
            TokenError::MissingClaim(_) => "missing_claim",
            TokenError::LifetimeTooLong => "lifetime_too_long",
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TokenError::Malformed | TokenError::NotANumericDate(_) => {
                "the token is not a well-formed JWT"
            }
            TokenError::UnsupportedAlgorithm => "the token's signature algorithm is not accepted",
            TokenError::InvalidType => "the token's type is not accepted",
            TokenError::InvalidSignature => "the token's signature is invalid",
            TokenError::UnprovenBinding => "the token is bound to a proof that was not presented",
            TokenError::Expired => "the token has expired",
            TokenError::NotYetValid(_) => "the token is not valid yet",
            TokenError::InvalidAudience => "the token is meant for another audience",
            TokenError::MissingClaim(_) => "the token lacks a required claim",
            TokenError::LifetimeTooLong => "the token's lifetime is too long",
        })
    }
}

impl std::error::Error for TokenError {}
