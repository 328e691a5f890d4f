//! Why a deny list cannot be loaded.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use accredit_core::config::deny_list::fault::UnusableDenyList;
use thiserror::Error;

use crate::jwks::error::RequestError;
use crate::jwks::trust::TrustFileError;

/// One failed attempt to load the list.
#[derive(Debug, Error)]
pub enum DenyListError {
    #[error("{}: the file cannot be read: {cause}; correct the path, or let this user read the file", path.display())]
    File {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("{origin}: {unusable}")]
    Unusable {
        /// The address or the file.
        origin: String,
        #[source]
        unusable: UnusableDenyList,
    },
    #[error("{error}{advice}", error = .0, advice = .0.cause.then_advice())]
    Request(RequestError),
    #[error(
        "{address}: no complete answer within {limit:?}; check the server and the network between"
    )]
    TimedOut { address: String, limit: Duration },
    #[error(transparent)]
    Trust(#[from] TrustFileError),
    #[error("no list was loaded in time; the log has the cause")]
    NotInTime,
    #[error("the load was ended by an internal error; the log has a line with the panic")]
    Internal,
}

impl DenyListError {
    /// The `Retry-After` of the answer.
    pub(in crate::deny_list) fn retry_after(&self) -> Option<Duration> {
        match self {
            DenyListError::Request(error) => error.retry_after(),
            _ => None,
        }
    }
}
