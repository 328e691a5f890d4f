//! Why a service cannot start, or has ended.

use std::fmt;
use std::path::PathBuf;

use crate::jwks::http::RootsError;
use crate::server::accept::ServeError;
use crate::server::bind::BindError;
use crate::server::tls_files_error::TlsFilesError;
use crate::server::workers::WorkerLost;

/// Why a service cannot start.
#[derive(Debug)]
pub enum StartError {
    /// An address cannot be bound.
    Bind(BindError),
    /// A `ca_file` cannot be used.
    Roots(PathBuf, RootsError),
    /// The files of `tls` or `admin_tls` cannot be served with.
    Tls(&'static str, TlsFilesError),
    /// The threads that serve checks cannot be started.
    Workers(std::io::Error),
}

/// Why a service that ran has ended before it was told to.
#[derive(Debug)]
pub enum RunError {
    /// A port is no longer served.
    Serve(ServeError),
    /// A thread that serves checks is gone.
    Worker(WorkerLost),
    /// A task that fetches keys has ended.
    Refresher,
}

impl StartError {
    /// Whether the configuration, with the files that it names, has to change before a start can succeed; else it is
    /// where the service was started.
    pub fn is_of_configuration(&self) -> bool {
        match self {
            StartError::Roots(..) | StartError::Tls(..) => true,
            StartError::Bind(_) | StartError::Workers(_) => false,
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Bind(error) => error.fmt(f),
            StartError::Roots(file, error) => write!(f, "ca_file {} {error}", file.display()),
            StartError::Tls(key, error) => write!(f, "{key}: {error}"),
            StartError::Workers(error) => write!(
                f,
                "the threads that serve checks cannot be started: {error}"
            ),
        }
    }
}

impl std::error::Error for StartError {}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Serve(error) => error.fmt(f),
            RunError::Worker(error) => error.fmt(f),
            RunError::Refresher => f.write_str("a task that fetches keys has ended"),
        }
    }
}

impl std::error::Error for RunError {}
