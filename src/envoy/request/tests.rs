//! Messages as Envoy's own types encode them, and what is read of them.

use accredit_core::request::{ClientCertificate, Completeness};
use envoy_types::pb::envoy::config::core::v3::{
    Address, EnvoyInternalAddress, HeaderMap, HeaderValue, Pipe, SocketAddress, address,
};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer, Request};
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use prost::Message as _;

use super::{MessageError, read};

mod agreement;

fn attributes(http: HttpRequest) -> AttributeContext {
    let request = Request {
        http: Some(http),
        ..Default::default()
    };
    AttributeContext {
        request: Some(request),
        ..Default::default()
    }
}

fn encoded(attributes: AttributeContext) -> Vec<u8> {
    let attributes = Some(attributes);
    CheckRequest { attributes }.encode_to_vec()
}

fn message(http: HttpRequest) -> Vec<u8> {
    encoded(attributes(http))
}

fn raw(key: &str, value: &[u8]) -> HeaderValue {
    HeaderValue {
        key: key.into(),
        raw_value: value.into(),
        ..Default::default()
    }
}

fn at(address: address::Address) -> Option<Address> {
    let address = Some(address);
    Some(Address { address })
}

fn socket(text: &str) -> Option<Address> {
    at(address::Address::SocketAddress(SocketAddress {
        protocol: 1,
        address: text.into(),
        ipv4_compat: true,
        ..Default::default()
    }))
}

/// Every field that accredit reads is set, beside others.
fn full() -> AttributeContext {
    let http = HttpRequest {
        id: "7".into(),
        method: "POST".into(),
        headers: [
            (":method".into(), "POST".into()),
            ("x-a".into(), "1".into()),
        ]
        .into(),
        path: "/p?q".into(),
        host: "h.example".into(),
        scheme: "https".into(),
        size: -1,
        protocol: "HTTP/2".into(),
        body: "body".into(),
        raw_body: vec![0xff],
        ..Default::default()
    };
    let peer = |address, principal: &str| Peer {
        address,
        service: "s".into(),
        labels: [("l".into(), "v".into())].into(),
        principal: principal.into(),
        certificate: "c".into(),
    };
    AttributeContext {
        source: Some(peer(socket("10.0.0.1"), "spiffe://a")),
        destination: Some(peer(socket("10.0.0.2"), "spiffe://b")),
        context_extensions: [("tier".into(), "internal".into())].into(),
        metadata_context: Some(Default::default()),
        tls_session: Some(Default::default()),
        ..attributes(http)
    }
}

#[test]
fn every_needed_field_is_found_among_other_fields() {
    let message = encoded(full());
    let request = read(&message).expect("has attributes");
    assert_eq!(
        (request.method, request.host, request.path),
        ("POST", "h.example", "/p?q")
    );
    assert_eq!(request.headers.all("x-a").collect::<Vec<_>>(), [b"1"]);
    assert_eq!(request.headers.completeness(), Completeness::Complete);
    assert_eq!(
        (request.source_address, request.source_principal),
        ("10.0.0.1", "spiffe://a")
    );
    assert_eq!(
        (request.scheme, request.source_certificate),
        ("https", ClientCertificate::Pem("c"))
    );
    assert_eq!(request.context, [("tier", "internal")]);
}

#[test]
fn a_message_without_http_attributes_is_an_error() {
    let refused = |message: CheckRequest| read(&message.encode_to_vec()).err();
    assert_eq!(
        refused(CheckRequest::default()),
        Some(MessageError::NoHttpAttributes)
    );
    let tcp = CheckRequest {
        attributes: Some(AttributeContext::default()),
    };
    assert_eq!(refused(tcp), Some(MessageError::NoHttpAttributes));
}

#[test]
fn the_header_map_replaces_the_plain_headers() {
    let message = message(HttpRequest {
        headers: [("authorization".to_owned(), "from headers".to_owned())].into(),
        header_map: Some(HeaderMap {
            headers: vec![
                raw(":method", b"GET"),
                raw("X-A", b"\xff"),
                raw("x-a", b"2"),
                HeaderValue {
                    key: "x-b".into(),
                    value: "text".into(),
                    ..Default::default()
                },
            ],
        }),
        ..Default::default()
    });
    let request = read(&message).expect("has attributes");
    assert_eq!(request.headers.all("authorization").count(), 0);
    assert_eq!(
        request.headers.all("x-a").collect::<Vec<_>>(),
        [&b"\xff"[..], b"2"]
    );
    assert_eq!(request.headers.all("x-b").collect::<Vec<_>>(), [b"text"]);
    assert_eq!(
        request.headers.names().collect::<Vec<_>>(),
        ["x-a", "x-a", "x-b"]
    );
    assert_eq!(request.headers.completeness(), Completeness::Complete);
}

#[test]
fn headers_without_a_method_count_as_filtered() {
    let message = message(HttpRequest {
        headers: [("x-foo".to_owned(), "1".to_owned())].into(),
        ..Default::default()
    });
    let request = read(&message).expect("has attributes");
    assert_eq!(request.headers.completeness(), Completeness::Filtered);
}

#[test]
fn only_a_socket_address_gives_a_source_address() {
    let pipe = at(address::Address::Pipe(Pipe::default()));
    let internal = at(address::Address::EnvoyInternalAddress(
        EnvoyInternalAddress::default(),
    ));
    let from = |address: Option<Address>| {
        let source = Peer {
            address,
            ..Default::default()
        };
        AttributeContext {
            source: Some(source),
            ..attributes(HttpRequest::default())
        }
    };
    for (addresses, expected) in [
        (vec![None], ""),
        (vec![socket("::1")], "::1"),
        (vec![pipe.clone()], ""),
        (vec![socket("::1"), socket("::2")], "::2"),
        (vec![socket("::1"), pipe.clone()], ""),
        (vec![socket("::1"), internal], ""),
        (vec![pipe, socket("::2")], "::2"),
    ] {
        let message: Vec<u8> = addresses
            .into_iter()
            .flat_map(|a| encoded(from(a)))
            .collect();
        let request = read(&message).expect("has attributes");
        assert_eq!(request.source_address, expected);
    }
}

/// Envoy's types refuse a number in place of a message, also in a field of which accredit reads nothing.
#[test]
fn an_address_that_is_a_number_is_malformed() {
    for address in [b"\x0a\x02\x10\x01", b"\x0a\x02\x18\x01"] {
        let message = [b"\x0a\x06\x0a\x04", &address[..]].concat();
        assert!(CheckRequest::decode(&message[..]).is_err());
        assert_eq!(read(&message).err(), Some(MessageError::Malformed));
    }
}
