//! `envoy.service.auth.v3.CheckRequest` with the fields that accredit reads, and no others.

use std::collections::{BTreeMap, HashMap};

use envoy_types::pb::envoy::config::core::v3 as core;
use envoy_types::pb::envoy::service::auth::v3 as auth;
use prost::{Message, Oneof};

#[derive(Clone, PartialEq, Message)]
pub struct Check {
    #[prost(message, optional, tag = "1")]
    pub attributes: Option<Attributes>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Attributes {
    #[prost(message, optional, tag = "1")]
    pub source: Option<Peer>,
    #[prost(message, optional, tag = "4")]
    pub request: Option<AttributesRequest>,
    #[prost(map = "string, string", tag = "10")]
    pub context_extensions: HashMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Peer {
    #[prost(message, optional, tag = "1")]
    pub address: Option<Address>,
    #[prost(string, tag = "4")]
    pub principal: String,
    #[prost(string, tag = "5")]
    pub certificate: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Address {
    #[prost(oneof = "AddressKind", tags = "1, 2, 3")]
    pub kind: Option<AddressKind>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum AddressKind {
    #[prost(message, tag = "1")]
    Socket(Socket),
    #[prost(bytes = "vec", tag = "2")]
    Pipe(Vec<u8>),
    #[prost(bytes = "vec", tag = "3")]
    Internal(Vec<u8>),
}

#[derive(Clone, PartialEq, Message)]
pub struct Socket {
    #[prost(string, tag = "2")]
    pub address: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct AttributesRequest {
    #[prost(message, optional, tag = "2")]
    pub http: Option<Http>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Http {
    #[prost(string, tag = "2")]
    pub method: String,
    #[prost(map = "string, string", tag = "3")]
    pub headers: HashMap<String, String>,
    #[prost(string, tag = "4")]
    pub path: String,
    #[prost(string, tag = "5")]
    pub host: String,
    #[prost(string, tag = "6")]
    pub scheme: String,
    #[prost(message, optional, tag = "13")]
    pub header_map: Option<HeaderMap>,
}

#[derive(Clone, PartialEq, Message)]
pub struct HeaderMap {
    #[prost(message, repeated, tag = "1")]
    pub headers: Vec<Header>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Header {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, tag = "2")]
    pub value: String,
    #[prost(bytes = "vec", tag = "3")]
    pub raw_value: Vec<u8>,
}

impl Check {
    pub fn http(&self) -> Option<&Http> {
        self.attributes.as_ref()?.request.as_ref()?.http.as_ref()
    }

    /// The address and the principal of the peer.
    pub fn source(&self) -> (&str, &str) {
        let source = self
            .attributes
            .as_ref()
            .and_then(|attributes| attributes.source.as_ref());
        let kind = source.and_then(|peer| peer.address.as_ref()?.kind.as_ref());
        let address = match kind {
            Some(AddressKind::Socket(socket)) => &socket.address,
            _ => "",
        };
        (address, source.map_or("", |peer| &peer.principal))
    }

    pub fn context(&self) -> BTreeMap<&str, &str> {
        let attributes = self.attributes.iter();
        let entries = attributes.flat_map(|attributes| &attributes.context_extensions);
        entries
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }

    /// The same without the content of addresses that are no socket's.
    #[must_use]
    pub fn comparable(mut self) -> Check {
        let attributes = self.attributes.as_mut();
        let peer = attributes.and_then(|attributes| attributes.source.as_mut());
        let kind = peer.and_then(|peer| peer.address.as_mut()?.kind.as_mut());
        if let Some(AddressKind::Pipe(content) | AddressKind::Internal(content)) = kind {
            content.clear();
        }
        self
    }
}

impl Http {
    /// The headers that accredit reads: those of `header_map` if it is there (CONTRACT 4.11.1).
    pub fn entries(&self) -> Vec<(String, Vec<u8>)> {
        match &self.header_map {
            Some(map) => map.headers.iter().map(Header::entry).collect(),
            None => {
                let headers = self.headers.iter();
                headers
                    .map(|(name, value)| (name.clone(), value.clone().into_bytes()))
                    .collect()
            }
        }
    }
}

impl Header {
    /// The name and the value, which is in `value` or in `raw_value`.
    pub fn entry(&self) -> (String, Vec<u8>) {
        let value = match self.raw_value.is_empty() {
            false => self.raw_value.clone(),
            true => self.value.clone().into_bytes(),
        };
        (self.key.clone(), value)
    }
}

impl From<auth::CheckRequest> for Check {
    fn from(whole: auth::CheckRequest) -> Check {
        Check {
            attributes: whole.attributes.map(Attributes::from),
        }
    }
}

impl From<auth::AttributeContext> for Attributes {
    fn from(whole: auth::AttributeContext) -> Attributes {
        Attributes {
            source: whole.source.map(Peer::from),
            request: whole.request.map(|request| AttributesRequest {
                http: request.http.map(Http::from),
            }),
            context_extensions: whole.context_extensions.into_iter().collect(),
        }
    }
}

impl From<auth::attribute_context::Peer> for Peer {
    fn from(whole: auth::attribute_context::Peer) -> Peer {
        let kind = |address: core::Address| match address.address? {
            core::address::Address::SocketAddress(socket) => Some(AddressKind::Socket(Socket {
                address: socket.address,
            })),
            core::address::Address::Pipe(_) => Some(AddressKind::Pipe(Vec::new())),
            core::address::Address::EnvoyInternalAddress(_) => {
                Some(AddressKind::Internal(Vec::new()))
            }
        };
        Peer {
            address: whole.address.map(|address| Address {
                kind: kind(address),
            }),
            principal: whole.principal,
            certificate: whole.certificate,
        }
    }
}

impl From<auth::attribute_context::HttpRequest> for Http {
    fn from(whole: auth::attribute_context::HttpRequest) -> Http {
        let header = |header: core::HeaderValue| Header {
            key: header.key,
            value: header.value,
            raw_value: header.raw_value.to_vec(),
        };
        Http {
            method: whole.method,
            headers: whole.headers.into_iter().collect(),
            path: whole.path,
            host: whole.host,
            scheme: whole.scheme,
            header_map: whole.header_map.map(|map| HeaderMap {
                headers: map.headers.into_iter().map(header).collect(),
            }),
        }
    }
}

/// The fields of a message that are messages themselves.
struct Nested(&'static [(u64, Nested)]);

const ENTRY: Nested = Nested(&[]);
const HTTP: Nested = Nested(&[(3, ENTRY), (13, Nested(&[(1, Nested(&[]))]))]);
const PEER: Nested = Nested(&[(1, Nested(&[(1, Nested(&[]))]))]);
const CHECK: Nested = Nested(&[(
    1,
    Nested(&[(1, PEER), (4, Nested(&[(2, HTTP)])), (10, ENTRY)]),
)]);

/// Whether a message that can be read has a group.
pub fn has_group(message: &[u8]) -> bool {
    finds_group(message, &CHECK).unwrap_or_default()
}

fn finds_group(message: &[u8], nested: &Nested) -> Option<bool> {
    let mut rest = message;
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        let length = match key & 7 {
            0 => varint(&mut rest).map(|_| 0)?,
            1 => 8,
            2 => usize::try_from(varint(&mut rest)?).ok()?,
            5 => 4,
            3 | 4 => return Some(true),
            _ => return None,
        };
        let (content, after) = rest.split_at_checked(length)?;
        rest = after;
        let below = nested.0.iter().find(|(number, _)| *number == key >> 3);
        if let Some((_, below)) = below.filter(|_| key & 7 == 2)
            && finds_group(content, below)?
        {
            return Some(true);
        }
    }
    Some(false)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    prost::encoding::decode_varint(rest).ok()
}
