//! Serves an HTTP/2 connection with the library h2 itself.
//!
//! hyper starts a task for each request and sends its answer through a second state machine. For a check with a cached token that
//! costs more than the decision. Here the task of the connection asks the service for each answer once and sends those that are
//! ready. They are written together. Only the others get a task. A call whose message has not arrived first waits a short time with
//! the task of the connection (`awaited_messages.rs`).

use std::convert::Infallible;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use h2::server::{Builder, Connection, Handshake, SendResponse};
use http::{Request, Response};
use http_body::Body;
use hyper::rt::Executor as _;
use hyper::service::Service;
use tokio::time::Instant;

use crate::server::activity::Activity;
use crate::server::answer_body::AnswerPart;
use crate::server::awaited_messages::{AwaitedMessage, AwaitedMessages};
use crate::server::connection_errors::WireReport;
use crate::server::http2_call::{AnswerFuture, Http2Call};
use crate::server::keep_alive::KeepAlive;
use crate::server::limits::ConnectionLimits;
use crate::server::message_body::{MessageBody, UnlimitedBody};
use crate::server::requests::RequestTasks;
use crate::server::timers::Timers;
use crate::server::turn::Turn;
use crate::server::wire::Wire;

/// Octets of requests that a peer may send before they are read, per stream and per connection.
const WINDOW: u32 = 1024 * 1024;

/// The maximum size of a frame that the peer may send, in octets.
const MAX_FRAME: u32 = 16 * 1024;

/// Calls that were answered since the last read, from which on more are expected to have arrived: reading once more takes less than
/// to write, to wait and to be woken.
const BUSY: usize = 4;

/// Answers that are written together at most. A peer that waits for its answers works on these while accredit answers other calls.
/// Measured with 16 open calls: fewer writes, of 16 answers each, take more time, because then each side waits for the other. Many more
/// answers could also exceed the connection's share of unsent answers (`max_unsent_per_connection`), although the peer reads them.
const MAX_GATHERED: usize = 8;

/// A connection of HTTP/2 only. It resolves once the connection is closed, whatever the cause.
pub(crate) struct Http2Connection<S, B>
where
    S: Service<Request<MessageBody>>,
{
    state: Http2State,
    service: S,
    awaited: AwaitedMessages<Http2Call<S::Future, B>>,
    turn: Turn,
    tasks: RequestTasks,
    activity: Arc<Activity>,
    report: WireReport,
    limits: ConnectionLimits,
    timers: Timers,
    is_leaving: bool,
}

enum Http2State {
    Opening(Handshake<Wire, AnswerPart>),
    Open(OpenHttp2),
}

struct OpenHttp2 {
    connection: Connection<Wire, AnswerPart>,
    keep_alive: Option<KeepAlive>,
}

// === impl Http2Connection ===

impl<S, B> Http2Connection<S, B>
where
    S: Service<Request<MessageBody>>,
{
    pub(crate) fn new(
        mut wire: Wire,
        service: S,
        limits: ConnectionLimits,
        timers: Timers,
        activity: Arc<Activity>,
        report: WireReport,
        tasks: RequestTasks,
    ) -> Self {
        let turn = wire.use_turns();
        let handshake = Builder::new()
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_frame_size(MAX_FRAME)
            .max_concurrent_streams(limits.max_concurrent_streams)
            .max_header_list_size(limits.max_header_list_size)
            .max_pending_accept_reset_streams(limits.max_pending_resets)
            // The default closes a connection after 1,024 frames in its whole life for streams that have ended: the rest
            // of checks that were answered before they had arrived completely, as in an overload. Resets that wait to be
            // written are bounded by `Wire`.
            .max_local_error_reset_streams(None)
            .handshake(wire);
        Self {
            state: Http2State::Opening(handshake),
            service,
            awaited: AwaitedMessages::new(),
            turn,
            tasks,
            activity,
            report,
            limits,
            timers,
            is_leaving: false,
        }
    }

    /// Sends GOAWAY. The connection ends after the calls that it has.
    pub(crate) fn start_leaving(&mut self) {
        self.is_leaving = true;
        if let Http2State::Open(open) = &mut self.state {
            open.connection.graceful_shutdown();
        }
    }

    fn open(&mut self, mut connection: Connection<Wire, AnswerPart>) {
        if self.is_leaving {
            connection.graceful_shutdown();
        }
        let pings = connection.ping_pong();
        self.state = Http2State::Open(OpenHttp2 {
            connection,
            keep_alive: pings.map(|pings| KeepAlive::new(pings, &self.limits, &self.timers)),
        });
    }
}

