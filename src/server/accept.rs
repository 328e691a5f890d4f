//! Serves a port: accepts connections, hands them to the workers, and drains without losing a request.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::service::Service;
use tokio::sync::watch;
use tokio::time::sleep_until;

use crate::server::backlog::Backlog;
use crate::server::connection::{ConnectionSettings, DrainStage, serve_connection, shake_hands};
use crate::server::connection_errors::{ConnectionErrorKind, ConnectionErrors};
use crate::server::handshake::Handshakes;
use crate::server::http2_call::AnswerFuture;
use crate::server::limits::{ConnectionLimits, HttpVersions};
use crate::server::listener::{Accepted, Listener};
use crate::server::message_body::MessageBody;
use crate::server::open_connections::OpenConnections;
use crate::server::shutdown::{Drain, DrainSchedule};
use crate::server::stream::{Plain, Stream};
use crate::server::timers::{TimerThread, Timers};
use crate::server::workers::{WorkerLost, WorkerPool};

/// Why a port is no longer served although its drain has not ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot watch the listening socket: {0}")]
    Listener(#[source] io::Error),
    #[error("cannot continue to serve: {0}")]
    Worker(#[source] WorkerLost),
}

/// How a port is served.
#[derive(Clone, Debug)]
pub struct PortSettings {
    pub versions: HttpVersions,
    pub limits: ConnectionLimits,
    pub errors: Arc<ConnectionErrors>,
    /// The threads of TLS handshakes; `None`: those of the connections. The cost of a handshake is that of a hundred
    /// checks, and anyone can start one.
    pub handshake_workers: Option<WorkerPool>,
    pub timers: TimerThread,
}

/// Serves a port until its drain has ended.
///
/// When the drain starts, every connection that has sent a request gets GOAWAY, and requests in flight are answered. New
/// connections are still served, because an Envoy that has not yet noticed the drain opens them. Serving ends at once if
/// no connection was open, and otherwise if none has been open for the time of the last call: a peer that got GOAWAY
/// comes back with its next request only. At the last call, the socket closes and the remaining connections get GOAWAY.
/// At the deadline, they are closed.
///
/// # Errors
/// [`ServeError`]
pub async fn serve<S, B>(
    listener: Listener,
    service: S,
    settings: PortSettings,
    workers: WorkerPool,
    drain: Drain,
) -> Result<(), ServeError>
where
    S: Service<Request<MessageBody>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: AnswerFuture,
    B: Body<Data = Bytes> + Unpin + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (stage, receiver) = watch::channel(DrainStage::Serving);
    let handshakes = listener.tls().cloned().map(Handshakes::new);
    let handshake_workers = settings.handshake_workers;
    let connections = ConnectionSettings {
        versions: settings.versions,
        limits: settings.limits,
        errors: settings.errors,
        stage: receiver,
        timers: match settings.timers {
            TimerThread::Connection => Timers::default(),
            TimerThread::Port => Timers::of_this_thread(),
        },
    };
    let port = OpenPort {
        backlog: Backlog::watch(listener).map_err(ServeError::Listener)?,
        service,
        open: OpenConnections::new(&connections.limits),
        connections,
        handshakes: handshakes.map(Arc::new),
        workers: PortWorkers {
            handshakes: handshake_workers.unwrap_or_else(|| workers.clone()),
            connections: workers,
        },
        stage,
    };
    port.serve(drain).await
}

struct OpenPort<S> {
    backlog: Backlog,
    service: S,
    open: OpenConnections,
    connections: ConnectionSettings,
    handshakes: Option<Arc<Handshakes>>,
    workers: PortWorkers,
    stage: watch::Sender<DrainStage>,
}

struct PortWorkers {
    connections: WorkerPool,
    handshakes: WorkerPool,
}

// === impl PortSettings ===

impl PortSettings {
    /// A port of HTTP/2 for many requests. `port` is the configuration key of its address.
    pub fn of_checks(port: &'static str) -> Self {
        Self {
            versions: HttpVersions::Http2Only,
            limits: ConnectionLimits::default(),
            errors: Arc::new(ConnectionErrors::new(port)),
            handshake_workers: None,
            timers: TimerThread::Port,
        }
    }

    /// A port of both HTTP versions for few requests.
    pub fn of_few(port: &'static str) -> Self {
        Self {
            versions: HttpVersions::Http1AndHttp2,
            limits: ConnectionLimits::of_few(),
            errors: Arc::new(ConnectionErrors::new(port)),
            handshake_workers: None,
            timers: TimerThread::Connection,
        }
    }

