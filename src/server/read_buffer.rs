//! What was read from a connection and not passed on to the HTTP library yet.

use std::io;
use std::pin::pin;
use std::task::{Context, Poll};

use rustix::io::Errno;
use tokio::io::{AsyncReadExt as _, ReadBuf};

use crate::server::stream::Stream;

/// Octets that one system call reads. The library h2 asks for 8 KiB, which would take three calls for sixteen checks.
const SIZE: usize = 32 * 1024;

/// Octets that are examined at once.
const PIECE: usize = 8 * 1024;

/// Octets of a connection, in this order: those that may be passed on, those that were examined and are held back, and those that
/// were not examined. It has memory only while it has octets, because most connections wait most of the time.
#[derive(Debug, Default)]
pub(crate) struct ReadBuffer {
    octets: Vec<u8>,
    passed: usize,
    passable: usize,
    examined: usize,
}

// === impl ReadBuffer ===

impl ReadBuffer {
    /// The number of octets that were examined and are held back.
    pub(crate) fn held(&self) -> usize {
        self.examined - self.passable
    }

    /// The octets to examine next. They are empty if something has to be read first.
    pub(crate) fn piece(&self) -> &[u8] {
        let left = self.octets.get(self.examined..).unwrap_or_default();
        left.get(..PIECE).unwrap_or(left)
    }

    /// The piece was examined, and everything that was read before it and in it may be passed on.
    pub(crate) fn release(&mut self) {
        self.examined += self.piece().len();
        self.passable = self.examined;
    }

    /// The piece was examined, and is held back: from `start` in it, or all of it if octets before it are held back too.
    pub(crate) fn hold(&mut self, start: Option<usize>) {
        if let Some(start) = start {
            self.passable = self.examined + start.min(self.piece().len());
        }
        self.examined += self.piece().len();
    }

    /// Passes on what may be passed on and fits. Returns whether there was something.
    pub(crate) fn pass(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let octets = self.octets.get(self.passed..self.passable);
        let octets = octets.unwrap_or_default();
        let octets = octets.get(..buffer.remaining()).unwrap_or(octets);
        buffer.put_slice(octets);
        self.passed += octets.len();
        !octets.is_empty()
    }

    /// Reads what has arrived. Returns `false` if the peer sends no more. All octets have to be examined and, except for those held
    /// back, passed on.
    ///
    /// # Errors
    /// Those of reading.
    pub(crate) fn poll_fill(
        &mut self,
        stream: &mut Stream,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<bool>> {
        self.make_room();
        // This future has no state beyond a call.
        let read = pin!(stream.read_buf(&mut self.octets)).poll(cx);
        if read.is_pending() && self.octets.is_empty() {
            *self = Self::default();
        }
        read.map_ok(|read| read > 0)
    }

    /// Reads what has arrived since the runtime last noticed that nothing was left. The runtime notices new octets only once the
    /// thread has no other work. All octets have to be examined and, except for those held back, passed on.
    ///
    /// # Errors
    /// Those of reading.
    pub(crate) fn fill_now(&mut self, stream: &Stream) -> io::Result<()> {
        let Stream::Plain(plain) = stream else {
            return Ok(());
        };
        self.make_room();
        match plain.read_now(&mut self.octets) {
            Ok(_) | Err(Errno::AGAIN | Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn make_room(&mut self) {
        self.octets.drain(..self.passed);
        self.examined -= self.passed;
        self.passable -= self.passed;
        self.passed = 0;
        if self.octets.capacity() - self.octets.len() < PIECE {
            self.octets.reserve_exact(SIZE);
        }
    }
}
