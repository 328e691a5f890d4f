//! Why the admin API of a running service did not answer as it was asked, in words for whoever typed a command.

use std::fmt;

use tonic::{Code, Status};

use crate::admin::addr::AdminAddr;

/// Why the admin API did not answer as it was asked.
#[derive(Debug)]
pub enum AdminError {
    /// This is no address of one.
    NoAddress(String),
    /// The certificates are of no use there.
    Proofs(String),
    /// Nobody answers there.
    Unreachable(String, String),
    /// It answers to other names only.
    Misdirected(String),
    /// Something else answers there, such as the port for checks.
    Other(String),
    /// It says no.
    Refused(Status),
}

impl AdminError {
    /// What a failed call of the service at that address means to whoever made it.
    pub(in crate::admin) fn of(status: Status, addr: &AdminAddr) -> AdminError {
        match status.code() {
            // What the library makes of an answer that is none of gRPC's.
            Code::Unknown if status.message().contains("421") => {
                AdminError::Misdirected(addr.to_string())
            }
            Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled => {
                AdminError::Unreachable(addr.to_string(), root(&status))
            }
            Code::Unimplemented => AdminError::Other(addr.to_string()),
            _ => AdminError::Refused(status),
        }
    }
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AdminError::NoAddress(text) => write!(
                f,
                "--admin {text:?} is no address; give host:port, https://host:port or unix:/path"
            ),
            AdminError::Proofs(cause) => {
                write!(
                    f,
                    "the certificates for --admin cannot be used ({cause}); mend them"
                )
            }
            AdminError::Unreachable(addr, cause) => write!(
                f,
                "no admin API answers at {addr} ({cause}); start accredit, or name its admin_listen with --admin"
            ),
            AdminError::Misdirected(addr) => write!(
                f,
                "the service at {addr} does not answer to that name; add the name to its admin_hosts, or use its address"
            ),
            AdminError::Other(addr) => write!(
                f,
                "what answers at {addr} is no admin API of accredit; name its admin_listen with --admin"
            ),
            AdminError::Refused(status) => f.write_str(status.message()),
        }
    }
}

impl std::error::Error for AdminError {}

/// The innermost cause, which names what went wrong; those around it say that something did.
pub(in crate::admin) fn root(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