impl<S, B> Http2Connection<S, B>
where
    S: Service<Request<MessageBody>, Response = Response<B>, Error = Infallible>,
    S::Future: AnswerFuture,
    B: Body<Data = Bytes> + Unpin + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// Reads and writes what can be read and written, and answers the calls that have arrived.
    ///
    /// Each call is answered before the next is taken from the library, so that it uses the memory that the one before has
    /// freed. The library writes whenever it is asked for the next call, so [`Wire`] gathers the answers until the last.
    fn poll_connection(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Http2State::Opening(handshake) = &mut self.state {
            match ready!(Pin::new(handshake).poll(cx)) {
                Ok(connection) => self.open(connection),
                Err(_) => return Poll::Ready(()),
            }
        }
        let mut arrived = None;
        let (mut answered, mut gathered, mut is_last) = (0, 0, false);
        self.turn.gather_writes();
        while let Http2State::Open(open) = &mut self.state {
            let accepted = match open.connection.poll_accept(cx) {
                Poll::Ready(Some(Ok(accepted))) => accepted,
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(()),
                Poll::Pending if !is_last => {
                    let tasks = &self.tasks;
                    let taken = self
                        .awaited
                        .take_arrived(MAX_GATHERED, |call| answer(call, tasks, cx));
                    let is_busy = std::mem::take(&mut answered) + taken >= BUSY;
                    is_last = taken < MAX_GATHERED && !(is_busy && self.turn.read_again());
                    if is_last || taken == MAX_GATHERED {
                        self.turn.write_gathered();
                    }
                    continue;
                }
                Poll::Pending => {
                    let keep_alive = open.keep_alive.as_mut();
                    return keep_alive.map_or(Poll::Pending, |peer| peer.poll_lost(arrived, cx));
                }
            };
            // One time for all calls that were read together: a call that waits for the others has arrived already.
            answered += 1;
            gathered += 1;
            if is_last || gathered % MAX_GATHERED == 0 {
                // Written when the library is asked for the next call.
                self.turn.write_gathered();
            } else {
                self.turn.gather_writes();
            }
            self.take(accepted, *arrived.get_or_insert_with(Instant::now), cx);
        }
        Poll::Pending
    }

    fn take(
        &mut self,
        (mut request, reply): (Request<RecvStream>, SendResponse<AnswerPart>),
        arrived: Instant,
        cx: &mut Context<'_>,
    ) {
        let counted = self.activity.begin_request();
        let awaited = AwaitedMessage::of(request.body_mut());
        let request =
            request.map(|body| MessageBody::new(UnlimitedBody::H2(body), arrived, &self.limits));
        let answering = self.service.call(request);
        if let Some(kind) = answering.connection_error() {
            self.report.record(kind);
        }
        let awaited = awaited.filter(|_| answering.needs_message());
        let call = Http2Call::new(answering, reply, counted);
        let call = match awaited {
            Some(message) => self.awaited.add(message, call),
            None => Err(call),
        };
        if let Err(call) = call {
            answer(call, &self.tasks, cx);
        }
    }
}

/// Answers a call. Each answer wakes the task, because the library has to write it.
fn answer<C>(mut call: C, tasks: &RequestTasks, cx: &mut Context<'_>)
where
    C: Future<Output = ()> + Unpin + Send + 'static,
{
    let answered = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut call).poll(cx)));
    // After a panic the call is dropped, which resets its own stream only.
    if let Ok(Poll::Pending) = answered {
        tasks.execute(call);
    }
}

/// No field is pinned in place.
impl<S: Service<Request<MessageBody>>, B> Unpin for Http2Connection<S, B> {}

impl<S, B> Future for Http2Connection<S, B>
where
    S: Service<Request<MessageBody>, Response = Response<B>, Error = Infallible>,
    S::Future: AnswerFuture,
    B: Body<Data = Bytes> + Unpin + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.turn.begin();
        if this.poll_connection(cx).is_ready() {
            return Poll::Ready(());
        }
        let tasks = &this.tasks;
        this.awaited.take_late(cx, |call| tasks.execute(call));
        Poll::Pending
    }
}

#[cfg(test)]
mod tests;
