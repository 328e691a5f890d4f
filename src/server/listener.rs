//! A bound socket and the connections that it accepts.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use accredit_core::config::listen_addr::ListenAddr;

use crate::server::tls::ServerTls;

/// A bound, listening, non-blocking socket. Dropping it removes the file of a unix socket.
#[derive(Debug)]
pub struct Listener {
    addr: ListenAddr,
    socket: Socket,
    tls: Option<Arc<ServerTls>>,
    _file: Option<SocketFile>,
}

/// The socket of a listener. It is not tied to a runtime.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener),
}

/// An accepted connection that is not yet tied to a runtime.
#[derive(Debug)]
pub(crate) enum Accepted {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

/// A socket file by path and identity: another process may have replaced it since.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

// === impl Listener ===

impl Listener {
    pub(crate) fn new(addr: ListenAddr, socket: Socket, file: Option<SocketFile>) -> Self {
        Self {
            addr,
            socket,
            tls: None,
            _file: file,
        }
    }

    /// If `tls` is given, connections begin with a TLS handshake.
    #[must_use]
    pub fn secured(self, tls: Option<Arc<ServerTls>>) -> Self {
        Self { tls, ..self }
    }

    pub fn tls(&self) -> Option<&Arc<ServerTls>> {
        self.tls.as_ref()
    }

    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// The bound address. Its port is the one that the system chose if the configured port is 0.
    pub fn local_addr(&self) -> ListenAddr {
        self.addr.clone()
    }

    /// Accepts a waiting connection.
    ///
    /// # Errors
    /// `WouldBlock` if none waits.
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
        // An answer is one small write, which Nagle's algorithm would delay until the peer's acknowledgement. If this
        // fails, the peer has gone, which its connection will notice.
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
            // If this fails, the next start removes the stale file.
            let _ = fs::remove_file(&self.path);
        }
    }
}
