//! `CheckRequest` messages as Envoy sends them for a request to the API.

use envoy_types::pb::envoy::config::core::v3::{
    Address, HeaderMap, HeaderValue, SocketAddress, address,
};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer, Request};
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};

/// A client's request to the API.
#[derive(Clone)]
pub struct ClientRequest {
    method: String,
    path: String,
    host: String,
    headers: Vec<(String, Vec<u8>)>,
    context: Vec<(String, String)>,
    source: Option<(String, String)>,
    certificate: String,
}

/// The member of the message in which Envoy sends the headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderForm {
    /// In `headers`.
    Headers,
    /// In `header_map`, as with `encode_raw_headers: true`.
    HeaderMap,
}

/// Both forms.
pub const HEADER_FORMS: [HeaderForm; 2] = [HeaderForm::Headers, HeaderForm::HeaderMap];

impl ClientRequest {
    /// A `GET /things?q=1` without a token.
    pub fn plain() -> ClientRequest {
        ClientRequest {
            method: "GET".to_owned(),
            path: "/things?q=1".to_owned(),
            host: "api.test".to_owned(),
            headers: Vec::new(),
            context: Vec::new(),
            source: None,
            certificate: String::new(),
        }
    }

    /// The same request with a bearer token.
    pub fn bearer(token: &str) -> ClientRequest {
        ClientRequest::plain().header("authorization", format!("Bearer {token}"))
    }

    /// With another path.
    pub fn path(mut self, path: &str) -> ClientRequest {
        path.clone_into(&mut self.path);
        self
    }

    /// With another method and path.
    pub fn to(mut self, method: &str, path: &str) -> ClientRequest {
        self.method = method.to_owned();
        self.path = path.to_owned();
        self
    }

    /// With another host.
    pub fn at(mut self, host: &str) -> ClientRequest {
        self.host = host.to_owned();
        self
    }

    /// With one more entry of `context_extensions`, as a route sets it.
    pub fn on_route(mut self, name: &str, value: &str) -> ClientRequest {
        self.context.push((name.to_owned(), value.to_owned()));
        self
    }

    /// From a peer with this address, and this name in its certificate.
    pub fn from(mut self, address: &str, principal: &str) -> ClientRequest {
        self.source = Some((address.to_owned(), principal.to_owned()));
        self
    }

    /// On a connection with this client certificate (PEM).
    pub fn certificate(mut self, pem: &str) -> ClientRequest {
        let encoded = pem.bytes().map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        });
        self.certificate = encoded.collect();
        if self.source.is_none() {
            self.source = Some((String::new(), String::new()));
        }
        self
    }

    /// With one more header.
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> ClientRequest {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Envoy's message. In `headers`, repeated headers are joined by a comma, as Envoy joins them.
    pub fn message_in(&self, header_form: HeaderForm) -> CheckRequest {
        let mut all = vec![
            (":authority".to_owned(), self.host.clone().into_bytes()),
            (":method".to_owned(), self.method.clone().into_bytes()),
            (":path".to_owned(), self.path.clone().into_bytes()),
            (":scheme".to_owned(), b"https".to_vec()),
        ];
        all.extend(self.headers.iter().cloned());
        let mut http = HttpRequest {
            id: "1234".to_owned(),
            method: self.method.clone(),
            path: self.path.clone(),
            host: self.host.clone(),
            scheme: "https".to_owned(),
            protocol: "HTTP/1.1".to_owned(),
            ..HttpRequest::default()
        };
        match header_form {
            HeaderForm::Headers => {
                for (name, value) in all {
                    let value = String::from_utf8_lossy(&value).replace('\u{fffd}', "!");
                    http.headers
                        .entry(name)
                        .and_modify(|own| *own = format!("{own},{value}"))
                        .or_insert(value);
                }
            }
            HeaderForm::HeaderMap => {
                let headers = all.into_iter().map(|(key, raw_value)| HeaderValue {
                    key,
                    raw_value,
                    ..HeaderValue::default()
                });
                http.header_map = Some(HeaderMap {
                    headers: headers.collect(),
                });
            }
        }
        let mut message = message(http);
        if let Some(attributes) = &mut message.attributes {
            attributes.context_extensions = self.context.iter().cloned().collect();
            attributes.source = self.source.as_ref().map(|(address, principal)| Peer {
                address: Some(Address {
                    address: Some(address::Address::SocketAddress(SocketAddress {
                        address: address.clone(),
                        ..SocketAddress::default()
                    })),
                }),
                principal: principal.clone(),
                certificate: self.certificate.clone(),
                ..Peer::default()
            });
        }
        message
    }
}

/// A message with these HTTP attributes.
pub fn message(http: HttpRequest) -> CheckRequest {
    CheckRequest {
        attributes: Some(AttributeContext {
            request: Some(Request {
                http: Some(http),
                ..Request::default()
            }),
            ..AttributeContext::default()
        }),
    }
}

impl From<ClientRequest> for CheckRequest {
    fn from(client_request: ClientRequest) -> CheckRequest {
        client_request.message_in(HeaderForm::Headers)
    }
}
