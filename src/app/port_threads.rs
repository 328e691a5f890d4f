//! The threads that serve the ports.

use std::io;
use std::num::NonZeroUsize;

use crate::app::error::RunError;
use crate::server::accept::ServeError;
use crate::server::workers::{WorkerLost, Workers};

/// The threads of the ports. None of them waits for a reload, which the main thread applies, or for another port
/// (CONTRACT 7.3.6).
pub(crate) struct PortThreads {
    /// Answers checks. Declared before `accept`, which must end later.
    pub(crate) checks: Workers,
    /// Accepts the connections of `listen`, and runs their timers.
    pub(crate) accept: Workers,
    pub(crate) admin: Workers,
    /// Answers the requests of `admin_listen` other than probes.
    pub(crate) admin_api: Workers,
    pub(crate) probes: Workers,
    /// Performs the TLS handshakes of all ports.
    pub(crate) handshakes: Workers,
}

impl PortThreads {
    pub(crate) fn start() -> io::Result<PortThreads> {
        Ok(PortThreads {
            checks: Workers::start("worker", worker_count())?,
            accept: Workers::start("accept", NonZeroUsize::MIN)?,
            admin: Workers::start("admin", NonZeroUsize::MIN)?,
            admin_api: Workers::start_in_background("admin-api", NonZeroUsize::MIN)?,
            probes: Workers::start("probes", NonZeroUsize::MIN)?,
            handshakes: Workers::start_in_background("handshake", handshake_worker_count())?,
        })
    }

    pub(crate) fn shutdown(self) -> Result<(), WorkerLost> {
        // The connections of checks have their timers on the thread that accepts them, so it ends after their threads.
        let ports = [self.checks, self.accept, self.admin, self.probes];
        let others = [self.handshakes, self.admin_api];
        ports
            .into_iter()
            .chain(others)
            .try_for_each(Workers::shutdown)
    }
}

pub(crate) async fn run_on(
    workers: &Workers,
    serving: impl Future<Output = Result<(), ServeError>> + Send + 'static,
) -> Result<(), RunError> {
    let served = workers
        .pool()
        .run(serving)
        .await
        .map_err(RunError::Worker)?;
    served.map_err(RunError::Serve)
}

/// A quarter of the cores is enough for hundreds of handshakes per second, and leaves most cores to checks.
fn handshake_worker_count() -> NonZeroUsize {
    NonZeroUsize::new(worker_count().get() / 4).unwrap_or(NonZeroUsize::MIN)
}

/// The processors that the process may use.
pub(crate) fn worker_count() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}
