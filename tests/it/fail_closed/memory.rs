//! Messages of very many parts: what they would become is more than what they are.

use accredit_core::config::listen_addr::ListenAddr;
use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue, Metadata};
use envoy_types::pb::envoy::service::auth::v3::CheckRequest;
use envoy_types::pb::google::protobuf::{ListValue, Struct, Value, value::Kind};
use prost::Message as _;

use crate::support::check_request::{ClientRequest, HeaderForm, message};
use crate::support::eventually::eventually;
use crate::support::http2_client::whole;
use crate::support::keys::{rsa, set};
use crate::support::process::{Running, accredit};
use crate::support::raw_call::{RawConnection, call_of, framed};
use crate::support::service::inline_issuer;

use super::common::{ISSUER, good, length, service};

/// The maximum number of headers and context entries in a message.
const MOST: usize = 10_000;

/// The ways in which a good check can have further entries.
const TELLERS: [fn(usize) -> CheckRequest; 3] = [in_header_map, in_headers, in_context];

fn in_header_map(entries: usize) -> CheckRequest {
    let mut request = good().message_in(HeaderForm::HeaderMap);
    let own = http(&mut request).header_map.as_mut().unwrap();
    let more = entries - own.headers.len();
    own.headers
        .extend(std::iter::repeat_n(HeaderValue::default(), more));
    request
}

fn in_headers(entries: usize) -> CheckRequest {
    let mut request = good().message_in(HeaderForm::Headers);
    let own = &mut http(&mut request).headers;
    let more = entries - own.len();
    own.extend((0..more).map(|number| (format!("x{number}"), String::new())));
    request
}

fn in_context(entries: usize) -> CheckRequest {
    let mut request = good().message_in(HeaderForm::HeaderMap);
    let own = http(&mut request)
        .header_map
        .as_ref()
        .unwrap()
        .headers
        .len();
    let context = (own..entries).map(|number| (format!("x{number}"), String::new()));
    request.attributes.as_mut().unwrap().context_extensions = context.collect();
    request
}

fn http(
    request: &mut CheckRequest,
) -> &mut envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest {
    let attributes = request.attributes.as_mut().unwrap();
    attributes.request.as_mut().unwrap().http.as_mut().unwrap()
}

#[tokio::test]
async fn a_check_with_too_many_entries_is_refused() {
    let service = service("").await;
    let envoy = service.envoy().await;
    for (number, result) in TELLERS.into_iter().enumerate() {
        assert!(envoy.check(result(MOST)).await.is_admission(), "{number}");
        let answer = envoy.check(result(MOST + 1)).await;
        assert_eq!(answer.reason(), "invalid_request", "{number}");
        assert_eq!((answer.code, answer.http), (3, 400), "{number}");
    }
}

/// Some 4 MiB, of nothing but empty entries of two bytes each.
fn empty_entries() -> Vec<u8> {
    let headers = vec![HeaderValue::default(); 2_000_000];
    let mut request = message(Default::default());
    http(&mut request).header_map = Some(HeaderMap { headers });
    request.encode_to_vec()
}

/// About 4 MiB of metadata, which Envoy can send and accredit does not read, beside a good token.
fn metadata() -> Vec<u8> {
    let list = ListValue {
        values: vec![Value::default(); 2_000_000],
    };
    let list = Value {
        kind: Some(Kind::ListValue(list)),
    };
    let fields = [("x".to_owned(), list)].into();
    let mut request = CheckRequest::from(good());
    request.attributes.as_mut().unwrap().metadata_context = Some(Metadata {
        filter_metadata: [("x".to_owned(), Struct { fields })].into(),
        ..Metadata::default()
    });
    request.encode_to_vec()
}

#[tokio::test]
async fn a_check_with_many_parts_takes_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    let issuer = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "");
    let ports = "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n";
    std::fs::write(&file, format!("{ports}issuers:\n{issuer}")).unwrap();
    let path = file.to_str().unwrap();
    let mut running = Running::start(&mut accredit(&["serve", "--config", path])).await;
    running.wait_for_line("\"ready\"").await;
    running.hear();
    assert!(running.check(good()).await.is_admission());
    let before = running.most_memory();
    for (message, reason) in [
        (empty_entries(), "invalid_request"),
        (metadata(), "allowed"),
    ] {
        let mut connection = RawConnection::open(&ListenAddr::Tcp(running.checks)).await;
        let bytes = framed(0, length(&message), &message);
        for _ in 0..4 {
            eventually("a message is read", async || {
                let answer = connection.send(call_of(whole(bytes.clone()))).await;
                // On a busy machine the message can arrive later than the service waits for it.
                let is_late = answer.reason() == "internal_error";
                (!is_late).then(|| assert_eq!(answer.reason(), reason))
            })
            .await;
        }
    }
    // Decoded whole, one of these takes more than that.
    let grown = running.most_memory().saturating_sub(before);
    println!("grown by {} KiB", grown / 1024);
    assert!(
        grown < 128 * 1024 * 1024,
        "grown by {} MiB",
        grown / 1024 / 1024
    );
    assert!(running.check(ClientRequest::plain()).await.reason() == "missing_token");
}
