//! One connection, from the handshake to its end.

use std::convert::Infallible;
use std::error::Error;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use http::{Request, Response};
use http_body::Body;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::server::activity::Activity;
use crate::server::connection_errors::{ConnectionErrorKind, ConnectionErrors, WireReport};
use crate::server::handshake::Handshakes;
use crate::server::http2::Http2Connection;
use crate::server::http2_call::AnswerFuture;
use crate::server::limits::{ConnectionLimits, HttpVersions, PRESSED_WRITE_TIMEOUT};
use crate::server::listener::Accepted;
use crate::server::message_body::MessageBody;
use crate::server::open_connections::OpenConnection;
use crate::server::requests::{LimitedService, RequestTasks};
use crate::server::stream::{Plain, Stream};
use crate::server::timers::Timers;
use crate::server::wire::Wire;

/// The time between GOAWAY to an evicted connection and its end. A request that Envoy sent meanwhile is answered.
const EVICTION_TIME: Duration = Duration::from_secs(1);

/// The header of an HTTP/1.1 request in octets.
const MAX_HTTP1_HEADER: usize = 16 * 1024;

/// How far the drain of a port has come. Each stage includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DrainStage {
    Serving,
    /// Connections that have sent a request get GOAWAY. Later connections are served.
    Draining,
    /// All connections get GOAWAY.
    LastCall,
    /// The remaining connections are closed.
    Over,
}

/// What all connections of a port have in common.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionSettings {
    pub(crate) versions: HttpVersions,
    pub(crate) limits: ConnectionLimits,
    pub(crate) errors: Arc<ConnectionErrors>,
    pub(crate) stage: watch::Receiver<DrainStage>,
    pub(crate) timers: Timers,
}

/// Performs the TLS handshake of a connection; `None` if it does not succeed.
pub(crate) async fn shake_hands(
    accepted: Accepted,
    handshakes: &Handshakes,
    open: &OpenConnection,
    settings: &ConnectionSettings,
) -> Option<Stream> {
    // An error means that the peer has gone already.
    let plain = Plain::new(accepted).ok()?;
    let report = WireReport {
        errors: Arc::clone(&settings.errors),
        peer: plain.peer(),
    };
    let handshake = handshakes.accept(plain, settings.limits.handshake_timeout, &report);
    tokio::select! {
        () = reached(&settings.stage, DrainStage::Over) => None,
        () = open.activity.evicted.notified() => None,
        stream = handshake => stream,
    }
}

/// Serves one connection until the peer closes it, it breaks a limit, or the drain is over.
pub(crate) async fn serve_connection<S, B>(
    stream: Stream,
    open: OpenConnection,
    service: S,
    settings: ConnectionSettings,
) where
    S: Service<Request<MessageBody>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: AnswerFuture,
    B: Body<Data = Bytes> + Unpin + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let limits = &settings.limits;
    let report = WireReport {
        errors: Arc::clone(&settings.errors),
        peer: stream.peer(),
    };
    let activity = Arc::clone(&open.activity);
    let (wire, opened) = Wire::new(
        stream,
        settings.versions,
        limits,
        Arc::clone(&activity),
        report.clone(),
    );
    let (tasks, _owner) = RequestTasks::owned();
    match settings.versions {
        HttpVersions::Http2Only => {
            let connection = Http2Connection::new(
                wire,
                service,
                *limits,
                settings.timers.clone(),
                activity,
                report.clone(),
                tasks,
            );
            drive(connection, opened, &open, &settings, &report).await;
        }
        HttpVersions::Http1AndHttp2 => {
            let service = LimitedService::new(service, *limits, activity);
            let builder = builder(tasks, limits);
            let connection = builder.serve_connection(TokioIo::new(wire), service);
            drive(connection, opened, &open, &settings, &report).await;
        }
    }
}

/// The server of a port with both HTTP versions. Its limits of HTTP/2 are those of [`Http2Connection`].
fn builder(tasks: RequestTasks, limits: &ConnectionLimits) -> auto::Builder<RequestTasks> {
    let mut builder = auto::Builder::new(tasks);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.max_concurrent_streams)
        .max_header_list_size(limits.max_header_list_size)
        .max_pending_accept_reset_streams(limits.max_pending_resets)
        .max_local_error_reset_streams(None)
        .keep_alive_interval(limits.ping_interval)
        .keep_alive_timeout(limits.ping_timeout);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.opening_timeout)
        .max_buf_size(MAX_HTTP1_HEADER);
    builder
}

/// A connection in the library that serves it.
trait ServedConnection: Future {
    /// Sends GOAWAY, or closes the connection after the current request of HTTP/1.1.
    fn leave(self: Pin<&mut Self>);
}

impl<S, B> ServedConnection for Http2Connection<S, B>
where
    S: Service<Request<MessageBody>>,
    Self: Future,
{
    fn leave(self: Pin<&mut Self>) {
        self.get_mut().start_leaving();
    }
}

