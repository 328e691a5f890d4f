//! The TLS handshakes of one port: not for ever, not too many at a time, and why they failed.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;

use crate::server::stream::{Plain, Stream};
use crate::server::tls::ServerTls;

/// In flight on one port; more wait for their turn, within the time that each has. Reconnecting peers come at once,
/// so this is far above what strangers should be able to hold, and far below what memory allows.
const MOST: usize = 1024;

/// A failed handshake is told of this often at most; anyone can make them fail.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// Makes the connections of a port confidential.
#[derive(Debug)]
pub(crate) struct Handshakes {
    tls: Arc<ServerTls>,
    turns: Semaphore,
    failures: Mutex<Failures>,
}

#[derive(Debug, Default)]
struct Failures {
    told: Option<Instant>,
    left_out: u64,
}

// === impl Handshakes ===

impl Handshakes {
    pub(crate) fn new(tls: Arc<ServerTls>) -> Self {
        Self {
            tls,
            turns: Semaphore::new(MOST),
            failures: Mutex::default(),
        }
    }

    /// Shakes hands; `None` where the peer did not, could not or may not within the limit.
    pub(crate) async fn shake(&self, plain: Plain, limit: Duration) -> Option<Stream> {
        let peer = plain.peer();
        match timeout(limit, self.accept(plain)).await {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                self.tell(peer, &reason(&error));
                None
            }
            Err(_) => {
                self.tell(peer, "the client took too long");
                None
            }
        }
    }

    async fn accept(&self, plain: Plain) -> io::Result<Stream> {
        // The semaphore is never closed.
        let _turn = self.turns.acquire().await.ok();
        let accepted = TlsAcceptor::from(self.tls.config()).accept(plain).await?;
        Ok(Stream::Tls(Box::new(accepted)))
    }

    fn tell(&self, peer: Option<SocketAddr>, error: &str) {
        // Counting cannot leave anything half done.
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures
            .told
            .is_some_and(|told| told.elapsed() < TOLD_EVERY)
        {
            failures.left_out += 1;
            return;
        }
        failures.told = Some(Instant::now());
        let left_out = std::mem::take(&mut failures.left_out);
        let peer = peer.map(tracing::field::display);
        tracing::warn!(peer, error, left_out, "a TLS handshake failed");
    }
}

/// What rustls found, in its own words or ours.
fn reason(error: &io::Error) -> String {
    let found = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match found {
        Some(rustls::Error::InvalidCertificate(rustls::CertificateError::Other(ours))) => {
            ours.0.to_string()
        }
        Some(rustls) => rustls.to_string(),
        None => error.to_string(),
    }
}
