//! The octets of one connection: TCP or unix socket, with or without TLS.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

use crate::server::listener::Accepted;

/// An accepted connection on the runtime that serves it.
#[derive(Debug)]
pub(crate) enum Plain {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// One type for both, so that the code that serves connections is compiled once.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(Plain),
    Tls(Box<TlsStream<Plain>>),
}

// === impl Plain ===

impl Plain {
    /// Registers an accepted connection with the current runtime.
    pub(crate) fn new(accepted: Accepted) -> io::Result<Self> {
        Ok(match accepted {
            Accepted::Tcp(stream) => Self::Tcp(TcpStream::from_std(stream)?),
            Accepted::Unix(stream) => Self::Unix(UnixStream::from_std(stream)?),
        })
    }

    /// Registers the socket with the current runtime instead of the one that it is registered with.
    fn change_runtime(&mut self) -> io::Result<()> {
        *self = Self::new(match self {
            Self::Tcp(stream) => Accepted::Tcp(stream.as_fd().try_clone_to_owned()?.into()),
            Self::Unix(stream) => Accepted::Unix(stream.as_fd().try_clone_to_owned()?.into()),
        })?;
        Ok(())
    }

    /// Appends to `octets` what has arrived, up to their capacity, without asking the runtime whether something has.
    ///
    /// # Errors
    /// `AGAIN` if nothing has arrived.
    pub(crate) fn read_now(&self, octets: &mut Vec<u8>) -> Result<usize, Errno> {
        let socket = match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        };
        rustix::io::read(socket, spare_capacity(octets))
    }

    /// The address of the peer; `None` on a unix socket.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.peer_addr().ok(),
            Self::Unix(_) => None,
        }
    }
}

// === impl Stream ===

impl Stream {
    /// Continues on the current runtime.
    pub(crate) fn change_runtime(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(plain) => plain.change_runtime(),
            Self::Tls(stream) => stream.get_mut().0.change_runtime(),
        }
    }

    /// The address of the peer; `None` on a unix socket.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::Plain(plain) => plain.peer(),
            Self::Tls(stream) => stream.get_ref().0.peer(),
        }
    }
}

/// Implements reading and writing by delegation to the variants.
macro_rules! delegate {
    ($stream:ident: $($variant:ident)|+) => {
        impl AsyncRead for $stream {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    $(Self::$variant(stream) => Pin::new(stream).poll_read(cx, buffer),)+
                }
            }
        }

        impl AsyncWrite for $stream {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                match self.get_mut() {
                    $(Self::$variant(stream) => Pin::new(stream).poll_write(cx, bytes),)+
                }
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    $(Self::$variant(stream) => Pin::new(stream).poll_flush(cx),)+
                }
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    $(Self::$variant(stream) => Pin::new(stream).poll_shutdown(cx),)+
                }
            }
        }
    };
}

delegate!(Plain: Tcp | Unix);
delegate!(Stream: Plain | Tls);