impl<S, B> ServedConnection for auto::Connection<'_, TokioIo<Wire>, S, RequestTasks>
where
    S: Service<Request<hyper::body::Incoming>, Response = Response<B>>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    fn leave(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// What a connection has to react to beside its requests.
enum ConnectionEvent {
    /// The time of the drain is over.
    Over,
    /// The connection has to end after its requests.
    Leave,
    /// The peer has opened the connection.
    Opened,
    /// The time for that is over.
    OpeningTimeout,
    /// The connection is evicted.
    Evicted,
    /// The time has come to look for stalled answers and idleness.
    Tick,
    /// The time after an eviction or after idleness is over.
    End,
}

type ConnectionEvents<'a> =
    FuturesUnordered<Pin<Box<dyn Future<Output = ConnectionEvent> + Send + 'a>>>;

/// Runs a connection. Its own result is ignored: its requests were answered, or the peer has gone.
async fn drive(
    connection: impl ServedConnection,
    mut opened: watch::Receiver<bool>,
    open: &OpenConnection,
    settings: &ConnectionSettings,
    report: &WireReport,
) {
    let (activity, limits) = (&open.activity, &settings.limits);
    let mut connection = pin!(connection);
    let period = limits.write_timeout.min(PRESSED_WRITE_TIMEOUT);
    let tick = || {
        settings
            .timers
            .sleep(period)
            .map(|()| ConnectionEvent::Tick)
    };
    let evicted = || {
        activity
            .evicted
            .notified()
            .map(|()| ConnectionEvent::Evicted)
    };
    let end = || {
        let time = settings.timers.sleep(EVICTION_TIME);
        time.map(|()| ConnectionEvent::End)
    };
    let opened = opened.wait_for(|opened| *opened);
    let opening_timeout = settings.timers.sleep(limits.opening_timeout);
    // Most wakes of this task are requests. A future of these sets is polled only if it was woken itself.
    let mut stages = ConnectionEvents::new();
    stages.push(Box::pin(
        reached(&settings.stage, DrainStage::Over).map(|()| ConnectionEvent::Over),
    ));
    stages.push(Box::pin(
        leave(&settings.stage, activity).map(|()| ConnectionEvent::Leave),
    ));
    let mut events = ConnectionEvents::new();
    events.push(Box::pin(async {
        tokio::select! {
            biased;
            _ = opened => ConnectionEvent::Opened,
            () = opening_timeout => ConnectionEvent::OpeningTimeout,
        }
    }));
    events.push(Box::pin(evicted()));
    events.push(Box::pin(tick()));
    let mut is_open = false;
    let mut generation = Instant::now();
    let mut has_end = false;
    loop {
        let event = tokio::select! {
            biased;
            // Before the connection reads its first request, so that a request after the start of the drain is known as such.
            Some(event) = stages.next() => event,
            _ = connection.as_mut() => return,
            // After the connection: octets that have arrived in time count, however late this thread reads or writes.
            Some(event) = events.next() => event,
        };
        match event {
            ConnectionEvent::Over | ConnectionEvent::End => return,
            ConnectionEvent::Leave => connection.as_mut().leave(),
            ConnectionEvent::OpeningTimeout => {
                return report.record(ConnectionErrorKind::OpeningTimeout);
            }
            ConnectionEvent::Opened => {
                is_open = true;
                if !open.establish() {
                    return report.record(ConnectionErrorKind::TooManyConnections);
                }
            }
            ConnectionEvent::Evicted => {
                // A connection that was evicted before has had its notice.
                if !is_open || has_end {
                    return;
                }
                connection.as_mut().leave();
                events.push(Box::pin(evicted()));
                events.push(Box::pin(end()));
                has_end = true;
            }
            ConnectionEvent::Tick => {
                let is_over = generation.elapsed() >= limits.write_timeout;
                if is_over || activity.port_is_under_pressure() {
                    generation = Instant::now();
                    if activity.has_stalled() {
                        return report.record(ConnectionErrorKind::UnreadAnswers);
                    }
                }
                events.push(Box::pin(tick()));
                let idle = activity.idle_since().map(|since| since.elapsed());
                if !has_end && limits.idle_timeout.is_some_and(|limit| idle >= Some(limit)) {
                    connection.as_mut().leave();
                    events.push(Box::pin(end()));
                    has_end = true;
                }
            }
        }
    }
}

/// Resolves when the connection has to end after its requests. A connection that was opened before the drain and whose
/// first request is under way must not find GOAWAY.
async fn leave(stage: &watch::Receiver<DrainStage>, activity: &Activity) {
    reached(stage, DrainStage::Draining).await;
    if !activity.has_requested() {
        reached(stage, DrainStage::LastCall).await;
    }
}

async fn reached(stage: &watch::Receiver<DrainStage>, wanted: DrainStage) {
    // An error means that the port is no longer served, which ends its connections too.
    let _ = stage.clone().wait_for(|now| *now >= wanted).await;
}

#[cfg(test)]
mod tests;
