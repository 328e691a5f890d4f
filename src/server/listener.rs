//! A bound socket and the connections that it accepts.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::listen_addr::ListenAddr;
use crate::server::bind::{self, BindError};
use crate::server::tls::ServerTls;

/// A bound, listening, non-blocking socket; dropping it removes the unix socket file that it made.
#[derive(Debug)]
pub struct Listener {
    addr: ListenAddr,
    socket: Socket,
    tls: Option<Arc<ServerTls>>,
    _file: Option<SocketFile>,
}

/// The socket of a listener, which belongs to no runtime.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener),
}

/// A connection that was just accepted, not yet tied to any runtime.
#[derive(Debug)]
pub(crate) enum Accepted {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

/// The socket file by path and by identity: another process may have put its own at the same path since.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

// === impl Listener ===

impl Listener {
    /// Binds and listens. Needs no runtime, and works inside one.
    pub fn bind(addr: &ListenAddr) -> Result<Self, BindError> {
        bind::bind(addr)
    }

    pub(crate) fn new(addr: ListenAddr, socket: Socket, file: Option<SocketFile>) -> Self {
        Self {
            addr,
            socket,
            tls: None,
            _file: file,
        }
    }

    /// The same, its connections beginning with a TLS handshake where `tls` is given.
    #[must_use]
    pub fn secured(self, tls: Option<Arc<ServerTls>>) -> Self {
        Self { tls, ..self }
    }

    /// What its connections' handshakes use.
    pub fn tls(&self) -> Option<&Arc<ServerTls>> {
        self.tls.as_ref()
    }

    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// The address that was bound, with the port the system chose where 0 was asked for.
    pub fn local_addr(&self) -> ListenAddr {
        self.addr.clone()
    }

    /// Takes a connection that waits; `WouldBlock` where none does.
    pub(crate) fn accept(&self) -> io::Result<Accepted> {
        match &self.socket {
            Socket::Tcp(socket) => {
                let (stream, _) = socket.accept()?;
                stream.set_nonblocking(true)?;
                Ok(Accepted::tcp(stream))
            }
            Socket::Unix(socket) => {
                let (stream, _) = socket.accept()?;
                stream.set_nonblocking(true)?;
                Ok(Accepted::Unix(stream))
            }
        }
    }
}

// === impl Accepted ===

impl Accepted {
    pub(crate) fn tcp(stream: std::net::TcpStream) -> Self {
        // An answer is one small write; Nagle would hold it back for the peer's acknowledgement. Where it
        // cannot be turned off the peer has gone, which its connection will find.
        let _ = stream.set_nodelay(true);
        Self::Tcp(stream)
    }
}

// === impl SocketFile ===

impl SocketFile {
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(path)?;
        Ok(Self {
            path: path.to_owned(),
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }

    fn is_still_there(&self) -> bool {
        fs::symlink_metadata(&self.path)
            .is_ok_and(|now| (now.dev(), now.ino()) == (self.device, self.inode))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.is_still_there() {
            // Nothing to be done about a failure: the next start finds the file stale, and removes it.
            let _ = fs::remove_file(&self.path);
        }
    }
}
