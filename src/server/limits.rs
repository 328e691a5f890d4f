//! What the peers of a port may use: protocol versions, connections, streams, octets and time.

use std::time::Duration;

/// The time limit for each part of an answer to be sent while answers that peers do not read occupy much memory. An Envoy
/// that has not read an answer by then has given up its check.
pub(crate) const PRESSED_WRITE_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpVersions {
    /// HTTP/2 with prior knowledge or ALPN `h2`.
    Http2Only,
    /// HTTP/1.1, or HTTP/2 with prior knowledge or ALPN. The first octets of the connection decide.
    Http1AndHttp2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Established connections. For one more, the connection that has been idle longest is closed, or the new one if
    /// none is idle.
    pub max_connections: usize,
    /// Connections that are in the TLS handshake or have not yet sent the HTTP/2 preface. For one more, the oldest
    /// is closed.
    pub max_opening: usize,
    /// Requests in flight on one HTTP/2 connection.
    pub max_concurrent_streams: u32,
    /// Header blocks of HTTP/2 that have begun and not ended, on all connections of the port. One more waits, and the connection of
    /// a block that has been open for a second is closed for it.
    pub max_open_header_blocks: usize,
    /// Octets of the header list of one HTTP/2 request. The library answers a longer one itself with 431, which is a
    /// failed check to Envoy. Envoy copies text of its client into its calls (`tracestate`), so the limit is far above
    /// what Envoy accepts from a client.
    pub max_header_list_size: u32,
    /// Requests that the peer reset before the service saw them. One more closes the connection, and with it the
    /// checks of other clients. Envoy resets a check if its client goes away, so clients decide how many there are.
    pub max_pending_resets: usize,
    /// How often a peer has to prove by a PING that it is alive.
    pub ping_interval: Duration,
    pub ping_timeout: Duration,
    /// The time limit for the HTTP/2 preface, for a header block of HTTP/2, and for the header of each HTTP/1.1 request.
    pub opening_timeout: Duration,
    /// The time limit for the TLS handshake.
    pub handshake_timeout: Duration,
    /// How long a connection without requests in flight stays open; `None`: until the peer closes it.
    pub idle_timeout: Option<Duration>,
    /// The time limit for a peer to read what was written to it, and for each part of an answer to be sent.
    pub write_timeout: Duration,
    /// The time limit for a request message, except for `Check`, which has its own (CONTRACT 7.1.2).
    pub message_timeout: Duration,
    /// Octets of a request message, except for `Check`.
    pub max_message_size: usize,
    /// Octets of answers that wait to be sent, on all connections of the port, with 4 KiB for each answer itself. If more
    /// than half of it is in use, the time limit for a part of an answer is `PRESSED_WRITE_TIMEOUT`.
    pub max_unsent: usize,
    /// The same of one connection: so much may wait there even if `max_unsent` is reached.
    pub max_unsent_per_connection: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            max_opening: 1024,
            max_concurrent_streams: 1024,
            max_open_header_blocks: 128,
            max_header_list_size: 128 * 1024,
            max_pending_resets: 16 * 1024,
            ping_interval: Duration::from_secs(60),
            ping_timeout: Duration::from_secs(20),
            opening_timeout: Duration::from_secs(5),
            handshake_timeout: Duration::from_secs(5),
            idle_timeout: None,
            write_timeout: Duration::from_secs(10),
            message_timeout: Duration::from_secs(5),
            max_message_size: 64 * 1024,
            max_unsent: 64 * 1024 * 1024,
            max_unsent_per_connection: 256 * 1024,
        }
    }
}

impl ConnectionLimits {
    /// The limits of `admin_listen` and `probe_listen`, which have few clients with few requests each. A header field of two octets can
    /// take a hundred octets of memory, so these ports accept few headers and few requests at the same time.
    pub fn of_few() -> Self {
        Self {
            max_connections: 256,
            max_opening: 64,
            max_concurrent_streams: 8,
            max_open_header_blocks: 16,
            max_header_list_size: 16 * 1024,
            idle_timeout: Some(Duration::from_secs(60)),
            // The admin API and the console have shorter limits of their own, with better answers.
            message_timeout: Duration::from_secs(8),
            max_message_size: 1024 * 1024 + 1024,
            max_unsent: 32 * 1024 * 1024,
            ..Self::default()
        }
    }
}
