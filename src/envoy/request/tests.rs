//! Messages as Envoy's own types encode them, read as those types would be.

use accredit_core::request::{ClientCertificate, Completeness};
use envoy_types::pb::envoy::config::core::v3::{
    Address, EnvoyInternalAddress, HeaderMap, HeaderValue, Pipe, SocketAddress, address,
};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer, Request};
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use prost::Message as _;

use super::{MessageError, read};

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

/// A message that is cut, changed or joined is read as the generated types read it, or refused. A message that they
/// refuse because of a field that accredit does not need can be read.
#[test]
fn the_request_reader_agrees_with_the_generated_types() {
    let mut headers = full();
    headers.tls_session = None;
    let mut with_map = full();
    if let Some(http) = with_map.request.as_mut().and_then(|it| it.http.as_mut()) {
        let headers = vec![
            raw(":method", b"GET"),
            raw("x-a", b"\xff"),
            raw("x-a", b"2"),
        ];
        http.header_map = Some(HeaderMap { headers });
    }
    let [first, second] = [headers, with_map].map(encoded);
    let joined = [first.clone(), second.clone(), first.clone()].concat();
    let mut compared = 0;
    for original in [first, second, joined] {
        for at in 0..original.len() {
            for byte in [0, 1, 2, 0x0a, 0x12, 0x1a, 0x7f, 0x80, 0xff] {
                let mut changed = original.clone();
                changed[at] = byte;
                compared += usize::from(agrees(&changed));
            }
            compared += usize::from(agrees(&original[..at]));
        }
    }
    assert!(compared > 1000, "{compared}");
}

/// Short entries are read in another way than long ones and those of another form.
#[test]
fn a_changed_header_of_any_length_is_read_as_the_generated_types_read_it() {
    let mut compared = 0;
    for value in ["", "é", &"é".repeat(63), &"x".repeat(127), &"x".repeat(128)] {
        let named = |name: &str| HttpRequest {
            headers: [(name.to_owned(), value.to_owned())].into(),
            ..HttpRequest::default()
        };
        let mapped = |name: &str| HttpRequest {
            header_map: Some(HeaderMap {
                headers: vec![raw(name, value.as_bytes())],
            }),
            ..HttpRequest::default()
        };
        for name in ["", "x-a", "é"] {
            for original in [message(named(name)), message(mapped(name))] {
                for at in 0..original.len() {
                    for byte in [0, 1, 2, 0x0a, 0x12, 0x1a, 0x7f, 0x80, 0xa9, 0xc3] {
                        let mut changed = original.clone();
                        changed[at] = byte;
                        compared += usize::from(agrees(&changed));
                    }
                }
            }
        }
    }
    assert!(compared > 1000, "{compared}");
}

#[test]
fn of_repeated_names_the_last_counts_among_few_and_among_many() {
    for count in [2, 16, 17, 31, 32, 33, 100] {
        let http = |value: &str| HttpRequest {
            headers: (0..count)
                .map(|number| (format!("x-{number}"), value.to_owned()))
                .collect(),
            ..Default::default()
        };
        let joined = [message(http("first")), message(http("last"))].concat();
        assert!(agrees(&joined), "{count}");
        let headers = read(&joined).expect("is a message").headers;
        assert_eq!(headers.iter().count(), count);
        assert!(headers.iter().all(|(_, value)| value == b"last"));
    }
}

fn agrees(bytes: &[u8]) -> bool {
    let Ok(theirs) = CheckRequest::decode(bytes) else {
        return false;
    };
    let attributes = theirs.attributes.unwrap_or_default();
    let Some(http) = attributes.request.and_then(|request| request.http) else {
        assert_eq!(read(bytes).err(), Some(MessageError::NoHttpAttributes));
        return true;
    };
    let ours = match read(bytes) {
        Ok(ours) => ours,
        // They pass over groups.
        Err(error) => {
            assert_eq!(error, MessageError::Malformed);
            return false;
        }
    };
    let source = attributes.source.unwrap_or_default();
    let address = match source.address.and_then(|address| address.address) {
        Some(address::Address::SocketAddress(address)) => address.address,
        _ => String::new(),
    };
    assert_eq!(
        (ours.method, ours.host, ours.path),
        (&*http.method, &*http.host, &*http.path)
    );
    assert_eq!(
        (ours.source_address, ours.source_principal),
        (&*address, &*source.principal)
    );
    assert_eq!(
        (ours.scheme, ours.source_certificate),
        (
            &*http.scheme,
            ClientCertificate::of_pem(&source.certificate)
        )
    );
    let mut context: Vec<_> = attributes.context_extensions.iter().collect();
    context.sort();
    let mut own_context = ours.context.clone();
    own_context.sort_unstable();
    assert!(
        own_context
            .iter()
            .map(|(n, v)| (*n, *v))
            .eq(context.iter().map(|(n, v)| (n.as_str(), v.as_str())))
    );
    let lower = |name: &str| name.to_ascii_lowercase();
    let mut expected: Vec<(String, Vec<u8>)> = match http.header_map {
        Some(map) => map
            .headers
            .into_iter()
            .map(|header| match header.raw_value.is_empty() {
                true => (lower(&header.key), header.value.into_bytes()),
                false => (lower(&header.key), header.raw_value),
            })
            .collect(),
        None => http
            .headers
            .into_iter()
            .map(|(name, value)| (lower(&name), value.into_bytes()))
            .collect(),
    };
    expected.retain(|(name, _)| !name.starts_with(':'));
    expected.sort();
    let mut headers: Vec<_> = ours
        .headers
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_vec()))
        .collect();
    headers.sort();
    assert_eq!(headers, expected);
    true
}
