//! Why a call of the admin API failed, for the operator who ran a command.

use tonic::{Code, Status};

/// Why a call of the admin API failed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error("--admin {0:?} is not an address; use host:port, https://host:port or unix:/path")]
    InvalidAddress(String),
    #[error(
        "the TLS files for --admin cannot be used ({0}); check --admin-ca, --admin-certificate and --admin-key"
    )]
    TlsFiles(String),
    #[error(
        "no admin API answers at {addr} ({cause}); start accredit, or set --admin to its admin_listen address"
    )]
    Unreachable { addr: String, cause: String },
    #[error(
        "the service at {addr} does not accept this host name; add the name to its admin_hosts, or use its address"
    )]
    Misdirected { addr: String },
    /// Another server answers, such as the port for checks.
    #[error(
        "the server at {addr} has no admin API; set --admin to the admin_listen address of accredit"
    )]
    NotAdminApi { addr: String },
    #[error("{}", .0.message())]
    Refused(Status),
}

impl AdminError {
    /// The error for a failed call of the service at this address.
    pub(in crate::admin) fn of(status: Status, addr: String) -> AdminError {
        match status.code() {
            // tonic maps HTTP status 421 to this code and message.
            Code::Unknown if status.message().contains("421") => AdminError::Misdirected { addr },
            Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled => {
                let cause = root_cause(&status);
                AdminError::Unreachable { addr, cause }
            }
            Code::Unimplemented => AdminError::NotAdminApi { addr },
            _ => AdminError::Refused(status),
        }
    }
}

/// The innermost cause: tonic's outer errors only say that the transport failed.
pub(in crate::admin) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
