//! Making the socket behind an address, or saying what to change.

use std::fmt;
use std::fs;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tokio::net::{TcpSocket, UnixSocket};

use crate::config::listen_addr::ListenAddr;
use crate::server::listener::{Listener, Socket, SocketFile};

/// Connections that may wait for `accept`; a burst of Envoy workers must fit.
const BACKLOG: u32 = 1024;

/// Owner and group may connect, nobody else.
const UNIX_SOCKET_MODE: u32 = 0o660;

/// Why an address could not be listened on.
#[derive(Debug)]
pub enum BindError {
    /// Somebody listens there already.
    InUse(ListenAddr),
    /// The process may not listen there.
    Permission(ListenAddr),
    /// No network interface has that address.
    NoSuchAddress(ListenAddr),
    /// The folder of the unix socket is not there.
    MissingDirectory(PathBuf),
    /// The path of the unix socket holds something else, which we do not touch.
    NotASocket(PathBuf),
    /// Anything else the system said.
    Io(ListenAddr, io::Error),
}

pub(crate) fn bind(addr: &ListenAddr) -> Result<Listener, BindError> {
    let bound = match addr {
        ListenAddr::Tcp(addr) => bind_tcp(*addr),
        ListenAddr::Unix(path) => {
            make_room(path)?;
            bind_unix(path)
        }
    };
    bound.map_err(|error| BindError::new(addr, error))
}

fn bind_tcp(addr: SocketAddr) -> io::Result<Listener> {
    let socket = in_a_reactor(|| {
        let socket = match addr {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // A restart must not wait for the old connections' TIME_WAIT to pass.
        socket.set_reuseaddr(true)?;
        socket.bind(addr)?;
        socket.listen(BACKLOG)?.into_std()
    })?;
    let addr = ListenAddr::Tcp(socket.local_addr()?);
    Ok(Listener::new(addr, Socket::Tcp(socket), None))
}

fn bind_unix(path: &Path) -> io::Result<Listener> {
    in_a_reactor(|| {
        let socket = bound_unix_socket(path)?;
        let file = Some(SocketFile::of(path)?);
        // The umask took bits away; none that it left is too many.
        fs::set_permissions(path, fs::Permissions::from_mode(UNIX_SOCKET_MODE))?;
        let socket = Socket::Unix(socket.listen(BACKLOG)?.into_std()?);
        Ok(Listener::new(
            ListenAddr::Unix(path.to_owned()),
            socket,
            file,
        ))
    })
}

/// Binds without ever being open to others: Linux makes the file with the mode of the unbound socket
/// (less the umask), so that is set first. A `chmod` after `bind` would leave a moment with everybody's.
fn bound_unix_socket(path: &Path) -> io::Result<UnixSocket> {
    let socket = UnixSocket::new_stream()?;
    let descriptor = socket.as_fd().try_clone_to_owned()?;
    fs::File::from(descriptor).set_permissions(fs::Permissions::from_mode(UNIX_SOCKET_MODE))?;
    socket.bind(path)?;
    Ok(socket)
}

/// Removes a socket file that nobody answers on, as an instance that was killed leaves it.
fn make_room(path: &Path) -> Result<(), BindError> {
    let addr = || ListenAddr::Unix(path.to_owned());
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(BindError::new(&addr(), error)),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(BindError::NotASocket(path.to_owned()));
        }
        Ok(_) => {}
    }
    if somebody_answers(path).map_err(|error| BindError::new(&addr(), error))? {
        return Err(BindError::InUse(addr()));
    }
    fs::remove_file(path).map_err(|error| BindError::new(&addr(), error))
}

/// Whether a process listens on the socket file. Only a refusal says no: an owner whose backlog is full
/// answers nothing, and must not lose its file; nor may asking it block.
fn somebody_answers(path: &Path) -> io::Result<bool> {
    in_a_reactor(|| {
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

/// tokio's sockets, which alone let the backlog be chosen, want a reactor around them even where they are
/// turned into plain ones at once; this one lives only that long.
fn in_a_reactor<T>(make: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let made = {
        let _entered = runtime.enter();
        make()
    };
    // A plain drop would panic inside another runtime.
    runtime.shutdown_background();
    made
}

// === impl BindError ===

impl BindError {
    fn new(addr: &ListenAddr, error: io::Error) -> Self {
        match (error.kind(), addr) {
            (io::ErrorKind::AddrInUse, _) => Self::InUse(addr.clone()),
            (io::ErrorKind::PermissionDenied, _) => Self::Permission(addr.clone()),
            (io::ErrorKind::AddrNotAvailable, _) => Self::NoSuchAddress(addr.clone()),
            (io::ErrorKind::NotFound, ListenAddr::Unix(path)) => {
                Self::MissingDirectory(path.parent().unwrap_or(path).to_owned())
            }
            _ => Self::Io(addr.clone(), error),
        }
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(addr) => write!(
                f,
                "{addr} is in use: stop the process that listens there, or listen on another address"
            ),
            Self::Permission(addr @ ListenAddr::Tcp(_)) => write!(
                f,
                "not permitted to listen on {addr}: choose a port of 1024 or above"
            ),
            Self::Permission(ListenAddr::Unix(path)) => write!(
                f,
                "not permitted to listen on unix:{}: let this user write to its directory, or choose another",
                path.display()
            ),
            Self::NoSuchAddress(addr) => write!(
                f,
                "cannot listen on {addr}: this machine has no such address; 0.0.0.0 or [::] is every one it has"
            ),
            Self::MissingDirectory(directory) => write!(
                f,
                "the directory {} does not exist: create it, or put the unix socket elsewhere",
                directory.display()
            ),
            Self::NotASocket(path) => write!(
                f,
                "{} exists and is not a socket: remove it, or put the unix socket elsewhere",
                path.display()
            ),
            Self::Io(addr, error) => write!(f, "cannot listen on {addr}: {error}"),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(_, error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
