//! Why the keys of an issuer could not be had.

use std::fmt;
use std::time::Duration;

use crate::jose::json;

/// One failed attempt to get a key set. Says nothing that a URL's user part or query could hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// No connection, or it broke; the text names the cause without an address.
    Unreachable(String),
    /// Not answered whole within the time.
    TimedOut(Duration),
    /// An answer other than 200 and 304.
    Status {
        /// The HTTP status.
        status: u16,
        /// What `Retry-After` asked for.
        retry_after: Option<Duration>,
    },
    /// More than 3 redirects.
    TooManyRedirects,
    /// A redirect to another host, from https to http, or to what is no address.
    ForbiddenRedirect,
    /// Larger than a key set may be.
    TooLarge,
    /// The file could not be read.
    Unreadable(std::io::ErrorKind),
    /// What came is not a key set.
    NotAKeySet(KeySetError),
    /// No metadata document of the issuer was found.
    NotDiscovered(Vec<DiscoveryFailure>),
    /// The fetch ended by a fault of ours.
    Fault,
}

/// Why a text is not a key set that can serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySetError {
    /// Not strict JSON.
    NotJson(json::JsonError),
    /// Not an object with an array `keys`.
    NoKeys,
    /// An object outside of a key names a member twice.
    DuplicateMember,
    /// There are keys, and none that a token could be verified with.
    NoUsableKey,
}

/// Why one well-known address gave no metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiscoveryFailure {
    /// It could not be fetched.
    Fetch(Box<FetchError>),
    /// It is not a JSON object with a string `issuer`.
    NotMetadata,
    /// It is the issuer's, and has no string `jwks_uri`.
    NoKeyAddress,
    /// It is another issuer's.
    OtherIssuer {
        /// Whether the two differ by a final `/` alone.
        only_by_final_slash: bool,
    },
    /// Its `jwks_uri` is not https, and http is not allowed.
    ForbiddenKeyAddress,
}

impl FetchError {
    /// How long the server asked to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            FetchError::Status { retry_after, .. } => *retry_after,
            FetchError::NotDiscovered(failures) => failures
                .iter()
                .filter_map(|failure| match failure {
                    DiscoveryFailure::Fetch(error) => error.retry_after(),
                    _ => None,
                })
                .max(),
            _ => None,
        }
    }

    /// Whether the one who was asked has said nothing: not reached, late, at fault or too busy.
    pub(in crate::jwks) fn is_on_the_way(&self) -> bool {
        match self {
            FetchError::Unreachable(_) | FetchError::TimedOut(_) => true,
            FetchError::Status { status, .. } => matches!(status, 408 | 429 | 500..=599),
            FetchError::TooManyRedirects
            | FetchError::ForbiddenRedirect
            | FetchError::TooLarge
            | FetchError::Unreadable(_)
            | FetchError::NotAKeySet(_)
            | FetchError::NotDiscovered(_)
            | FetchError::Fault => false,
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FetchError::Unreachable(cause) => write!(f, "unreachable: {cause}"),
            FetchError::TimedOut(limit) => write!(f, "not answered within {limit:?}"),
            FetchError::Status { status, .. } => write!(f, "answered with status {status}"),
            FetchError::TooManyRedirects => f.write_str("redirected more than 3 times"),
            FetchError::ForbiddenRedirect => {
                f.write_str("redirected to another host or away from https")
            }
            FetchError::TooLarge => f.write_str("the answer is over 1 MiB"),
            FetchError::Unreadable(kind) => write!(f, "the file cannot be read: {kind}"),
            FetchError::NotAKeySet(error) => write!(f, "not a usable key set: {error}"),
            FetchError::NotDiscovered(failures) => {
                f.write_str("discovery failed")?;
                for (number, failure) in failures.iter().enumerate() {
                    write!(f, "{} {failure}", if number == 0 { ":" } else { ";" })?;
                }
                Ok(())
            }
            FetchError::Fault => f.write_str("an internal fault"),
        }
    }
}

impl std::error::Error for FetchError {}

impl fmt::Display for KeySetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeySetError::NotJson(error) => error.fmt(f),
            KeySetError::NoKeys => f.write_str("there is no array `keys`"),
            KeySetError::DuplicateMember => f.write_str("a member outside of a key stands twice"),
            KeySetError::NoUsableKey => f.write_str("none of its keys is usable"),
        }
    }
}

impl std::error::Error for KeySetError {}

impl fmt::Display for DiscoveryFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DiscoveryFailure::Fetch(error) => error.fmt(f),
            DiscoveryFailure::NotMetadata => f.write_str("the document is not an issuer's metadata"),
            DiscoveryFailure::OtherIssuer { only_by_final_slash: true } => f.write_str(
                "the document's issuer differs by a final `/`; configure it as it stands there, or set `jwks.uri`",
            ),
            DiscoveryFailure::OtherIssuer { only_by_final_slash: false } => {
                f.write_str("the document is another issuer's; set `jwks.uri`")
            }
            DiscoveryFailure::NoKeyAddress => {
                f.write_str("the document names no `jwks_uri`; set `jwks.uri`")
            }
            DiscoveryFailure::ForbiddenKeyAddress => {
                f.write_str("the document's `jwks_uri` is not https; set `jwks.allow_http` if that is meant")
            }
        }
    }
}
