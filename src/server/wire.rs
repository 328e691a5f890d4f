//! The octets of one connection as hyper reads and writes them.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep};

use crate::server::activity::Activity;
use crate::server::connection_errors::{ConnectionErrorKind, ConnectionErrors};
use crate::server::frames::FrameScanner;
use crate::server::header_blocks::OpenHeaderBlock;
use crate::server::limits::{ConnectionLimits, HttpVersions};
use crate::server::stream::Stream;
use crate::server::turn::Turn;

/// The HTTP/2 preface (RFC 9113 section 3.4). The shortest HTTP/1.1 request is about as long.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Octets that are read before everything that they caused is written. Sixteen checks with tokens of usual length are fewer.
const MAX_READ_AHEAD: usize = 32 * 1024;

/// Frames of nine octets can each make the HTTP/2 library queue a reset of several hundred octets, and it writes only once a read
/// has to wait. So each counts as that many more octets: a turn reads about 450 of them, and the rest of its last buffer.
const FRAME_COST: usize = 64;

/// Octets that are written in a turn before its end. Fewer wait, so that several answers need one system call.
const MIN_EARLY_WRITE: usize = 8 * 1024;

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
    /// What was read and is not passed on before the header block has a place.
    held: BytesMut,
    activity: Arc<Activity>,
    report: WireReport,
}

/// The first octets of the connection.
#[derive(Debug)]
struct Opening {
    seen: usize,
    is_preface: bool,
    versions: HttpVersions,
    opened: watch::Sender<bool>,
}

/// The peer does not read what is written.
#[derive(Debug)]
struct Blocked {
    progress: usize,
    timeout: Pin<Box<Sleep>>,
}

/// Where errors of the connection are counted.
#[derive(Clone, Debug)]
pub(crate) struct WireReport {
    pub(crate) errors: Arc<ConnectionErrors>,
    pub(crate) peer: Option<SocketAddr>,
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
            opening: Opening {
                seen: 0,
                is_preface: true,
                versions,
                opened,
            },
            read_ahead: MAX_READ_AHEAD,
            turn: None,
            blocked: None,
            waiting_reader: None,
            write_timeout: limits.write_timeout,
            read: FrameScanner::default(),
            written: FrameScanner::default(),
            header_block: None,
            held: BytesMut::new(),
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
            turn.end_reading();
        }
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

    /// Follows the header blocks of an HTTP/2 peer. `octets` have just been read.
    fn follow_header_blocks(&mut self, octets: &[u8]) {
        let preface_left = PREFACE.len().saturating_sub(self.opening.seen);
        let frames = octets.get(preface_left..).unwrap_or_default();
        if !self.opening.is_preface || frames.is_empty() {
            return;
        }
        self.read.follow(frames);
        if !self.read.is_block_open() {
            self.header_block = None;
        } else if self.header_block.is_none() {
            self.header_block = Some(self.activity.begin_header_block());
        }
    }

    /// Passes on what was held back for a header block, once the block has a place.
    fn pass_held(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(block) = &mut self.header_block
            && block.poll_place(cx).is_pending()
        {
            self.end_turn();
            return Poll::Pending;
        }
        let octets = self.held.split_to(self.held.len().min(buffer.remaining()));
        buffer.put_slice(&octets);
        Poll::Ready(Ok(()))
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
        if !this.held.is_empty() {
            return this.pass_held(cx, buffer);
        }
        if this.read_ahead == 0 {
            // The library writes now what it has queued, and then reads again, unless the peer does not read.
            this.read_ahead = MAX_READ_AHEAD;
            this.end_turn();
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let Poll::Ready(read) = Pin::new(&mut this.stream).poll_read(cx, buffer) else {
            this.end_turn();
            return Poll::Pending;
        };
        read?;
        let octets = buffer.filled().get(before..).unwrap_or_default();
        this.follow_header_blocks(octets);
        let frames = this.read.take_frames().saturating_mul(FRAME_COST);
        this.read_ahead = this.read_ahead.saturating_sub(octets.len() + frames);
        this.opening.read(octets, &this.report);
        if let Some(block) = &mut this.header_block
            && block.poll_place(cx).is_pending()
        {
            this.held.extend_from_slice(octets);
            buffer.set_filled(before);
            this.end_turn();
            return Poll::Pending;
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
        if this.opening.versions == HttpVersions::Http2Only {
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

// === impl Opening ===

impl Opening {
    fn read(&mut self, octets: &[u8], report: &WireReport) {
        let Some(expected) = PREFACE.get(self.seen..).filter(|rest| !rest.is_empty()) else {
            return;
        };
        let is_preface = octets.iter().zip(expected).all(|(own, other)| own == other);
        if self.is_preface && !is_preface {
            self.is_preface = false;
            // The octets before these are those of the preface.
            let first = if self.seen == 0 { octets } else { PREFACE };
            match (first.first(), self.versions) {
                (Some(0x16), _) => report.record(ConnectionErrorKind::Tls),
                (_, HttpVersions::Http1AndHttp2) => {}
                (Some(b'A'..=b'Z'), _) => report.record(ConnectionErrorKind::Http1),
                _ => report.record(ConnectionErrorKind::UnknownProtocol),
            }
        }
        self.seen += octets.len();
        if self.seen >= PREFACE.len() {
            self.opened.send_replace(true);
        }
    }
}

// === impl WireReport ===

impl WireReport {
    pub(crate) fn record(&self, kind: ConnectionErrorKind) {
        self.errors.record(kind, self.peer);
    }
}

#[cfg(test)]
mod tests;
