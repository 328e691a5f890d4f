//! The first octets of a connection.

use tokio::sync::watch;

use crate::server::connection_errors::{ConnectionErrorKind, WireReport};
use crate::server::limits::HttpVersions;

/// The HTTP/2 preface (RFC 9113 section 3.4). The shortest HTTP/1.1 request is about as long.
pub(crate) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The beginning of a connection with the PROXY protocol, version 1, which looks like a method of HTTP/1.1. Version 2 does not.
const PROXY_PROTOCOL: &[u8] = b"PROXY ";

/// Recognises the protocol of a connection.
#[derive(Debug)]
pub(crate) struct Opening {
    seen: usize,
    is_preface: bool,
    versions: HttpVersions,
    opened: watch::Sender<bool>,
}

// === impl Opening ===

impl Opening {
    /// `opened` turns true once the peer has sent as many octets as the HTTP/2 preface has.
    pub(crate) fn new(versions: HttpVersions, opened: watch::Sender<bool>) -> Self {
        Self {
            seen: 0,
            is_preface: true,
            versions,
            opened,
        }
    }

    pub(crate) fn versions(&self) -> HttpVersions {
        self.versions
    }

    /// Follows octets that have just been read, and returns those of HTTP/2 frames.
    pub(crate) fn read<'a>(&mut self, octets: &'a [u8], report: &WireReport) -> &'a [u8] {
        let preface_left = PREFACE.len().saturating_sub(self.seen);
        self.read_preface(octets, report);
        let frames = self.is_preface.then(|| octets.get(preface_left..));
        frames.flatten().unwrap_or_default()
    }

    fn read_preface(&mut self, octets: &[u8], report: &WireReport) {
        let Some(expected) = PREFACE.get(self.seen..).filter(|rest| !rest.is_empty()) else {
            return;
        };
        let is_preface = octets.iter().zip(expected).all(|(own, other)| own == other);
        if self.is_preface && !is_preface {
            self.is_preface = false;
            // The octets before these are those of the preface.
            let first = if self.seen == 0 { octets } else { PREFACE };
            match (first.first(), self.versions) {
                (Some(0x16), _) => report.record(ConnectionErrorKind::Tls),
                (_, HttpVersions::Http1AndHttp2) => {}
                _ if first.starts_with(PROXY_PROTOCOL) => {
                    report.record(ConnectionErrorKind::UnknownProtocol);
                }
                (Some(b'A'..=b'Z'), _) => report.record(ConnectionErrorKind::Http1),
                _ => report.record(ConnectionErrorKind::UnknownProtocol),
            }
        }
        self.seen += octets.len();
        if self.seen >= PREFACE.len() {
            self.opened.send_replace(true);
        }
    }
}
