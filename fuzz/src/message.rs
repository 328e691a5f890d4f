//! Envoy's message: the reader that borrows from the bytes, against prost.
//!
//! The two agree with these exceptions:
//!
//! - accredit reads some fifteen fields and ignores the content of every other one, which prost reads too. A second set of types
//!   with those fields alone then takes the place of Envoy's own.
//! - accredit refuses groups (wire types 3 and 4), which Envoy's messages do not have.
//! - accredit refuses more than [`MAX_ENTRIES`] headers and context extensions.

use std::collections::BTreeMap;

use accredit::envoy::request::{MAX_ENTRIES, MessageError, read};
use accredit_core::request::{Completeness, Request};
use envoy_types::pb::envoy::service::auth::v3::CheckRequest;
use prost::Message;

use super::choices::Choices;
use super::reduced_message as reduced;

/// Whether the message has a request. With 0 as the first byte the others are the message; otherwise they choose one.
pub fn check(input: &[u8]) -> bool {
    match input.split_first() {
        Some((0, message)) => judge(message),
        _ => judge(&chosen(Choices::new(input))),
    }
}

fn judge(message: &[u8]) -> bool {
    let own = read(message);
    let few = reduced::Check::decode(message);
    if let Ok(whole) = CheckRequest::decode(message) {
        let few = few.as_ref().expect("is a part of the whole message");
        assert_eq!(few.clone().comparable(), reduced::Check::from(whole));
    }
    match (&own, few) {
        (Ok(request), Ok(few)) => assert_same(request, few),
        (Ok(_), Err(error)) => panic!("only accredit reads {message:x?}: {error}"),
        (Err(MessageError::NoHttpAttributes), Ok(few)) => assert!(few.http().is_none()),
        (Err(MessageError::TooManyEntries), _) => assert!(message.len() > MAX_ENTRIES),
        (Err(MessageError::Malformed), Ok(_)) => {
            assert!(reduced::has_group(message), "only prost reads {message:x?}");
        }
        (Err(_), Err(_)) => {}
    }
    own.is_ok()
}

fn assert_same(request: &Request<'_>, few: reduced::Check) {
    let source = few.source();
    assert_eq!(request.source_address, source.0);
    assert_eq!(request.source_principal, source.1);
    let context: BTreeMap<&str, &str> = request.context.iter().copied().collect();
    assert_eq!(context.len(), request.context.len());
    assert_eq!(context, few.context());
    let http = few.http().expect("has HTTP attributes");
    assert_eq!(
        (request.method, request.scheme, request.host, request.path),
        (&*http.method, &*http.scheme, &*http.host, &*http.path)
    );
    let mut expected = http.entries();
    let is_complete = expected.iter().any(|(name, _)| name == ":method");
    assert_eq!(
        request.headers.completeness() == Completeness::Complete,
        is_complete
    );
    expected.retain(|(name, _)| !name.to_ascii_lowercase().starts_with(':'));
    let mut own: Vec<(String, Vec<u8>)> = request
        .headers
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_vec()))
        .collect();
    for (name, _) in &mut expected {
        name.make_ascii_lowercase();
    }
    if http.header_map.is_none() {
        own.sort();
        expected.sort();
    }
    assert_eq!(own, expected);
}

/// A message of fields and edits of its bytes.
fn chosen(mut choices: Choices<'_>) -> Vec<u8> {
    let mut message = message(&mut choices).encode_to_vec();
    if choices.one_in(3) {
        let other = self::message(&mut choices).encode_to_vec();
        message.extend(other);
    }
    if choices.one_in(2) {
        choices.edit(
            &mut message,
            &[
                "\n",
                "\x12\0",
                "\x1a",
                "\x0b\x0c",
                "\x6a\x02\n\0",
                "\u{80}\u{80}",
            ],
        );
    }
    message
}

fn message(choices: &mut Choices<'_>) -> reduced::Check {
    let text = |choices: &mut Choices<'_>| {
        let own = choices.text(12);
        choices
            .pick(&[
                "GET",
                "/a?b",
                "a.example",
                ":method",
                "X-A",
                "x-a",
                "",
                &own,
            ])
            .to_owned()
    };
    let header = |choices: &mut Choices<'_>| reduced::Header {
        key: text(choices),
        value: if choices.one_in(2) {
            text(choices)
        } else {
            String::new()
        },
        raw_value: choices.bytes(8).to_vec(),
    };
    let http = reduced::Http {
        method: text(choices),
        path: text(choices),
        host: text(choices),
        scheme: text(choices),
        headers: (0..choices.below(4))
            .map(|_| (text(choices), text(choices)))
            .collect(),
        header_map: choices.one_in(2).then(|| reduced::HeaderMap {
            headers: (0..choices.below(4)).map(|_| header(choices)).collect(),
        }),
    };
    let address = match choices.below(4) {
        0 => None,
        1 => Some(reduced::AddressKind::Socket(reduced::Socket {
            address: text(choices),
        })),
        2 => Some(reduced::AddressKind::Pipe(Vec::new())),
        _ => Some(reduced::AddressKind::Internal(Vec::new())),
    };
    reduced::Check {
        attributes: (!choices.one_in(8)).then(|| reduced::Attributes {
            source: choices.one_in(2).then(|| reduced::Peer {
                address: Some(reduced::Address { kind: address }),
                principal: text(choices),
                certificate: text(choices),
            }),
            request: (!choices.one_in(8))
                .then_some(reduced::AttributesRequest { http: Some(http) }),
            context_extensions: (0..choices.below(3))
                .map(|_| (text(choices), text(choices)))
                .collect(),
        }),
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = [
        &[1; 64][..],
        &[0xff; 64],
        b"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10",
    ]
    .map(<[u8]>::to_vec)
    .to_vec();
    for choice in [1_u8, 7, 85, 170, 251] {
        let bytes: Vec<u8> = (0..120_u8).map(|at| at.wrapping_mul(choice)).collect();
        seeds.push([b"\0", chosen(Choices::new(&bytes)).as_slice()].concat());
    }
    // A field without content, the largest and a too large number, a group, and two wrong wire types, one of them of the scheme.
    for message in [
        &b"\x0a\x04\x22\x02\x12\x00"[..],
        b"\xfa\xff\xff\xff\x0f\x00",
        b"\x82\x80\x80\x80\x10\x00",
        b"\x0b\x0c",
        b"\x08\x01",
        b"\x0a\x09\x22\x07\x12\x05\x35\0\0\0\0",
    ] {
        seeds.push([b"\0", message].concat());
    }
    seeds
}
