//! Why the keys of an issuer could not be fetched.
//!
//! The operator reads these texts: each states what was tried, what happened and what to change (CONTRACT 5.8.7). None
//! contains the user part or the query of an address, which can be secret. What a server sent is shortened and escaped.

use std::path::PathBuf;
use std::time::Duration;

use accredit_core::keys::error::KeySetError;
use accredit_core::keys::source::AddressError;
use thiserror::Error;

use crate::jwks::tls_failure::TlsFailure;

/// One failed attempt to fetch a key set.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FetchError {
    #[error("{error}{advice}", error = .0, advice = .0.cause.then_advice())]
    Request(RequestError),
    /// The content of an address or a file is not a key set that can verify tokens.
    #[error("{origin}: {content}")]
    Content {
        /// The address or the file.
        origin: String,
        #[source]
        content: ContentError,
    },
    #[error("{}: the file cannot be read: {cause}; correct the path, or let this user read the file", path.display())]
    File { path: PathBuf, cause: String },
    #[error(
        "discovery failed: {}; if the issuer has no metadata, set jwks.uri",
        joined(attempts)
    )]
    Discovery { attempts: Vec<MetadataError> },
    /// The whole fetch took longer than `timeout`.
    #[error("no complete answer within {limit:?}{}{}", during(address.as_deref()), after(attempts))]
    TimedOut {
        limit: Duration,
        /// The address that had not answered.
        address: Option<String>,
        /// The attempts of discovery before.
        attempts: Vec<MetadataError>,
    },
    #[error("the fetch was ended by an internal error; the log has a line with the panic")]
    Internal,
}

/// A request without a usable answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{address}: {cause}")]
pub struct RequestError {
    /// The address, and each one that it redirected to.
    pub address: String,
    #[source]
    pub cause: RequestFailure,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestFailure {
    #[error("unreachable: {0}")]
    Unreachable(String),
    #[error("not requested, because no HTTP client could be set up: {0}")]
    NoClient(String),
    #[error("not requested, because there is no bearer token to send: {0}")]
    NoBearer(String),
    #[error("the TLS handshake failed: {0}")]
    Tls(#[source] TlsFailure),
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    #[error("status {status}")]
    Status {
        status: u16,
        /// The `Retry-After` of the answer.
        retry_after: Option<Duration>,
    },
    #[error("status 304 to a request without conditions")]
    UnexpectedNotModified,
    #[error("more than 3 redirects")]
    TooManyRedirects,
    #[error(
        "redirected to {}, which is not followed because it is on another host or leaves https; if that address is right, configure it",
        target.as_deref().unwrap_or("something that is not a URL")
    )]
    ForbiddenRedirect { target: Option<String> },
    #[error(
        "the answer has `Content-Encoding: {0}`; only gzip was offered, so the server has to honour `Accept-Encoding`"
    )]
    ContentEncoding(String),
    #[error("the answer is larger than {} MiB", limit >> 20)]
    TooLarge {
        /// In octets.
        limit: usize,
    },
    #[error("the answer ended early: {0}")]
    Interrupted(String),
}

/// Why a fetched text is not a key set that can verify tokens.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ContentError {
    #[error(
        "begins with a byte-order mark, which JSON must not have (RFC 8259 section 8.1); publish it without one"
    )]
    ByteOrderMark,
    #[error("is empty")]
    Empty,
    #[error("is an HTML or XML page and not JSON; correct the address")]
    Page,
    #[error("is compressed, and the answer has no `Content-Encoding: gzip`; correct the server")]
    Compressed,
    #[error(
        "this is provider metadata and not a key set; {}",
        match jwks_uri {
            Some(jwks_uri) => format!("its jwks_uri is {jwks_uri}: configure that one, or leave jwks.uri out"),
            None => "leave jwks.uri out to use it".to_owned(),
        }
    )]
    Metadata {
        /// The address without its user part and query.
        jwks_uri: Option<String>,
    },
    #[error("not a usable key set: {0}")]
    KeySet(#[source] KeySetError),
}

