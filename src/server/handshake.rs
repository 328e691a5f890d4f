//! The TLS handshakes of one port.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;

use crate::server::connection_errors::{ConnectionErrorKind, WireReport};
use crate::server::stream::{Plain, Stream};
use crate::server::tls::ServerTls;

/// The interval of log lines about failed handshakes, which anyone can cause.
const LOG_INTERVAL: Duration = Duration::from_secs(1);

/// Performs the handshakes of a port. How many there are at a time is bounded by `max_opening`.
#[derive(Debug)]
pub(crate) struct Handshakes {
    tls: Arc<ServerTls>,
    failures: Mutex<FailureLog>,
}

#[derive(Debug, Default)]
struct FailureLog {
    logged: Option<Instant>,
    left_out: u64,
}

// === impl Handshakes ===

impl Handshakes {
    pub(crate) fn new(tls: Arc<ServerTls>) -> Self {
        Self {
            tls,
            failures: Mutex::default(),
        }
    }

    /// Performs a handshake. `None` if it failed or took longer than `limit`.
    pub(crate) async fn accept(
        &self,
        plain: Plain,
        limit: Duration,
        report: &WireReport,
    ) -> Option<Stream> {
        let handshake = TlsAcceptor::from(self.tls.config()).accept(plain);
        match timeout(limit, handshake).await {
            Ok(Ok(stream)) => return Some(Stream::Tls(Box::new(stream))),
            Ok(Err(error)) if is_plaintext(&error) => report.record(ConnectionErrorKind::Plaintext),
            Ok(Err(error)) if is_without_http2(&error) => report.record(ConnectionErrorKind::Http1),
            Ok(Err(error)) => {
                report.record(ConnectionErrorKind::Handshake);
                self.log(report.peer, &reason(&error));
            }
            Err(_) => {
                report.record(ConnectionErrorKind::Handshake);
                self.log(report.peer, "the client took too long");
            }
        }
        None
    }

    fn log(&self, peer: Option<SocketAddr>, error: &str) {
        // Counting cannot leave anything incomplete.
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures
            .logged
            .is_some_and(|logged| logged.elapsed() < LOG_INTERVAL)
        {
            failures.left_out += 1;
            return;
        }
        failures.logged = Some(Instant::now());
        let left_out = std::mem::take(&mut failures.left_out);
        let peer = peer.map(tracing::field::display);
        tracing::warn!(peer, error, left_out, "TLS handshake failed");
    }
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// Whether the first octets were no TLS record.
fn is_plaintext(error: &io::Error) -> bool {
    matches!(
        tls_error(error),
        Some(rustls::Error::InvalidMessage(
            rustls::InvalidMessage::InvalidContentType
        ))
    )
}

/// Whether the peer named its protocols (ALPN, RFC 7301), and HTTP/2 is not one of them.
fn is_without_http2(error: &io::Error) -> bool {
    matches!(tls_error(error), Some(rustls::Error::NoApplicationProtocol))
}

fn reason(error: &io::Error) -> String {
    match tls_error(error) {
        Some(rustls::Error::InvalidCertificate(rustls::CertificateError::Other(own))) => {
            own.0.to_string()
        }
        Some(rustls) => rustls.to_string(),
        None => error.to_string(),
    }
}
