//! The accept loop: takes connections in, hands them to the workers, and stops without losing a request.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::pending;
use std::io;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::service::Service;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::server::backlog::Backlog;
use crate::server::connection::{ConnectionLimits, Orders, Protocol, Stage, serve_connection};
use crate::server::handshake::Handshakes;
use crate::server::listener::{Accepted, Listener};
use crate::server::open_connections::OpenConnections;
use crate::server::shutdown::{Drain, Schedule};
use crate::server::workers::{WorkerLost, Workers, report_panic};

/// Why a port is no longer served, other than by its drain.
#[derive(Debug)]
pub enum ServeError {
    /// The listening socket could not be watched.
    Listener(io::Error),
    /// A thread that serves its connections is gone.
    Worker(WorkerLost),
}

/// Serves HTTP/2 (prior knowledge) on the workers until the drain has ended.
///
/// When the drain starts, every connection that has been asked something is told to go (GOAWAY; what is in
/// flight finishes), but new ones are still taken and served: an Envoy that has not yet noticed opens them.
/// It ends at once where none was open, else when none has been for the time of the last call: a peer that
/// was told to go comes back only with its next request. At the last call the socket closes and the rest is
/// told to go; at the deadline it is broken off.
pub async fn serve<S, B>(
    listener: Listener,
    service: S,
    limits: ConnectionLimits,
    workers: &Workers,
    drain: Drain,
) -> Result<(), ServeError>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let home = Home::Workers(workers);
    let port = Port::open(listener, service, Protocol::Http2, limits, home)?;
    port.serve(drain).await
}

/// Serves as [`serve`] does, but on the runtime that awaits it: for a port of few connections.
pub async fn serve_here<S, B>(
    listener: Listener,
    service: S,
    protocol: Protocol,
    limits: ConnectionLimits,
    drain: Drain,
) -> Result<(), ServeError>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let port = Port::open(
        listener,
        service,
        protocol,
        limits,
        Home::Here(JoinSet::new()),
    )?;
    port.serve(drain).await
}

/// One port being served.
struct Port<'a, S> {
    backlog: Backlog,
    handshakes: Option<Arc<Handshakes>>,
    service: S,
    protocol: Protocol,
    limits: ConnectionLimits,
    home: Home<'a>,
    stage: watch::Sender<Stage>,
    open: OpenConnections,
    full: bool,
}

/// Where the connections' tasks live.
enum Home<'a> {
    Workers(&'a Workers),
    Here(JoinSet<()>),
}

// === impl Port ===

impl<'a, S, B> Port<'a, S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    fn open(
        listener: Listener,
        service: S,
        protocol: Protocol,
        limits: ConnectionLimits,
        home: Home<'a>,
    ) -> Result<Self, ServeError> {
        let handshakes = listener.tls().cloned().map(Handshakes::new);
        Ok(Self {
            handshakes: handshakes.map(Arc::new),
            backlog: Backlog::watch(listener).map_err(ServeError::Listener)?,
            service,
            protocol,
            limits,
            home,
            stage: watch::Sender::new(Stage::Serving),
            open: OpenConnections::default(),
            full: false,
        })
    }

    async fn serve(mut self, drain: Drain) -> Result<(), ServeError> {
        let schedule = loop {
            tokio::select! {
                biased;
                lost = self.home.tend() => return Err(ServeError::Worker(lost)),
                schedule = drain.started() => break schedule,
                accepted = self.backlog.accept() => self.admit(accepted)?,
            }
        };
        // Who is in the backlog came before the drain, and is told to go like the others.
        self.admit_waiting()?;
        self.stage.send_replace(Stage::Draining);
        if self.open.count() == 0 || self.empties_until_last_call(schedule).await? {
            return Ok(());
        }
        self.finish(schedule).await
    }

    /// Serves on while it empties; whether it did.
    async fn empties_until_last_call(&mut self, schedule: Schedule) -> Result<bool, ServeError> {
        let mut last_call = pin!(sleep_until(schedule.last_call));
        loop {
            tokio::select! {
                biased;
                lost = self.home.tend() => return Err(ServeError::Worker(lost)),
                () = &mut last_call => return Ok(false),
                accepted = self.backlog.accept() => self.admit(accepted)?,
                () = self.open.none_for(schedule.margin()) => return Ok(true),
            }
        }
    }

    /// Closes the socket, and gives what is left until the deadline.
    async fn finish(mut self, schedule: Schedule) -> Result<(), ServeError> {
        self.admit_waiting()?;
        let Self {
            backlog,
            mut home,
            stage,
            open,
            ..
        } = self;
        drop(backlog);
        stage.send_replace(Stage::LastCall);
        tokio::select! {
            lost = home.tend() => return Err(ServeError::Worker(lost)),
            () = open.none() => {}
            () = sleep_until(schedule.deadline) => {}
        }
        stage.send_replace(Stage::Over);
        Ok(())
    }

    /// Admits what the system has accepted for us, without waiting.
    fn admit_waiting(&mut self) -> Result<(), ServeError> {
        while let Some(accepted) = self.backlog.accept_waiting() {
            self.admit(accepted)?;
        }
        Ok(())
    }

    fn admit(&mut self, accepted: Accepted) -> Result<(), ServeError> {
        let full = self.open.count() >= self.limits.max_connections;
        if full && !self.full {
            let max_connections = self.limits.max_connections;
            tracing::warn!(
                max_connections,
                "closing new connections: as many as may be are open"
            );
        }
        self.full = full;
        if full {
            return Ok(());
        }
        let orders = Orders(self.stage.subscribe());
        let open = self.open.enter();
        let serving = serve_connection(
            accepted,
            self.handshakes.clone(),
            self.service.clone(),
            self.protocol,
            self.limits,
            orders,
        );
        let task = async move {
            serving.await;
            drop(open);
        };
        match &mut self.home {
            Home::Workers(workers) => workers.spawn(task).map_err(ServeError::Worker),
            Home::Here(tasks) => {
                tasks.spawn(task);
                Ok(())
            }
        }
    }
}

// === impl Home ===

impl Home<'_> {
    /// Takes notice of tasks that end; resolves only where a worker is lost.
    async fn tend(&mut self) -> WorkerLost {
        match self {
            Self::Workers(workers) => workers.lost().await,
            Self::Here(tasks) => {
                while let Some(ended) = tasks.join_next().await {
                    report_panic(ended);
                }
                pending().await
            }
        }
    }
}

// === impl ServeError ===

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listener(error) => write!(f, "cannot watch the listening socket: {error}"),
            Self::Worker(lost) => write!(f, "cannot go on serving: {lost}"),
        }
    }
}

impl Error for ServeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Listener(error) => Some(error),
            Self::Worker(lost) => Some(lost),
        }
    }
}

#[cfg(test)]
mod tests;
