//! The byte stream of one connection as hyper is to see it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;

use crate::server::stream::Stream;

/// As many bytes as the HTTP/2 preface has, which is about what the shortest HTTP/1.1 request has too.
const OPENING: usize = 24;

/// A connection's bytes, out of TLS where there is any; tells once that the peer has opened the conversation.
///
/// It leaves `is_write_vectored` at `false`, on purpose: h2 gives a vectored transport each DATA frame of 256
/// bytes or more with a `writev` of its own, and any other only those of 1,024 or more; smaller ones are
/// written together with what else is due. An answer to Envoy lies between the two, and a system call each
/// is a good part of what it costs.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: Stream,
    missing: usize,
    opened: watch::Sender<bool>,
}

// === impl Wire ===

impl Wire {
    /// The receiver turns true once the peer has sent the opening.
    pub(crate) fn new(stream: Stream) -> (Self, watch::Receiver<bool>) {
        let (opened, receiver) = watch::channel(false);
        let wire = Self {
            stream,
            missing: OPENING,
            opened,
        };
        (wire, receiver)
    }

    fn count(&mut self, read: usize) {
        if self.missing > 0 {
            self.missing = self.missing.saturating_sub(read);
            if self.missing == 0 {
                self.opened.send_replace(true);
            }
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.count(buffer.filled().len() - before);
        polled
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::stream::Plain;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;

    fn pair() -> (Wire, watch::Receiver<bool>, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (wire, opened) = Wire::new(Stream::Plain(Plain::Unix(ours)));
        (wire, opened, theirs)
    }

    #[tokio::test]
    async fn it_is_opened_by_as_many_bytes_as_a_preface_has() {
        let (mut wire, opened, mut peer) = pair();
        let mut buffer = [0; 64];

        peer.write_all(&[b'x'; 23]).await.unwrap();
        wire.read_exact(&mut buffer[..23]).await.unwrap();
        assert!(!*opened.borrow());

        peer.write_all(b"x").await.unwrap();
        wire.read_exact(&mut buffer[..1]).await.unwrap();
        assert!(*opened.borrow());
    }

    #[tokio::test]
    async fn hyper_is_told_that_vectored_writes_gain_nothing() {
        let (wire, _, _peer) = pair();
        let io = hyper_util::rt::TokioIo::new(wire);
        assert!(!hyper::rt::Write::is_write_vectored(&io));
    }
}
