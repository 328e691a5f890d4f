//! Calls over HTTP/2 with any bytes, which no gRPC client would send.

use bytes::Bytes;
use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse};
use futures_util::stream::{self, StreamExt as _};
use http::{HeaderMap, Method, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;
use prost::Message as _;

use accredit_core::config::listen_addr::ListenAddr;

use crate::answer::Answer;
use crate::eventually::within;
use crate::http2_client::{AnyBody, Http2};

/// The path of the method that Envoy calls.
pub const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

/// An HTTP/2 connection to the service.
pub struct RawConnection(Http2);

/// A gRPC frame: flag, length and bytes, which need not be consistent.
pub fn framed(flag: u8, length: u32, message: &[u8]) -> Bytes {
    let mut bytes = vec![flag];
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(message);
    bytes.into()
}

/// A `CheckRequest` in a gRPC frame.
pub fn framed_check(request: impl Into<CheckRequest>) -> Bytes {
    let message = request.into().encode_to_vec();
    framed(0, u32::try_from(message.len()).unwrap(), &message)
}

/// A body that begins with these bytes and never ends.
pub fn withheld(bytes: impl Into<Bytes>) -> AnyBody {
    let first = stream::iter([Ok(Frame::data(bytes.into()))]);
    StreamBody::new(first.chain(stream::pending())).boxed_unsync()
}

/// A call of `Check` with the headers of a gRPC client.
pub fn call_of(body: AnyBody) -> Request<AnyBody> {
    Request::builder()
        .method(Method::POST)
        .uri(format!("http://accredit{CHECK}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(body)
        .expect("is a request")
}

/// Reads the answer of a call, and asserts that gRPC reports success.
pub async fn read(response: Response<Incoming>) -> Answer {
    let head = response.status();
    let mut headers: HeaderMap = response.headers().clone();
    let collected = response.into_body().collect();
    let collected = within("the answer ends", collected)
        .await
        .expect("is whole");
    headers.extend(collected.trailers().cloned().unwrap_or_default());
    assert_eq!(head.as_u16(), 200);
    assert_eq!(headers["content-type"], "application/grpc");
    assert_eq!(headers["grpc-status"], "0", "{headers:?}");
    assert!(!headers.contains_key("grpc-encoding"), "{headers:?}");
    let bytes = collected.to_bytes();
    assert_eq!(bytes[0], 0, "never compressed");
    let response = CheckResponse::decode(&bytes[5..]).expect("is a CheckResponse");
    Answer::of(response)
}

impl RawConnection {
    /// Opens a connection.
    pub async fn open(address: &ListenAddr) -> RawConnection {
        RawConnection(Http2::open(address).await)
    }

    /// Sends a call. The returned future resolves to its answer.
    pub fn send(&mut self, call: Request<AnyBody>) -> impl Future<Output = Answer> + use<> {
        let answered = self.0.start(call);
        async move {
            let answered = within("the call is answered", answered).await;
            read(answered.expect("is answered")).await
        }
    }
}
