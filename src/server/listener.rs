//! Where a port listens, and the bound socket behind it.

use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use crate::server::bind::{self, BindError};
use crate::server::tls::ServerTls;

/// An address to listen on, as it is written in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ListenAddr {
    /// `0.0.0.0:9191`, `[::]:9191`
    Tcp(SocketAddr),
    /// `unix:/run/accredit/accredit.sock`
    Unix(PathBuf),
}

/// Why a text is no address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddrError {
    /// Neither an IP address with a port nor `unix:` with a path.
    Form(String),
    /// `unix:` with a path that does not begin with `/`.
    RelativePath(String),
}

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

// === impl ListenAddr ===

impl ListenAddr {
    /// Binds and listens. Needs no runtime, and works inside one.
    pub fn bind(&self) -> Result<Listener, BindError> {
        bind::bind(self)
    }
}

impl FromStr for ListenAddr {
    type Err = ListenAddrError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.starts_with('/') {
                Ok(Self::Unix(PathBuf::from(path)))
            } else {
                Err(ListenAddrError::RelativePath(text.to_owned()))
            };
        }
        text.parse()
            .map(Self::Tcp)
            .map_err(|_| ListenAddrError::Form(text.to_owned()))
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(addr) => addr.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
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

// === impl ListenAddrError ===

impl fmt::Display for ListenAddrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(text) => write!(f, "`{text}` is no address to listen on"),
            Self::RelativePath(text) => write!(f, "`{text}` is a relative path"),
        }
    }
}

impl std::error::Error for ListenAddrError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_and_prints_the_same() {
        for text in [
            "0.0.0.0:9191",
            "[::]:9191",
            "127.0.0.1:0",
            "unix:/run/a.sock",
        ] {
            let addr: ListenAddr = text.parse().unwrap();
            assert_eq!(addr.to_string(), text);
        }
        assert_eq!(
            "unix:/run/a.sock".parse(),
            Ok(ListenAddr::Unix(PathBuf::from("/run/a.sock")))
        );
    }

    #[test]
    fn what_is_no_address_is_told_apart() {
        for text in [
            "",
            "9191",
            ":9191",
            "localhost:9191",
            "::1:x",
            "/run/a.sock",
            "0.0.0.0",
        ] {
            assert_eq!(
                text.parse::<ListenAddr>(),
                Err(ListenAddrError::Form(text.to_owned()))
            );
        }
        for text in ["unix:", "unix:a.sock", "unix:./a.sock"] {
            assert_eq!(
                text.parse::<ListenAddr>(),
                Err(ListenAddrError::RelativePath(text.to_owned()))
            );
        }
    }
}
