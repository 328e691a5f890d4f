//! Messages that cannot be read, or do not come.

use envoy_types::pb::envoy::service::auth::v3::CheckRequest;
use http::Method;
use prost::Message as _;

use crate::support::check_request::{ClientRequest, HeaderForm};
use crate::support::http2_client::whole;
use crate::support::raw_call::{RawConnection, call_of, framed, framed_check, withheld};

use super::common::{good, length, service};

/// The largest message.
const LIMIT: usize = 4 * 1024 * 1024;

/// A check of a good token whose message is exactly that long.
fn padded(total: usize) -> Vec<u8> {
    let encoded = |padding: usize| {
        let request = good().header("x-padding", vec![b'x'; padding]);
        request.message_in(HeaderForm::HeaderMap).encode_to_vec()
    };
    let overhead = encoded(total - 4096).len() - (total - 4096);
    let message = encoded(total - overhead);
    assert_eq!(message.len(), total);
    message
}

#[tokio::test]
async fn an_unreadable_check_is_refused_without_a_grpc_error() {
    let service = service("").await;
    let mut connection = RawConnection::open(&service.checks).await;
    let message = CheckRequest::from(good()).encode_to_vec();
    let attributes_alone = CheckRequest {
        attributes: Some(Default::default()),
    };
    // A string that is not UTF-8, and a message that nests without end.
    let not_utf8 = {
        let marked = CheckRequest::from(good().header("x-mark", "MARK")).encode_to_vec();
        let at = marked
            .windows(4)
            .position(|window| window == b"MARK")
            .unwrap();
        let mut bytes = marked;
        bytes[at] = 0xff;
        bytes
    };
    let nested = {
        let mut bytes = Vec::new();
        for _ in 0..2000 {
            let mut outer = vec![0x0a];
            prost::encoding::encode_varint(bytes.len() as u64, &mut outer);
            outer.extend_from_slice(&bytes);
            bytes = outer;
        }
        bytes
    };
    let cases = [
        (
            "rubbish",
            framed(0, 4, b"\xff\xff\xff\xff"),
            "invalid_request",
        ),
        (
            "cut off within",
            framed(0, length(&message) - 1, &message[..message.len() - 1]),
            "invalid_request",
        ),
        (
            "not UTF-8",
            framed(0, length(&not_utf8), &not_utf8),
            "invalid_request",
        ),
        (
            "nested",
            framed(0, length(&nested), &nested),
            "invalid_request",
        ),
        ("empty", framed(0, 0, b""), "invalid_request"),
        ("no HTTP", framed_check(attributes_alone), "invalid_request"),
        (
            "compressed",
            framed(1, length(&message), &message),
            "invalid_request",
        ),
        (
            "an odd flag",
            framed(255, length(&message), &message),
            "invalid_request",
        ),
        (
            "too large",
            framed(0, u32::try_from(LIMIT).unwrap() + 1, b"x"),
            "invalid_request",
        ),
        (
            "far too large",
            framed(0, u32::MAX, b"x"),
            "invalid_request",
        ),
        ("no message", Vec::new().into(), "internal_error"),
        ("half a prefix", vec![0, 0, 0].into(), "internal_error"),
        (
            "half a message",
            framed(0, length(&message), &message[..9]),
            "internal_error",
        ),
    ];
    for (thing, bytes, reason) in cases {
        let answer = connection.send(call_of(whole(bytes))).await;
        assert_eq!(answer.reason(), reason, "{thing}");
        let expected = if reason == "invalid_request" {
            (3, 400)
        } else {
            (14, 503)
        };
        assert_eq!((answer.code, answer.http), expected, "{thing}");
    }
    let answer = connection.send(call_of(whole(framed_check(good())))).await;
    assert!(answer.is_admission(), "the connection is as good as before");
}

#[tokio::test]
async fn a_check_larger_than_the_limit_is_refused() {
    let service = service("").await;
    let mut connection = RawConnection::open(&service.checks).await;
    for (size, reason) in [(LIMIT, "allowed"), (LIMIT + 1, "invalid_request")] {
        let message = padded(size);
        let bytes = framed(0, length(&message), &message);
        let answer = connection.send(call_of(whole(bytes))).await;
        assert_eq!(answer.reason(), reason, "{size}");
    }
}

#[tokio::test]
async fn unusual_call_headers_do_not_change_the_answer() {
    let service = service("").await;
    let mut connection = RawConnection::open(&service.checks).await;
    for with_token in [true, false] {
        let request = if with_token {
            good()
        } else {
            ClientRequest::plain()
        };
        let expected = if with_token {
            "allowed"
        } else {
            "missing_token"
        };
        for (name, value) in [
            ("content-type", "application/json"),
            ("content-type", "application/grpc-web+proto"),
            ("grpc-encoding", "gzip"),
            ("grpc-accept-encoding", "gzip, deflate"),
            ("accept-encoding", "gzip"),
            ("grpc-timeout", "x"),
            ("grpc-timeout", "99999999H"),
            ("grpc-timeout", "-1S"),
            ("grpc-timeout", "999999999S"),
        ] {
            let mut call = call_of(whole(framed_check(request.clone())));
            call.headers_mut().insert(name, value.parse().unwrap());
            assert_eq!(
                connection.send(call).await.reason(),
                expected,
                "{name}: {value}"
            );
        }
        for method in [Method::GET, Method::PUT] {
            let mut call = call_of(whole(framed_check(request.clone())));
            *call.method_mut() = method;
            assert_eq!(connection.send(call).await.reason(), expected);
        }
        let twice = [framed_check(request.clone()), framed_check(good())].concat();
        assert_eq!(
            connection.send(call_of(whole(twice))).await.reason(),
            expected
        );
    }
}

#[tokio::test]
async fn a_check_whose_message_does_not_arrive_is_refused_in_time() {
    let service = service("").await;
    let mut connection = RawConnection::open(&service.checks).await;
    let message = framed_check(good());
    let half = message.slice(..message.len() / 2);
    let calls = [bytes::Bytes::new(), half].map(|bytes| connection.send(call_of(withheld(bytes))));
    for answer in futures_util::future::join_all(calls).await {
        assert_eq!(
            (answer.reason().as_str(), answer.code, answer.http),
            ("internal_error", 14, 503)
        );
        assert_eq!(answer.retry_after(), Some(1));
    }
    // A client that holds back only the end of the call has sent the whole message.
    let open_ended = connection.send(call_of(withheld(message))).await;
    assert!(open_ended.is_admission());
}
