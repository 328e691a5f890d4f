//! Calls by hand over HTTP/2, for what no gRPC client would send.

use std::convert::Infallible;

use bytes::Bytes;
use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse};
use futures_util::stream::{self, StreamExt as _};
use http::{HeaderMap, Method, Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;

use accredit_core::config::listen_addr::ListenAddr;

use crate::support::answer::Answer;
use crate::support::eventually::within;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// The method that Envoy calls.
pub(crate) const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

/// A connection that sends given bytes.
pub(crate) struct RawConnection {
    sender: http2::SendRequest<Body>,
    _driver: JoinSet<()>,
}

/// A message as it goes over the wire: flag, length, and the bytes, whatever they are.
pub(crate) fn framed(flag: u8, length: u32, message: &[u8]) -> Bytes {
    let mut bytes = vec![flag];
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(message);
    bytes.into()
}

/// A whole message as gRPC sends it.
pub(crate) fn framed_check(request: impl Into<CheckRequest>) -> Bytes {
    let message = request.into().encode_to_vec();
    framed(0, u32::try_from(message.len()).unwrap(), &message)
}

/// These bytes, and the end of the call.
pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed_unsync()
}

/// These bytes, and nothing more for as long as the call lasts.
pub(crate) fn withheld(bytes: impl Into<Bytes>) -> Body {
    let first = stream::iter([Ok(Frame::data(bytes.into()))]);
    StreamBody::new(first.chain(stream::pending())).boxed_unsync()
}

/// A call of `Check` as a gRPC client heads it.
pub(crate) fn call_of(body: Body) -> Request<Body> {
    Request::builder()
        .method(Method::POST)
        .uri(format!("http://accredit{CHECK}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(body)
        .expect("is a request")
}

/// Asserts that gRPC sees success, and reads the message.
pub(crate) async fn read(response: Response<Incoming>) -> Answer {
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
    /// Connects.
    pub(crate) async fn open(address: &ListenAddr) -> RawConnection {
        match address {
            ListenAddr::Tcp(address) => {
                RawConnection::over(TcpStream::connect(address).await.expect("listens")).await
            }
            ListenAddr::Unix(path) => {
                RawConnection::over(UnixStream::connect(path).await.expect("listens")).await
            }
        }
    }

    async fn over(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> RawConnection {
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("speaks HTTP/2");
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            let _ = connection.await;
        });
        RawConnection {
            sender,
            _driver: driver,
        }
    }

    /// Sends a call; its answer comes when the future is awaited.
    pub(crate) fn send(&mut self, call: Request<Body>) -> impl Future<Output = Answer> + use<> {
        let answered = self.sender.send_request(call);
        async move {
            read(
                within("the call is answered", answered)
                    .await
                    .expect("is answered"),
            )
            .await
        }
    }
}
