//! Why a service cannot start, and why it ends without a signal.

use crate::jwks::key_stores::UnusableCaFile;
use crate::server::accept::ServeError;
use crate::server::bind::ListenError;
use crate::server::tls_files_error::TlsFilesError;
use crate::server::workers::WorkerLost;

/// Why a service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be bound.
    #[error(transparent)]
    Bind(ListenError),
    /// A `ca_file` cannot be used.
    #[error(transparent)]
    CaFile(#[from] UnusableCaFile),
    /// The files of `tls` or `admin_tls` cannot be used.
    #[error("{0}: {1}")]
    Tls(&'static str, TlsFilesError),
    /// The threads of the ports cannot be started.
    #[error("cannot start the threads that serve the ports: {0}")]
    Workers(std::io::Error),
}

/// Why a running service ended without a signal.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A port is no longer served.
    #[error(transparent)]
    Serve(ServeError),
    /// A thread that serves a port has ended.
    #[error(transparent)]
    Worker(WorkerLost),
    /// A task that fetches keys has ended.
    #[error("a task that fetches keys ended unexpectedly; restart accredit, and report this")]
    Refresher,
}

impl StartError {
    /// Whether the cause is the configuration or a file that it names, and not the machine.
    pub(crate) fn is_of_configuration(&self) -> bool {
        match self {
            StartError::CaFile(_) | StartError::Tls(..) => true,
            StartError::Bind(_) | StartError::Workers(_) => false,
        }
    }
}
