//! Reads the request of a stream as Envoy's ext_authz filter would describe it to the service.

use std::borrow::Cow;
use std::net::SocketAddr;

use accredit_core::request::{ClientCertificate, Completeness, Headers, Request};

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
    headers: Vec<RawHeader<'a>>,
    method: Cow<'a, str>,
    scheme: Cow<'a, str>,
    host: Cow<'a, str>,
    path: Cow<'a, str>,
    source_address: SourceAddress<'a>,
    source_principal: Cow<'a, str>,
    certificate_digest: Cow<'a, str>,
}

/// The origin of the address that Envoy gives for the client.
#[derive(Debug, PartialEq, Eq)]
enum SourceAddress<'a> {
    /// The connection's peer, without its port: what ext_authz sends to the service.
    OfConnection(Cow<'a, str>),
    /// A header such as `x-forwarded-for`. Envoy does not say whether it trusted the peer that sent it.
    OfHeader,
    /// The peer has no IP address, or nothing reads it.
    None,
}

impl<'a> IncomingRequest<'a> {
    /// `None` if [`HttpStream::headers`] gives none. `needs_address` says whether a rule or a value of `metadata` reads the client's address.
    pub fn read(stream: &'a impl HttpStream, needs_address: bool) -> Option<IncomingRequest<'a>> {
        let headers = stream.headers()?;
        let [mut method, mut scheme, mut host, mut path] = [None; 4];
        for (name, value) in &headers {
            if let Some(pseudo) = name.strip_prefix(':') {
                let part = match pseudo {
                    "method" => &mut method,
                    "scheme" => &mut scheme,
                    "authority" => &mut host,
                    "path" => &mut path,
                    _ => continue,
                };
                part.get_or_insert(*value);
            }
        }
        let text = |value: Option<&'a [u8]>| value.map(shown).unwrap_or_default();
        let digest = stream.property(ConnectionProperty::PeerCertificateDigest);
        let digest = text(digest);
        // Each certificate has a digest, and most connections have no certificate.
        let principal = if digest.is_empty() {
            None
        } else {
            PRINCIPALS
                .into_iter()
                .filter_map(|property| stream.property(property))
                .find(|principal| !principal.is_empty())
        };
        Some(IncomingRequest {
            method: text(method),
            scheme: text(scheme),
            host: text(host),
            path: text(path),
            source_address: needs_address
                .then(|| stream.property(ConnectionProperty::SourceAddress))
                .flatten()
                .map_or(SourceAddress::None, source_address),
            source_principal: text(principal),
            certificate_digest: digest,
            headers,
        })
    }

    /// Whether the address of the client is needed, and Envoy took it from a header in place of that of the connection's peer.
    pub fn has_forwarded_address(&self) -> bool {
        self.source_address == SourceAddress::OfHeader
    }

    pub fn request<'r>(&'r self, context: &'r [(String, String)]) -> Request<'r> {
        let context = context.iter();
        Request {
            method: &self.method,
            scheme: &self.scheme,
            host: &self.host,
            path: &self.path,
            headers: Headers::new(self.headers.iter().copied(), Completeness::Complete),
            source_address: match &self.source_address {
                SourceAddress::OfConnection(address) => address,
                SourceAddress::OfHeader | SourceAddress::None => "",
            },
            source_principal: &self.source_principal,
            source_certificate: ClientCertificate::of_digest(&self.certificate_digest),
            context: context
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect(),
            trace: None,
        }
    }
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

/// Envoy gives the address of a connection's peer with its port. To an address from a header it gives the port 0, which no
/// connection has. Observed: it reads no port in `x-forwarded-for`.
fn source_address(address: &[u8]) -> SourceAddress<'_> {
    let text = std::str::from_utf8(address).unwrap_or_default();
    match (text.parse::<SocketAddr>(), text.split_once(':')) {
        (Err(_), _) => SourceAddress::None,
        (Ok(address), _) if address.port() == 0 => SourceAddress::OfHeader,
        // An IPv4 address has one text only.
        (Ok(SocketAddr::V4(_)), Some((ip, _port))) => SourceAddress::OfConnection(ip.into()),
        (Ok(address), _) => SourceAddress::OfConnection(address.ip().to_string().into()),
    }
}
