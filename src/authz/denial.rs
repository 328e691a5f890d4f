//! Every reason to deny.

use std::fmt;
use std::time::Duration;

use crate::authn;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// What was asked cannot be read.
    InvalidRequest,
    /// Nobody was authenticated.
    Unauthenticated(authn::error::Error),
    /// More checks are in flight than may be.
    Overloaded,
    /// A fault of ours.
    Internal,
}

/// What a refusal asks of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// To send a request that can be read.
    BadRequest,
    /// To send a token.
    NoCredential,
    /// To send another token.
    BadCredential,
    /// To come back later.
    Unavailable {
        /// How much later.
        retry_after: Duration,
    },
}

impl Denial {
    /// The stable name: the `reason` of metadata, metrics and logs.
    pub fn code(self) -> &'static str {
        match self {
            Denial::InvalidRequest => "invalid_request",
            Denial::Unauthenticated(error) => error.code(),
            Denial::Overloaded => "overloaded",
            Denial::Internal => "internal_error",
        }
    }

    /// What the refusal asks of the caller.
    pub fn class(self) -> Class {
        use authn::error::Error;
        match self {
            Denial::InvalidRequest | Denial::Unauthenticated(Error::SeveralCredentials) => {
                Class::BadRequest
            }
            Denial::Unauthenticated(Error::MissingToken) => Class::NoCredential,
            Denial::Unauthenticated(Error::Token(_) | Error::UnknownIssuer | Error::UnknownKey) => {
                Class::BadCredential
            }
            Denial::Unauthenticated(
                Error::KeysUnavailable { retry_after } | Error::KeyPending { retry_after },
            ) => Class::Unavailable { retry_after },
            Denial::Overloaded | Denial::Internal => Class::Unavailable {
                retry_after: Duration::from_secs(1),
            },
        }
    }
}

impl fmt::Display for Denial {
    /// One fixed text per reason: nothing of the request is in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Denial::InvalidRequest => f.write_str("the request cannot be read in one way only"),
            Denial::Unauthenticated(error) => error.fmt(f),
            Denial::Overloaded => f.write_str("too many requests are being checked"),
            Denial::Internal => f.write_str("the request could not be checked"),
        }
    }
}
