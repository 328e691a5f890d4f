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
use crate::server::connection::{ConnectionSettings, DrainStage, serve_connection};
use crate::server::connection_errors::{ConnectionErrorKind, ConnectionErrors};
use crate::server::handshake::Handshakes;
use crate::server::limits::{ConnectionLimits, HttpVersions};
use crate::server::listener::{Accepted, Listener};
use crate::server::message_body::MessageBody;
use crate::server::open_connections::OpenConnections;
use crate::server::shutdown::{Drain, DrainSchedule};
use crate::server::workers::{WorkerLost, WorkerPool};

/// Why a port is no longer served although its drain has not ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot watch the listening socket: {0}")]
    Listener(#[source] io::Error),
    #[error("cannot go on serving: {0}")]
    Worker(#[source] WorkerLost),
}

/// How a port is served.
#[derive(Clone, Debug)]
pub struct PortSettings {
    pub versions: HttpVersions,
    pub limits: ConnectionLimits,
    pub errors: Arc<ConnectionErrors>,
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
    S::Future: Unpin + Send + 'static,
    B: Body<Data = Bytes> + Unpin + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (stage, receiver) = watch::channel(DrainStage::Serving);
    let handshakes = listener.tls().cloned().map(Handshakes::new);
    let connections = ConnectionSettings {
        versions: settings.versions,
        limits: settings.limits,
        handshakes: handshakes.map(Arc::new),
        errors: settings.errors,
        stage: receiver,
    };
    let port = OpenPort {
        backlog: Backlog::watch(listener).map_err(ServeError::Listener)?,
        service,
        open: OpenConnections::new(&connections.limits),
        connections,
        workers,
        stage,
    };
    port.serve(drain).await
}

struct OpenPort<S> {
    backlog: Backlog,
    service: S,
    open: OpenConnections,
    connections: ConnectionSettings,
    workers: WorkerPool,
    stage: watch::Sender<DrainStage>,
}

// === impl PortSettings ===

impl PortSettings {
    /// A port of HTTP/2 for many requests. `port` is the configuration key of its address.
    pub fn of_checks(port: &'static str) -> Self {
        Self {
            versions: HttpVersions::Http2Only,
            limits: ConnectionLimits::default(),
            errors: Arc::new(ConnectionErrors::new(port)),
        }
    }

    /// A port of both HTTP versions for few requests.
    pub fn of_few(port: &'static str) -> Self {
        Self {
            versions: HttpVersions::Http1AndHttp2,
            limits: ConnectionLimits::of_few(),
            errors: Arc::new(ConnectionErrors::new(port)),
        }
    }
}

// === impl OpenPort ===

impl<S, B> OpenPort<S>
where
    S: Service<Request<MessageBody>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Unpin + Send + 'static,
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
        let serving = serve_connection(accepted, open, service, settings);
        self.workers.spawn(serving).map_err(ServeError::Worker)
    }
}

#[cfg(test)]
mod tests;
