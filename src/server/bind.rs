//! Binds listening sockets.

use std::fs;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use accredit_core::config::listen_addr::ListenAddr;
use tokio::net::{TcpSocket, UnixSocket};

use crate::server::listener::{Listener, Socket, SocketFile};

/// Connections that may wait for `accept`. All workers of an Envoy connect at once.
const BACKLOG: u32 = 1024;

/// Owner and group may connect.
const UNIX_SOCKET_MODE: u32 = 0o660;

/// Why an address could not be bound.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("{0} is in use: stop the process that listens there, or listen on another address")]
    InUse(ListenAddr),
    #[error("not permitted to listen on {addr}: {}", permission_advice(.addr))]
    Permission { addr: ListenAddr },
    #[error(
        "cannot listen on {0}: this machine has no such address; 0.0.0.0 and [::] stand for all its addresses"
    )]
    NoSuchAddress(ListenAddr),
    #[error("the directory {} does not exist: create it, or choose another path for the unix socket", .0.display())]
    MissingDirectory(PathBuf),
    /// The path holds something else than a socket, which accredit does not remove.
    #[error("{} exists and is not a socket: remove it, or choose another path for the unix socket", .0.display())]
    NotASocket(PathBuf),
    #[error("cannot listen on {addr}: {error}")]
    Io {
        addr: ListenAddr,
        #[source]
        error: io::Error,
    },
}

fn permission_advice(addr: &ListenAddr) -> &'static str {
    match addr {
        ListenAddr::Tcp(_) => "choose a port of 1024 or above",
        ListenAddr::Unix(_) => "let this user write to the directory, or choose another path",
    }
}

impl Listener {
    /// Binds and listens. It needs no runtime.
    ///
    /// # Errors
    /// [`ListenError`]
    pub fn bind(addr: &ListenAddr) -> Result<Self, ListenError> {
        bind(addr)
    }
}

fn bind(addr: &ListenAddr) -> Result<Listener, ListenError> {
    let bound = match addr {
        ListenAddr::Tcp(addr) => bind_tcp(*addr),
        ListenAddr::Unix(path) => {
            remove_stale_socket(path)?;
            bind_unix(path)
        }
    };
    bound.map_err(|error| ListenError::new(addr, error))
}

fn bind_tcp(addr: SocketAddr) -> io::Result<Listener> {
    let socket = in_reactor(|| {
        let socket = match addr {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // A restart must not wait until the TIME_WAIT of earlier connections has passed.
        socket.set_reuseaddr(true)?;
        socket.bind(addr)?;
        socket.listen(BACKLOG)?.into_std()
    })?;
    let addr = ListenAddr::Tcp(socket.local_addr()?);
    Ok(Listener::new(addr, Socket::Tcp(socket), None))
}

fn bind_unix(path: &Path) -> io::Result<Listener> {
    in_reactor(|| {
        let socket = bound_unix_socket(path)?;
        let file = Some(SocketFile::of(path)?);
        // The umask may have removed bits.
        fs::set_permissions(path, fs::Permissions::from_mode(UNIX_SOCKET_MODE))?;
        let socket = Socket::Unix(socket.listen(BACKLOG)?.into_std()?);
        Ok(Listener::new(
            ListenAddr::Unix(path.to_owned()),
            socket,
            file,
        ))
    })
}

/// Binds without a moment in which others may connect: Linux creates the file with the mode of the unbound socket, less
/// the umask, so the mode is set first. A `chmod` after `bind` would come too late.
fn bound_unix_socket(path: &Path) -> io::Result<UnixSocket> {
    let socket = UnixSocket::new_stream()?;
    let descriptor = socket.as_fd().try_clone_to_owned()?;
    fs::File::from(descriptor).set_permissions(fs::Permissions::from_mode(UNIX_SOCKET_MODE))?;
    socket.bind(path)?;
    Ok(socket)
}

/// Removes a socket file on which no process listens, as a killed instance leaves it.
fn remove_stale_socket(path: &Path) -> Result<(), ListenError> {
    let addr = || ListenAddr::Unix(path.to_owned());
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(ListenError::new(&addr(), error)),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(ListenError::NotASocket(path.to_owned()));
        }
        Ok(_) => {}
    }
    if is_listened_on(path).map_err(|error| ListenError::new(&addr(), error))? {
        return Err(ListenError::InUse(addr()));
    }
    fs::remove_file(path).map_err(|error| ListenError::new(&addr(), error))
}

/// Whether a process listens on the socket file. Only a refused connection shows that none does: a process whose backlog
/// is full does not answer, and must not lose its file. The attempt does not block.
fn is_listened_on(path: &Path) -> io::Result<bool> {
    in_reactor(|| {
        let connecting = pin!(UnixSocket::new_stream()?.connect(path));
        match connecting.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Ok(false)
            }
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied => {
                Err(error)
            }
            Poll::Ready(_) | Poll::Pending => Ok(true),
        }
    })
}

/// Runs a function in a short-lived reactor. Only tokio's sockets let the backlog be chosen, and they need a reactor even
/// if they are converted to plain sockets at once.
fn in_reactor<T>(make: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let made = {
        let _entered = runtime.enter();
        make()
    };
    // Dropping a runtime inside another one panics.
    runtime.shutdown_background();
    made
}

// === impl ListenError ===

impl ListenError {
    fn new(addr: &ListenAddr, error: io::Error) -> Self {
        match (error.kind(), addr) {
            (io::ErrorKind::AddrInUse, _) => Self::InUse(addr.clone()),
            (io::ErrorKind::PermissionDenied, _) => Self::Permission { addr: addr.clone() },
            (io::ErrorKind::AddrNotAvailable, _) => Self::NoSuchAddress(addr.clone()),
            (io::ErrorKind::NotFound, ListenAddr::Unix(path)) => {
                Self::MissingDirectory(path.parent().unwrap_or(path).to_owned())
            }
            _ => Self::Io {
                addr: addr.clone(),
                error,
            },
        }
    }
}

#[cfg(test)]
mod tests;
