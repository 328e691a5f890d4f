//! Why a credential was not accepted.

use std::fmt;
use std::time::Duration;

use crate::authn::sources::{AmbiguousCredential, ExtractionError};
use crate::jwks::store::desk::Missing;
use crate::token;

/// Why nobody was authenticated, one variant a situation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The request carries no token.
    MissingToken,
    /// The request carries several credentials, or one that can be interpreted in more than one way.
    AmbiguousCredential(AmbiguousCredential),
    /// The token itself fails.
    Token(token::error::TokenError),
    /// `iss` is absent or none of ours.
    UnknownIssuer,
    /// The issuer has no such key.
    UnknownKey,
    /// The issuer has no usable key at all. Told apart from [`Error::KeysUnavailable`], whose name it bears outside,
    /// since `unavailable: defer` is for this one alone.
    NoKeys {
        /// Until the next attempt.
        retry_after: Duration,
    },
    /// There are keys, and whether there are others cannot be found out.
    KeysUnavailable {
        /// Until the next attempt.
        retry_after: Duration,
    },
    /// The key may be new, and cannot be asked for yet.
    KeyPending {
        /// Until it can.
        retry_after: Duration,
    },
}

impl Error {
    /// The stable name.
    pub fn code(self) -> &'static str {
        match self {
            Error::MissingToken => "missing_token",
            Error::AmbiguousCredential(_) => "invalid_request",
            Error::Token(error) => error.code(),
            Error::UnknownIssuer => "unknown_issuer",
            Error::UnknownKey => "unknown_key",
            Error::NoKeys { .. } | Error::KeysUnavailable { .. } => "keys_unavailable",
            Error::KeyPending { .. } => "key_pending",
        }
    }
}

impl From<token::error::TokenError> for Error {
    fn from(error: token::error::TokenError) -> Error {
        Error::Token(error)
    }
}

impl From<ExtractionError> for Error {
    fn from(error: ExtractionError) -> Error {
        match error {
            ExtractionError::Ambiguous(error) => Error::AmbiguousCredential(error),
            ExtractionError::NotAToken(_) => Error::Token(token::error::TokenError::Malformed),
        }
    }
}

impl From<Missing> for Error {
    fn from(missing: Missing) -> Error {
        match missing {
            Missing::Unknown => Error::UnknownKey,
            Missing::NoKeys { retry_after } => Error::NoKeys { retry_after },
            Missing::Unavailable { retry_after } => Error::KeysUnavailable { retry_after },
            Missing::Pending { retry_after } => Error::KeyPending { retry_after },
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::MissingToken => f.write_str("the request carries no bearer token"),
            Error::AmbiguousCredential(_) => f.write_str(
                "the request has more than one credential, or its credential is ambiguous",
            ),
            Error::Token(error) => error.fmt(f),
            Error::UnknownIssuer => f.write_str("the token's issuer is not accepted"),
            Error::UnknownKey => f.write_str("the token's key is unknown"),
            Error::NoKeys { .. } | Error::KeysUnavailable { .. } => {
                f.write_str("the issuer's keys are unavailable")
            }
            Error::KeyPending { .. } => {
                f.write_str("the token's key may be new and is not known yet")
            }
        }
    }
}

impl std::error::Error for Error {}