    /// Has no more connections than this many file descriptors permit.
    #[must_use]
    pub(crate) fn within(self, descriptors: usize) -> Self {
        let limits = self.limits.within(descriptors);
        if limits != self.limits {
            tracing::warn!(
                port = self.errors.port(),
                max_connections = limits.max_connections,
                "the limit of open files reduces the number of connections; raise it (LimitNOFILE of systemd, ulimit -n)"
            );
        }
        Self { limits, ..self }
    }

    /// Performs TLS handshakes on these threads.
    #[must_use]
    pub fn with_handshakes_on(self, workers: WorkerPool) -> Self {
        Self {
            handshake_workers: Some(workers),
            ..self
        }
    }
}

// === impl PortWorkers ===

impl PortWorkers {
    /// Waits until a worker panics.
    async fn lost(&self) -> WorkerLost {
        tokio::select! {
            lost = self.connections.lost() => lost,
            lost = self.handshakes.lost() => lost,
        }
    }
}

// === impl OpenPort ===

impl<S, B> OpenPort<S>
where
    S: Service<Request<MessageBody>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: AnswerFuture,
    B: Body<Data = Bytes> + Unpin + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    async fn serve(mut self, drain: Drain) -> Result<(), ServeError> {
        let schedule = loop {
            tokio::select! {
                biased;
                lost = self.workers.lost() => return Err(ServeError::Worker(lost)),
                schedule = drain.started() => break schedule,
                accepted = self.backlog.accept() => self.open_connection(accepted)?,
            }
        };
        // Connections in the backlog came before the drain, and get GOAWAY like the others.
        self.open_waiting()?;
        self.stage.send_replace(DrainStage::Draining);
        if self.open.count() == 0 || self.empties_until_last_call(schedule).await? {
            return Ok(());
        }
        self.finish(schedule).await
    }

    /// Serves until no connection is open (`true`) or the last call (`false`).
    async fn empties_until_last_call(
        &mut self,
        schedule: DrainSchedule,
    ) -> Result<bool, ServeError> {
        let mut last_call = pin!(sleep_until(schedule.last_call));
        loop {
            tokio::select! {
                biased;
                lost = self.workers.lost() => return Err(ServeError::Worker(lost)),
                () = &mut last_call => return Ok(false),
                accepted = self.backlog.accept() => self.open_connection(accepted)?,
                () = self.open.none_for(schedule.margin()) => return Ok(true),
            }
        }
    }

    /// Closes the socket, and waits for the remaining connections until the deadline.
    async fn finish(mut self, schedule: DrainSchedule) -> Result<(), ServeError> {
        self.open_waiting()?;
        let Self {
            backlog,
            open,
            workers,
            stage,
            ..
        } = self;
        drop(backlog);
        stage.send_replace(DrainStage::LastCall);
        tokio::select! {
            lost = workers.lost() => return Err(ServeError::Worker(lost)),
            () = open.none() => {}
            () = sleep_until(schedule.deadline) => {}
        }
        stage.send_replace(DrainStage::Over);
        Ok(())
    }

    fn open_waiting(&mut self) -> Result<(), ServeError> {
        while let Some(accepted) = self.backlog.accept_waiting() {
            self.open_connection(accepted)?;
        }
        Ok(())
    }

    fn open_connection(&mut self, accepted: Accepted) -> Result<(), ServeError> {
        let Some(open) = self.open.enter() else {
            self.connections
                .errors
                .record(ConnectionErrorKind::TooManyConnections, None);
            return Ok(());
        };
        let (service, settings) = (self.service.clone(), self.connections.clone());
        let Some(handshakes) = self.handshakes.clone() else {
            let serving = async move {
                // An error means that the peer has gone already.
                if let Ok(plain) = Plain::new(accepted) {
                    serve_connection(Stream::Plain(plain), open, service, settings).await;
                }
            };
            let workers = &self.workers.connections;
            return workers.spawn(serving).map_err(ServeError::Worker);
        };
        let workers = self.workers.connections.clone();
        let opening = async move {
            let Some(mut stream) = shake_hands(accepted, &handshakes, &open, &settings).await
            else {
                return;
            };
            // An error means that a worker is lost, which ends the port.
            let _ = workers.spawn(async move {
                if stream.change_runtime().is_ok() {
                    serve_connection(stream, open, service, settings).await;
                }
            });
        };
        let workers = &self.workers.handshakes;
        workers.spawn(opening).map_err(ServeError::Worker)
    }
}

#[cfg(test)]
mod tests;
