//! Every way one token fails.

use std::fmt;

/// Why a token was not accepted, one variant a situation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Not a JWS in compact form that a careful reader would take; also a date claim that is none.
    Malformed,
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
    NotYetValid,
    /// `aud` names none of the audiences, or is absent or empty.
    InvalidAudience,
    /// A claim that is required is absent.
    MissingClaim,
    /// From `iat` to `exp` is longer than allowed.
    LifetimeTooLong,
}

impl Error {
    /// The stable name.
    pub fn code(self) -> &'static str {
        match self {
            Error::Malformed => "malformed_token",
            Error::UnsupportedAlgorithm => "unsupported_algorithm",
            Error::InvalidType => "invalid_type",
            Error::InvalidSignature => "invalid_signature",
            Error::UnprovenBinding => "unproven_binding",
            Error::Expired => "expired",
            Error::NotYetValid => "not_yet_valid",
            Error::InvalidAudience => "invalid_audience",
            Error::MissingClaim => "missing_claim",
            Error::LifetimeTooLong => "lifetime_too_long",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::Malformed => "the token is not a well-formed JWT",
            Error::UnsupportedAlgorithm => "the token's signature algorithm is not accepted",
            Error::InvalidType => "the token's type is not accepted",
            Error::InvalidSignature => "the token's signature is invalid",
            Error::UnprovenBinding => "the token is bound to a proof that was not presented",
            Error::Expired => "the token has expired",
            Error::NotYetValid => "the token is not valid yet",
            Error::InvalidAudience => "the token is meant for another audience",
            Error::MissingClaim => "the token lacks a required claim",
            Error::LifetimeTooLong => "the token's lifetime is too long",
        })
    }
}

impl std::error::Error for Error {}
