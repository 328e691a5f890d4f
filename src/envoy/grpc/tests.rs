//! Calls, their messages and their deadlines.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::{BodyExt as _, Full, StreamBody};

use super::{CallError, answer, frame, read_message, timeout};
use crate::envoy::message_budget::MessageBudget;

async fn read(frames: &[&[u8]]) -> Result<Bytes, CallError> {
    let frames: Vec<_> = frames
        .iter()
        .map(|data| {
            Ok::<_, std::convert::Infallible>(http_body::Frame::data(Bytes::copy_from_slice(data)))
        })
        .collect();
    let mut body = StreamBody::new(futures_util::stream::iter(frames));
    let budget = MessageBudget::default();
    let received = read_message(&mut body, &budget).await;
    received.map(|message| message.bytes)
}

#[tokio::test]
async fn a_grpc_message_is_read_however_its_bytes_are_split() {
    let whole = Ok(Bytes::from_static(b"abc"));
    assert_eq!(read(&[b"\0\0\0\0\x03abc"]).await, whole);
    assert_eq!(read(&[b"\0\0", b"", b"\0\0\x03a", b"bc"]).await, whole);
    assert_eq!(read(&[b"", b"\0\0\0\0\x03", b"abc"]).await, whole);
    assert_eq!(read(&[b"\0\0\0\0\x03abc\0\0\0\0\x01z"]).await, whole);
    assert_eq!(read(&[b"\0\0\0\0\0"]).await, Ok(Bytes::new()));
    assert_eq!(read(&[]).await, Err(CallError::Incomplete));
    assert_eq!(read(&[b"\0\0\0\0"]).await, Err(CallError::Incomplete));
    assert_eq!(read(&[b"\0\0\0\0\x03ab"]).await, Err(CallError::Incomplete));
    assert_eq!(
        read(&[b"\x01\0\0\0\x03abc"]).await,
        Err(CallError::Compressed)
    );
    assert_eq!(
        read(&[b"\0\0\x40\0\x01"]).await,
        Err(CallError::TooLarge),
        "known from the prefix alone"
    );
    assert_eq!(
        read(&[b"\0\xff\xff\xff\xff"]).await,
        Err(CallError::TooLarge)
    );
}

#[tokio::test]
async fn a_grpc_answer_is_one_message_and_its_status() {
    let framed = frame(2, |mut octets| {
        octets.extend_from_slice(&[8, 7]);
        octets
    });
    let response = answer(framed);
    let body = response.into_body().collect().await.expect("cannot fail");
    assert_eq!(
        body.trailers()
            .and_then(|trailers| trailers.get("grpc-status"))
            .map(|v| v.as_bytes()),
        Some(&b"0"[..])
    );
    let budget = MessageBudget::default();
    let message = read_message(&mut Full::new(body.to_bytes()), &budget).await;
    let message = message.expect("is a message");
    assert_eq!(&message.bytes[..], [8, 7]);
}

#[test]
fn the_grpc_timeout_header_gives_the_deadline() {
    let of = |text: &str| {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", text.parse().expect("is a value"));
        timeout(&headers)
    };
    assert_eq!(of("200m"), Some(Duration::from_millis(200)));
    assert_eq!(
        of("99999999H"),
        Some(Duration::from_secs(99_999_999 * 3600))
    );
    assert_eq!(of("1S"), Some(Duration::from_secs(1)));
    assert_eq!(of("5u"), Some(Duration::from_micros(5)));
    for text in [
        "",
        "m",
        "200",
        "200x",
        "123456789m",
        "-1m",
        "1.5S",
        " 1S",
        "+1S",
    ] {
        assert_eq!(of(text), None, "{text:?}");
    }
    assert_eq!(timeout(&HeaderMap::new()), None);
}

#[test]
fn the_shorter_of_grpc_timeout_and_per_try_timeout_is_used() {
    for (whole, this_try, expected) in [
        ("1S", "491", Some(Duration::from_millis(491))),
        ("200m", "1000", Some(Duration::from_millis(200))),
        ("1S", "soon", Some(Duration::from_secs(1))),
        ("soon", "100", Some(Duration::from_millis(100))),
        ("soon", "-1", None),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", whole.parse().expect("is a value"));
        headers.insert(
            "x-envoy-expected-rq-timeout-ms",
            this_try.parse().expect("is a value"),
        );
        assert_eq!(timeout(&headers), expected, "{whole} {this_try}");
    }
}