/// Why one well-known address gave no metadata of the issuer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MetadataError {
    #[error(transparent)]
    Request(RequestError),
    #[error("{address}: {content}")]
    Content {
        address: String,
        #[source]
        content: ContentError,
    },
    #[error("{address}: not provider metadata: {problem}")]
    NotMetadata {
        address: String,
        problem: &'static str,
    },
    #[error(
        "{address}: the metadata names the issuer {found}, and the configured issuer is {configured}{}",
        final_slash_advice(*only_by_final_slash)
    )]
    OtherIssuer {
        address: String,
        configured: String,
        found: String,
        only_by_final_slash: bool,
    },
    #[error("{address}: the metadata has no `jwks_uri`; set jwks.uri")]
    NoKeyAddress { address: String },
    #[error("{address}: the metadata's `jwks_uri` cannot be used: {error}; {}", error.advice())]
    KeyAddress {
        address: String,
        #[source]
        error: AddressError,
    },
    /// The well-known address itself may not be fetched.
    #[error("{address}: {error}")]
    Address {
        address: String,
        #[source]
        error: AddressError,
    },
}

// === impl FetchError ===

impl FetchError {
    /// The longest `Retry-After` of the answers.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            FetchError::Request(error) => error.retry_after(),
            FetchError::Discovery { attempts } | FetchError::TimedOut { attempts, .. } => {
                attempts.iter().filter_map(MetadataError::retry_after).max()
            }
            _ => None,
        }
    }
}

impl RequestError {
    /// The `Retry-After` of the answer.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self.cause {
            RequestFailure::Status { retry_after, .. } => retry_after,
            _ => None,
        }
    }

    /// Whether the failure says nothing about the document: the server was not reached, was late, broke off or was busy.
    pub(in crate::jwks) fn is_transient(&self) -> bool {
        match &self.cause {
            RequestFailure::Unreachable(_)
            | RequestFailure::NoClient(_)
            | RequestFailure::NoBearer(_)
            | RequestFailure::Tls(_)
            | RequestFailure::TimedOut(_)
            | RequestFailure::Interrupted(_) => true,
            RequestFailure::Status { status, .. } => matches!(status, 408 | 429 | 500..=599),
            RequestFailure::UnexpectedNotModified
            | RequestFailure::TooManyRedirects
            | RequestFailure::ForbiddenRedirect { .. }
            | RequestFailure::ContentEncoding(_)
            | RequestFailure::TooLarge { .. } => false,
        }
    }
}

impl RequestFailure {
    /// The advice that follows the text; empty if the text contains it. In the errors of discovery, one advice follows
    /// all attempts.
    pub(crate) fn then_advice(&self) -> &'static str {
        match self {
            RequestFailure::Unreachable(_) => {
                "; check that the server runs, and that this machine can reach the address"
            }
            RequestFailure::TimedOut(_) => {
                "; check the server and the network between, or raise the timeout"
            }
            RequestFailure::Status { status, .. } => match status {
                401 | 403 => {
                    "; the server requires a credential: configure one, or permit the access"
                }
                404 | 410 => "; correct the address",
                407 => "; the proxy requires a credential: correct the address of the proxy",
                408 | 429 | 500..=599 => {
                    "; accredit tries again: if this lasts, look for the fault at the server"
                }
                _ => "; the server has to answer with status 200",
            },
            RequestFailure::TooManyRedirects => "; configure the address at which they end",
            RequestFailure::TooLarge { .. } => "; publish a smaller document there",
            RequestFailure::Interrupted(_) => "; look for the fault at the server, or at a proxy",
            RequestFailure::UnexpectedNotModified => "; correct the server",
            RequestFailure::NoClient(_)
            | RequestFailure::NoBearer(_)
            | RequestFailure::Tls(_)
            | RequestFailure::ForbiddenRedirect { .. }
            | RequestFailure::ContentEncoding(_) => "",
        }
    }
}

impl MetadataError {
    fn retry_after(&self) -> Option<Duration> {
        match self {
            MetadataError::Request(error) => error.retry_after(),
            _ => None,
        }
    }
}

fn joined(attempts: &[MetadataError]) -> String {
    let texts: Vec<String> = attempts.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

fn during(address: Option<&str>) -> String {
    address.map_or_else(String::new, |address| format!(" from {address}"))
}

fn after(attempts: &[MetadataError]) -> String {
    match attempts {
        [] => String::new(),
        attempts => format!("; tried before: {}", joined(attempts)),
    }
}

fn final_slash_advice(only_by_final_slash: bool) -> &'static str {
    match only_by_final_slash {
        true => ": they differ by a final `/` only; configure the issuer as the metadata has it",
        false => "; correct the issuer, or set jwks.uri",
    }
}
