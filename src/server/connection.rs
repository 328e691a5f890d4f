//! One connection, from its first byte to its last: limits, its requests' tasks, and when it is told to go.

use std::convert::Infallible;
use std::error::Error;
use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::sync::watch;

use crate::server::handshake::Handshakes;
use crate::server::listener::Accepted;
use crate::server::requests::{FirstRequest, Requests};
use crate::server::stream::{Plain, Stream};
use crate::server::wire::Wire;

/// What a peer may take of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Open at a time; one more is closed at once, so that its peer turns to another replica instead of waiting.
    pub max_connections: usize,
    /// Requests in flight on one HTTP/2 connection; as many as Envoy asks for.
    pub max_concurrent_streams: u32,
    /// Bytes of one HTTP/2 request's headers. Above it h2 answers by itself, which to Envoy is a failed check, and far
    /// above it breaks the connection off. Envoy copies text of its client's into its calls (`tracestate`), so this is
    /// far above what Envoy takes from a client.
    pub max_header_list_size: u32,
    /// Requests that were taken back before they were looked at; one more breaks the connection off, and with it the
    /// checks of others. Envoy takes a check back when its client goes away, so a stranger decides how many.
    pub max_taken_back: usize,
    /// How often a peer is asked whether it still lives.
    pub ping_interval: Duration,
    /// How long it may take to answer that before the connection is closed.
    pub ping_timeout: Duration,
    /// How long it may take to open the conversation, and over HTTP/1.1 to send a request's head.
    pub opening_timeout: Duration,
    /// How long a TLS handshake may take before that, its wait for a turn included.
    pub handshake_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            max_concurrent_streams: 1024,
            max_header_list_size: 1024 * 1024,
            max_taken_back: 16 * 1024,
            ping_interval: Duration::from_secs(60),
            ping_timeout: Duration::from_secs(20),
            opening_timeout: Duration::from_secs(5),
            handshake_timeout: Duration::from_secs(5),
        }
    }
}

impl ConnectionLimits {
    /// For a port that few ask, each a little: what one of them may have in flight, answers that it does not read
    /// included, is what memory they can take.
    pub fn of_few() -> Self {
        Self {
            max_connections: 256,
            max_concurrent_streams: 32,
            ..Self::default()
        }
    }
}

/// What is spoken on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/2 with prior knowledge, nothing else.
    Http2,
    /// HTTP/1.1, or HTTP/2 with prior knowledge, as the peer begins.
    Http1Or2,
}

/// How far the stopping of a port has come; each stage includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Serving,
    /// Connections that have been asked something are to finish and close; later ones are served on.
    Draining,
    /// All are to finish and close.
    LastCall,
    /// What is left is broken off.
    Over,
}

/// What one connection listens to: the stage of its port.
#[derive(Clone, Debug)]
pub(crate) struct Orders(pub(crate) watch::Receiver<Stage>);

/// Serves one connection until its peer closes it, it breaks a limit, or its orders end it.
pub(crate) async fn serve_connection<S, B>(
    accepted: Accepted,
    handshakes: Option<Arc<Handshakes>>,
    service: S,
    protocol: Protocol,
    limits: ConnectionLimits,
    orders: Orders,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let Some(stream) = open(accepted, handshakes, limits, &orders).await else {
        return;
    };
    let (wire, opened) = Wire::new(stream);
    let io = TokioIo::new(wire);
    let silent = stays_silent(opened, limits.opening_timeout);
    let first = FirstRequest::default();
    let service = first.noticed(service);
    let (requests, _owner) = Requests::owned();
    match protocol {
        Protocol::Http2 => {
            let connection = http2_builder(requests, limits).serve_connection(io, service);
            drive(connection, silent, first, orders).await;
        }
        Protocol::Http1Or2 => {
            let builder = auto_builder(requests, limits);
            let connection = builder.serve_connection(io, service);
            drive(connection, silent, first, orders).await;
        }
    }
}

/// What the conversation is held over; `None` where there will be none.
async fn open(
    accepted: Accepted,
    handshakes: Option<Arc<Handshakes>>,
    limits: ConnectionLimits,
    orders: &Orders,
) -> Option<Stream> {
    // The peer may be gone already; then there is nothing to serve.
    let plain = Plain::new(accepted).ok()?;
    let Some(handshakes) = handshakes else {
        return Some(Stream::Plain(plain));
    };
    // Boxed, so that a connection does not carry the size of a handshake for as long as it lives.
    let shaking = Box::pin(handshakes.shake(plain, limits.handshake_timeout));
    tokio::select! {
        () = orders.over() => None,
        stream = shaking => stream,
    }
}

