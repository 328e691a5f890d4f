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
pub enum Error {
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

impl Error {
    /// The stable name.
    pub fn code(self) -> &'static str {
        match self {
            Error::Malformed | Error::NotANumericDate(_) => "malformed_token",
            Error::UnsupportedAlgorithm => "unsupported_algorithm",
            Error::InvalidType => "invalid_type",
            Error::InvalidSignature => "invalid_signature",
            Error::UnprovenBinding => "unproven_binding",
            Error::Expired => "expired",
            Error::NotYetValid(_) => "not_yet_valid",
            Error::InvalidAudience => "invalid_audience",
            Error::MissingClaim(_) => "missing_claim",
            Error::LifetimeTooLong => "lifetime_too_long",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::Malformed | Error::NotANumericDate(_) => "the token is not a well-formed JWT",
            Error::UnsupportedAlgorithm => "the token's signature algorithm is not accepted",
            Error::InvalidType => "the token's type is not accepted",
            Error::InvalidSignature => "the token's signature is invalid",
            Error::UnprovenBinding => "the token is bound to a proof that was not presented",
            Error::Expired => "the token has expired",
            Error::NotYetValid(_) => "the token is not valid yet",
            Error::InvalidAudience => "the token is meant for another audience",
            Error::MissingClaim(_) => "the token lacks a required claim",
            Error::LifetimeTooLong => "the token's lifetime is too long",
        })
    }
}

impl std::error::Error for Error {}
