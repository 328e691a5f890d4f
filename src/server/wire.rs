//! The octets of one connection as hyper reads and writes them.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep};

use crate::server::activity::Activity;
use crate::server::connection_errors::{ConnectionErrorKind, WireReport};
use crate::server::frames::FrameScanner;
use crate::server::header_blocks::OpenHeaderBlock;
use crate::server::limits::{ConnectionLimits, HttpVersions};
use crate::server::opening::Opening;
use crate::server::read_buffer::ReadBuffer;
use crate::server::stream::Stream;
use crate::server::turn::Turn;

/// Octets that are read before everything that they caused is written. Sixteen checks with tokens of usual length are fewer.
const MAX_READ_AHEAD: usize = 32 * 1024;

/// Frames of nine octets can each make the HTTP/2 library queue a reset of several hundred octets, and it writes only once a read
/// has to wait. So each counts as that many more octets: a turn reads about 450 of them, and the rest of its last buffer.
const FRAME_COST: usize = 64;

/// Octets of a header block that are held back at most: more than a request may have.
const MAX_HELD: usize = 160 * 1024;

/// Octets that are written in a turn before its end: the size of the buffer of the library h2. Fewer wait, so that several answers need
/// one system call.
const MIN_EARLY_WRITE: usize = 16 * 1024;

/// A peer that reads this much within the write timeout is slow, but alive.
const MIN_PROGRESS: usize = 16 * 1024;

/// The octets of a connection, decrypted if it has TLS.
///
/// It reads nothing while the peer does not read. Otherwise a peer that sends frames and reads nothing makes the HTTP/2
/// library queue resets without bound: the library's own limit of resets counts those of the whole life of a connection,
/// and would close connections on which Envoy multiplexes its checks.
///
/// `is_write_vectored` stays `false` on purpose: for a vectored transport, h2 writes each DATA frame of 256 octets or more
/// with a system call of its own, and for any other only those of 1,024 or more. Answers to Envoy lie between the two.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: Stream,
    arrived: ReadBuffer,
    opening: Opening,
    read_ahead: usize,
    /// Present if the connection reads in turns.
    turn: Option<Turn>,
    blocked: Option<Blocked>,
    waiting_reader: Option<Waker>,
    write_timeout: Duration,
    read: FrameScanner,
    written: FrameScanner,
    /// The header block that the peer has begun.
    header_block: Option<OpenHeaderBlock>,
    activity: Arc<Activity>,
    report: WireReport,
}

/// The peer does not read what is written.
#[derive(Debug)]
struct Blocked {
    progress: usize,
    timeout: Pin<Box<Sleep>>,
}

// === impl Wire ===

impl Wire {
    /// The receiver turns true once the peer has sent as many octets as the HTTP/2 preface has.
    pub(crate) fn new(
        stream: Stream,
        versions: HttpVersions,
        limits: &ConnectionLimits,
        activity: Arc<Activity>,
        report: WireReport,
    ) -> (Self, watch::Receiver<bool>) {
        let (opened, receiver) = watch::channel(false);
        let wire = Self {
            stream,
            arrived: ReadBuffer::default(),
            opening: Opening::new(versions, opened),
            read_ahead: MAX_READ_AHEAD,
            turn: None,
            blocked: None,
            waiting_reader: None,
            write_timeout: limits.write_timeout,
            read: FrameScanner::default(),
            written: FrameScanner::default(),
            header_block: None,
            activity,
            report,
        };
        (wire, receiver)
    }

    /// From now on, the task of the connection reads and writes in turns, each of which it begins.
    pub(crate) fn use_turns(&mut self) -> Turn {
        self.turn.get_or_insert_default().clone()
    }

    /// Nothing more is read in this turn. The task is woken when there is something to read in the next.
    fn end_turn(&self) {
        if let Some(turn) = &self.turn {
            turn.end_reading(false);
        }
    }

    /// Nothing more has arrived. The task is woken when something has.
    fn end_reading(&self) {
        if let Some(turn) = &self.turn {
            turn.end_reading(true);
        }
    }

    /// Reads what has arrived. Returns `false` if the peer sends no more.
    fn poll_arrived(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.turn.as_ref().is_some_and(Turn::take_read_again) {
            self.arrived.fill_now(&self.stream)?;
            if !self.arrived.piece().is_empty() {
                return Poll::Ready(Ok(true));
            }
        }
        self.arrived.poll_fill(&mut self.stream, cx)
    }