fn http2_builder(requests: Requests, limits: ConnectionLimits) -> http2::Builder<Requests> {
    let mut builder = http2::Builder::new(requests);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.max_concurrent_streams)
        .max_header_list_size(limits.max_header_list_size)
        .max_pending_accept_reset_streams(limits.max_taken_back)
        .max_local_error_reset_streams(NO_LIMIT)
        .keep_alive_interval(limits.ping_interval)
        .keep_alive_timeout(limits.ping_timeout);
    builder
}

fn auto_builder(requests: Requests, limits: ConnectionLimits) -> auto::Builder<Requests> {
    let mut builder = auto::Builder::new(requests);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.max_concurrent_streams)
        .max_header_list_size(limits.max_header_list_size)
        .max_pending_accept_reset_streams(limits.max_taken_back)
        .max_local_error_reset_streams(NO_LIMIT)
        .keep_alive_interval(limits.ping_interval)
        .keep_alive_timeout(limits.ping_timeout);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.opening_timeout)
        .max_buf_size(HTTP1_BUFFER);
    builder
}

/// h2 would break the connection off after 1,024 frames in its whole life for streams that are over: the rest of
/// questions that were answered before they had come whole, as an overloaded service answers.
const NO_LIMIT: Option<usize> = None;

/// What one HTTP/1.1 request's head may take, whose peer is no Envoy.
const HTTP1_BUFFER: usize = 16 * 1024;

/// How a connection ends does not matter to anyone: its requests were answered, or their peer is gone.
async fn drive<C: GracefulConnection>(
    connection: C,
    silent: impl Future<Output = ()>,
    first: FirstRequest,
    orders: Orders,
) {
    let mut connection = pin!(connection);
    let mut over = pin!(orders.over());
    let mut silent = pin!(silent);
    let mut leave = pin!(orders.leave(&first));
    let mut leaving = false;
    loop {
        tokio::select! {
            biased;
            () = &mut over => return,
            // Before the connection reads its first request, so that a late one is known as such.
            () = &mut leave, if !leaving => {
                leaving = true;
                connection.as_mut().leave();
            }
            () = connection.as_mut().ended() => return,
            () = &mut silent => return,
        }
    }
}

/// Resolves only where the peer has not opened the conversation in time.
async fn stays_silent(mut opened: watch::Receiver<bool>, limit: Duration) {
    let opens = opened.wait_for(|opened| *opened);
    if tokio::time::timeout(limit, opens).await.is_ok() {
        pending::<()>().await;
    }
}

// === impl Orders ===

impl Orders {
    async fn leave(&self, first: &FirstRequest) {
        self.reached(Stage::Draining).await;
        // Either it came after the drain had started, or its first request is under way: who connects wants
        // to ask, and must not find GOAWAY.
        if !first.has_come() {
            self.reached(Stage::LastCall).await;
        }
    }

    async fn over(&self) {
        self.reached(Stage::Over).await;
    }

    async fn reached(&self, stage: Stage) {
        // An error says that the port is no longer served by anyone, which ends its connections too.
        let _ = self.0.clone().wait_for(|now| *now >= stage).await;
    }
}

// === GracefulConnection ===

/// A connection of hyper's, whichever protocol it speaks.
trait GracefulConnection {
    /// Resolves when it is closed. Cancelling this wait leaves the connection as it is.
    fn ended(self: Pin<&mut Self>) -> impl Future<Output = ()> + Send;

    /// Finishes what is in flight, takes nothing new (GOAWAY, or `connection: close`), and closes.
    fn leave(self: Pin<&mut Self>);
}

impl<S, B> GracefulConnection for http2::Connection<TokioIo<Wire>, S, Requests>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    async fn ended(self: Pin<&mut Self>) {
        let _ = self.await;
    }

    fn leave(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<S, B> GracefulConnection for auto::Connection<'_, TokioIo<Wire>, S, Requests>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    async fn ended(self: Pin<&mut Self>) {
        let _ = self.await;
    }

    fn leave(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}
