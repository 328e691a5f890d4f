//! Changed messages are read as Envoy's own types read them.

use accredit_core::request::ClientCertificate;
use envoy_types::pb::envoy::config::core::v3::{HeaderMap, address};
use envoy_types::pb::envoy::service::auth::v3::CheckRequest;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;
use prost::Message as _;

use super::{encoded, full, message, raw};
use crate::envoy::request::{MessageError, read};

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
