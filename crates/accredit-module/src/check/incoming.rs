//! Reads the request of a stream as Envoy's ext_authz filter would describe it to the service.

use std::borrow::Cow;
use std::net::SocketAddr;

use accredit_core::request::{Completeness, Headers, Request};

use crate::check::http_stream::{ConnectionProperty, HttpStream, RawHeader};

/// The properties that are the principal of a peer, the first that it has: as ext_authz chooses `source.principal`.
const PRINCIPALS: [ConnectionProperty; 3] = [
    ConnectionProperty::PeerUri,
    ConnectionProperty::PeerDnsName,
    ConnectionProperty::PeerSubject,
];

/// The parts of a request, from which [`IncomingRequest::request`] borrows.
#[derive(Debug)]
pub struct IncomingRequest<'a> {
    headers: Vec<(&'a str, &'a [u8])>,
    method: Cow<'a, str>,
    scheme: Cow<'a, str>,
    host: Cow<'a, str>,
    path: Cow<'a, str>,
    source_address: String,
    source_principal: Cow<'a, str>,
}

impl<'a> IncomingRequest<'a> {
    /// `None` if Envoy does not give the headers, or gives a name that is not text.
    pub fn read(stream: &'a impl HttpStream) -> Option<IncomingRequest<'a>> {
        let headers = stream.headers()?;
        let value = |name: &str| {
            let found = headers.iter().find(|(own, _)| *own == name.as_bytes());
            found.map(|(_, value)| shown(value)).unwrap_or_default()
        };
        let principal = PRINCIPALS
            .into_iter()
            .filter_map(|property| stream.property(property))
            .find(|principal| !principal.is_empty());
        Some(IncomingRequest {
            method: value(":method"),
            scheme: value(":scheme"),
            host: value(":authority"),
            path: value(":path"),
            source_address: stream
                .property(ConnectionProperty::SourceAddress)
                .map(ip_address)
                .unwrap_or_default(),
            source_principal: principal.map(shown).unwrap_or_default(),
            headers: headers.into_iter().map(named).collect::<Option<_>>()?,
        })
    }

    pub fn request<'r>(&'r self, context: &'r [(String, String)]) -> Request<'r> {
        let context = context.iter();
        Request {
            method: &self.method,
            scheme: &self.scheme,
            host: &self.host,
            path: &self.path,
            headers: Headers::new(self.headers.iter().copied(), Completeness::Complete),
            source_address: &self.source_address,
            source_principal: &self.source_principal,
            // Envoy gives a module no certificate: tokens that are bound to one stay unproven.
            source_certificate: "",
            context: context
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect(),
        }
    }
}

fn named<'a>((name, value): RawHeader<'a>) -> Option<(&'a str, &'a [u8])> {
    Some((std::str::from_utf8(name).ok()?, value))
}

/// The text with `!` for each byte that is not UTF-8, as ext_authz shows it.
fn shown(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.into();
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '!'));
    }
    text.into()
}

/// The address without its port; empty if the client has no IP address.
fn ip_address(address: &[u8]) -> String {
    let address = std::str::from_utf8(address).ok();
    let address = address.and_then(|address| address.parse::<SocketAddr>().ok());
    address
        .map(|address| address.ip().to_string())
        .unwrap_or_default()
}