    /// Examines what was read next. The octets of a header block that has not ended are held back.
    ///
    /// # Errors
    /// The peer has sent what it must not send.
    fn examine_piece(&mut self) -> io::Result<()> {
        let octets = self.arrived.piece();
        let frames = self.opening.read(octets, &self.report);
        self.read.follow(frames);
        if self.read.has_push_promise() {
            self.report.record(ConnectionErrorKind::PushPromise);
            return Err(io::ErrorKind::InvalidData.into());
        }
        if self.opening.versions() == HttpVersions::Http2Only && self.read.has_trailers() {
            self.report.record(ConnectionErrorKind::RequestTrailers);
            return Err(io::ErrorKind::InvalidData.into());
        }
        let before_frames = octets.len() - frames.len();
        let block_start = self.read.block_start().map(|start| before_frames + start);
        let cost = octets.len() + self.read.take_frames().saturating_mul(FRAME_COST);
        self.read_ahead = self.read_ahead.saturating_sub(cost);
        if !self.read.is_block_open() {
            self.header_block = None;
            self.arrived.release();
            return Ok(());
        }
        if block_start.is_some() {
            // An earlier block has ended, and gives its place back first.
            self.header_block = None;
        }
        if self.header_block.is_none() {
            self.header_block = Some(self.activity.begin_header_block());
        }
        if self.arrived.held() < MAX_HELD {
            self.arrived.hold(block_start);
        } else {
            // The library refuses a request with so much, and keeps no more of it.
            self.arrived.release();
        }
        Ok(())
    }

    /// Notes that a write has to wait for the peer.
    fn block(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let timeout = self.write_timeout;
        let blocked = self.blocked.get_or_insert_with(|| Blocked {
            progress: 0,
            timeout: Box::pin(sleep(timeout)),
        });
        self.read_ahead = 0;
        ready!(blocked.timeout.as_mut().poll(cx));
        self.report.record(ConnectionErrorKind::UnreadAnswers);
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }

    /// Notes that the peer has read octets.
    fn progress(&mut self, octets: usize) {
        let timeout = self.write_timeout;
        if let Some(blocked) = &mut self.blocked {
            blocked.progress += octets;
            if blocked.progress >= MIN_PROGRESS {
                blocked.progress = 0;
                blocked.timeout.as_mut().reset(Instant::now() + timeout);
            }
        }
    }

    /// Notes that everything is written.
    fn unblock(&mut self) {
        self.blocked = None;
        if let Some(reader) = self.waiting_reader.take() {
            reader.wake();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(block) = &mut this.header_block
            && block.poll_overdue(cx).is_ready()
        {
            this.report.record(ConnectionErrorKind::OpenHeaderBlock);
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if this.turn.as_ref().is_some_and(Turn::has_read) {
            return Poll::Pending;
        }
        if this.blocked.is_some() {
            this.waiting_reader = Some(cx.waker().clone());
            // Only a write may find that the time is up: it is due whenever a read has to wait.
            return Poll::Pending;
        }
        if this.turn.as_ref().is_some_and(Turn::take_begin) {
            this.read_ahead = MAX_READ_AHEAD;
        }
        while buffer.remaining() > 0 && !this.arrived.pass(buffer) {
            if let Some(block) = &mut this.header_block
                && block.poll_place(cx).is_pending()
            {
                this.end_turn();
                return Poll::Pending;
            }
            if this.read_ahead == 0 {
                // The library writes now what it has queued, and then reads again, unless the peer does not read.
                this.read_ahead = MAX_READ_AHEAD;
                this.end_turn();
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !this.arrived.piece().is_empty() {
                this.examine_piece()?;
                continue;
            }
            let Poll::Ready(read) = this.poll_arrived(cx) else {
                this.end_reading();
                return Poll::Pending;
            };
            if !read? {
                return Poll::Ready(Ok(()));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if octets.len() < MIN_EARLY_WRITE && this.turn.as_ref().is_some_and(Turn::gathers) {
            // The task of the connection lets the library write again in this turn.
            return Poll::Pending;
        }
        let Poll::Ready(written) = Pin::new(&mut this.stream).poll_write(cx, octets) else {
            return this.block(cx).map(Err);
        };
        let written = written?;
        this.progress(written);
        if this.opening.versions() == HttpVersions::Http2Only {
            let octets = octets.get(..written).unwrap_or_default();
            this.written.follow(octets);
            for _ in 0..this.written.take_protocol_errors() {
                this.report.record(ConnectionErrorKind::MalformedRequest);
            }
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Poll::Ready(flushed) = Pin::new(&mut this.stream).poll_flush(cx) else {
            return this.block(cx).map(Err);
        };
        this.unblock();
        Poll::Ready(flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Poll::Ready(closed) = Pin::new(&mut this.stream).poll_shutdown(cx) else {
            return this.block(cx).map(Err);
        };
        Poll::Ready(closed)
    }
}

#[cfg(test)]
mod tests;
