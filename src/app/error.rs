//! Why a service cannot start, and why it ends without a signal.

use crate::deny_list::error::DenyListError;
use crate::jwks::key_stores::UnusableKeyAccess;
use crate::server::accept::ServeError;
use crate::server::bind::ListenError;
use crate::server::tls_files_error::TlsFilesError;
use crate::server::workers::WorkerLost;

/// Why a service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Bind(ListenError),
    #[error(transparent)]
    KeyAccess(#[from] UnusableKeyAccess),
    #[error("revoked: {0}")]
    DenyList(#[from] DenyListError),
    #[error("{0}: {1}")]
    Tls(&'static str, TlsFilesError),
    #[error(
        "cannot start the threads that serve the ports: {0}; raise the limits of threads and open files"
    )]
    Workers(std::io::Error),
}

/// Why a running service ended without a signal.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Serve(ServeError),
    #[error(transparent)]
    Worker(WorkerLost),
    #[error("a task that fetches keys ended unexpectedly; restart accredit, and report this")]
    Refresher,
}

impl StartError {
    /// Whether the cause is the configuration or a file that it names, and not the machine.
    pub(crate) fn is_of_configuration(&self) -> bool {
        match self {
            StartError::KeyAccess(_) | StartError::DenyList(_) | StartError::Tls(..) => true,
            StartError::Bind(_) | StartError::Workers(_) => false,
        }
    }
}
