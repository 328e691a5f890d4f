//! Counts and reports connections that spoke the wrong protocol or broke a limit (CONTRACT 6.4.1 and 6.5.4).

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The interval of the warnings of one kind.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// What was wrong with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionErrorKind {
    /// HTTP/1.1 on a port of HTTP/2.
    Http1,
    /// A TLS handshake on a port without TLS.
    Tls,
    /// Plain text on a port with TLS.
    Plaintext,
    /// Neither HTTP nor TLS.
    UnknownProtocol,
    /// HTTP/2 that the library answers with a stream error: an `:authority` that is not a host, for example.
    MalformedRequest,
    /// A request with trailers. gRPC has none (its requests end with the message), and the library would keep them in memory.
    RequestTrailers,
    /// The frame PUSH_PROMISE, which only a server may send.
    PushPromise,
    /// HTTP/2 that is not gRPC, on a port of gRPC.
    NotGrpc,
    /// A TLS handshake that failed for another reason than [`ConnectionErrorKind::Plaintext`].
    Handshake,
    /// No request came in time.
    OpeningTimeout,
    /// The peer did not end the header block of a request in time, or too many peers had begun one.
    OpenHeaderBlock,
    /// The peer did not read its answers in time.
    UnreadAnswers,
    /// The connection limit was reached, and no connection was idle.
    TooManyConnections,
}

/// The errors of one port.
#[derive(Debug)]
pub struct ConnectionErrors {
    port: &'static str,
    kinds: [KindOfError; ConnectionErrorKind::ALL.len()],
}

#[derive(Debug, Default)]
struct KindOfError {
    count: AtomicU64,
    warned: Mutex<Option<Instant>>,
}

/// Where the errors of one connection are counted.
#[derive(Clone, Debug)]
pub(crate) struct WireReport {
    pub(crate) errors: Arc<ConnectionErrors>,
    pub(crate) peer: Option<SocketAddr>,
}

// === impl ConnectionErrorKind ===

impl ConnectionErrorKind {
    pub const ALL: [Self; 13] = [
        Self::Http1,
        Self::Tls,
        Self::Plaintext,
        Self::UnknownProtocol,
        Self::MalformedRequest,
        Self::RequestTrailers,
        Self::PushPromise,
        Self::NotGrpc,
        Self::Handshake,
        Self::OpeningTimeout,
        Self::OpenHeaderBlock,
        Self::UnreadAnswers,
        Self::TooManyConnections,
    ];

    /// The value of the label `kind`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http1 => "http1",
            Self::Tls => "tls",
            Self::Plaintext => "plaintext",
            Self::UnknownProtocol => "unknown_protocol",
            Self::MalformedRequest => "malformed_request",
            Self::RequestTrailers => "request_trailers",
            Self::PushPromise => "push_promise",
            Self::NotGrpc => "not_grpc",
            Self::Handshake => "handshake",
            Self::OpeningTimeout => "opening_timeout",
            Self::OpenHeaderBlock => "open_header_block",
            Self::UnreadAnswers => "unread_answers",
            Self::TooManyConnections => "too_many_connections",
        }
    }

    /// What the operator can do; `None` if there is no warning of this kind.
    fn advice(self) -> Option<&'static str> {
        match self {
            Self::Http1 => Some(
                "the peer speaks HTTP/1.1, and this port HTTP/2 only: set http2_protocol_options for the cluster of accredit in Envoy",
            ),
            Self::Tls => Some(
                "the peer speaks TLS, and this port does not: set tls in the configuration, or remove the transport_socket of the cluster of accredit in Envoy",
            ),
            Self::Plaintext => Some(
                "the peer does not speak TLS, and this port requires it: set a TLS transport_socket for the cluster of accredit in Envoy",
            ),
            Self::UnknownProtocol => Some(
                "the peer speaks neither HTTP nor TLS: if it is Envoy, remove upstream_proxy_protocol from the transport_socket of the cluster of accredit; otherwise check which service calls this port",
            ),
            Self::MalformedRequest => Some(
                "HTTP/2 refused a request as malformed: if its :authority is not a host name, set grpc_service.envoy_grpc.authority to one in Envoy, for example accredit; if it is a gRPC health check, set grpc_health_check.authority, or check /readyz over HTTP instead",
            ),
            Self::RequestTrailers => Some(
                "the peer sent trailers after a request, which no gRPC client does: check which service calls this port",
            ),
            Self::PushPromise => Some(
                "the peer sent PUSH_PROMISE, which only an HTTP/2 server may send: check which service calls this port",
            ),
            Self::NotGrpc => Some(
                "the peer sent an HTTP request that is not a gRPC call, and no such request is admitted: in Envoy, set grpc_service in place of http_service in the ext_authz filter (Istio: envoyExtAuthzGrpc; Envoy Gateway: extAuth.grpc), and grpc_health_check in place of http_health_check",
            ),
            Self::OpenHeaderBlock => Some(
                "the peer began the headers of a request and did not end them: check which service calls this port",
            ),
            Self::UnreadAnswers => {
                Some("the peer does not read its answers: check the service that calls this port")
            }
            Self::TooManyConnections => {
                Some("the connection limit is reached: check which services call this port")
            }
            // Handshakes have log lines of their own. A connection that stays silent may be a TCP probe.
            Self::Handshake | Self::OpeningTimeout => None,
        }
    }
}

// === impl ConnectionErrors ===

impl ConnectionErrors {
    /// `port` is the configuration key of the port's address.
    pub fn new(port: &'static str) -> Self {
        Self {
            port,
            kinds: Default::default(),
        }
    }

    /// The configuration key of the port's address.
    pub(crate) fn port(&self) -> &'static str {
        self.port
    }

    /// The label values and the count of each kind.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let kinds = ConnectionErrorKind::ALL.into_iter().zip(&self.kinds);
        kinds.map(|(kind, of_kind)| {
            let count = of_kind.count.load(Ordering::Relaxed);
            (self.port, kind.as_str(), count)
        })
    }

    /// Counts an error, and logs it at most once per minute and kind.
    pub(crate) fn record(&self, kind: ConnectionErrorKind, peer: Option<SocketAddr>) {
        let kinds = ConnectionErrorKind::ALL.iter().zip(&self.kinds);
        let Some((_, of_kind)) = kinds.into_iter().find(|(own, _)| **own == kind) else {
            return;
        };
        of_kind.count.fetch_add(1, Ordering::Relaxed);
        let Some(advice) = kind.advice() else {
            return;
        };
        let mut warned = of_kind
            .warned
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if warned.is_some_and(|warned| warned.elapsed() < WARNING_INTERVAL) {
            return;
        }
        *warned = Some(Instant::now());
        let peer = peer.map(tracing::field::display);
        tracing::warn!(
            port = self.port,
            peer,
            kind = kind.as_str(),
            advice,
            "connection error"
        );
    }
}

// === impl WireReport ===

impl WireReport {
    pub(crate) fn record(&self, kind: ConnectionErrorKind) {
        self.errors.record(kind, self.peer);
    }
}

#[cfg(test)]
mod tests {
    use super::{ConnectionErrorKind, ConnectionErrors};

    #[test]
    fn each_kind_is_counted_by_itself() {
        let errors = ConnectionErrors::new("listen");
        for (times, kind) in ConnectionErrorKind::ALL.into_iter().enumerate() {
            for _ in 0..times {
                errors.record(kind, None);
            }
        }
        let expected = ConnectionErrorKind::ALL.into_iter().enumerate();
        assert!(errors.counts().eq(expected.map(|(times, kind)| (
            "listen",
            kind.as_str(),
            times as u64
        ))));
    }
}
