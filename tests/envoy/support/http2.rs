//! An HTTP/2 client with prior knowledge, whose requests can be left half sent.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::client::Answer;

const LIMIT: Duration = Duration::from_secs(20);

/// The body of a request that may never end.
pub(crate) type AnyBody = UnsyncBoxBody<Bytes, std::convert::Infallible>;

/// One connection, open until it is dropped.
pub(crate) struct Http2 {
    sender: SendRequest<AnyBody>,
    _connection: JoinSet<()>,
}

impl Http2 {
    /// Connects.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // How it ends shows in the requests.
            let _ = connection.await;
        });
        Self {
            sender,
            _connection: tasks,
        }
    }

    /// Sends a request and waits for the head of its answer.
    pub(crate) async fn start(
        &self,
        request: Request<AnyBody>,
    ) -> hyper::Result<Response<Incoming>> {
        self.sender.clone().send_request(request).await
    }

    /// Sends a request and reads all of the answer; its trailers apart.
    pub(crate) async fn send(&self, request: Request<AnyBody>) -> (Answer, HeaderMap) {
        let exchange = async {
            let response = self.start(request).await.unwrap();
            let (head, body) = response.into_parts();
            let body = body.collect().await.unwrap();
            let trailers = body.trailers().cloned().unwrap_or_default();
            let headers = head.headers.iter();
            let answer = Answer {
                status: head.status.as_u16(),
                headers: headers
                    .map(|(name, value)| {
                        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                        (name.to_string(), value)
                    })
                    .collect(),
                body: body.to_bytes().to_vec(),
            };
            (answer, trailers)
        };
        tokio::time::timeout(LIMIT, exchange)
            .await
            .expect("the request hung")
    }
}

/// A request of this path; `authorization` is added where there is a token.
pub(crate) fn request(method: &str, path: &str, token: Option<&str>) -> http::request::Builder {
    let request = Request::builder()
        .method(method)
        .uri(format!("http://api.acme.example{path}"));
    match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    }
}

/// A body of these bytes, and a trailer for each name.
pub(crate) fn with_trailers(bytes: impl Into<Bytes>, names: &[&'static str]) -> AnyBody {
    let trailers: HeaderMap = names
        .iter()
        .map(|name| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static("admin"),
            )
        })
        .collect();
    Full::new(bytes.into())
        .with_trailers(async { Some(Ok(trailers)) })
        .boxed_unsync()
}

/// A body of these bytes.
pub(crate) fn whole(bytes: impl Into<Bytes>) -> AnyBody {
    Full::new(bytes.into()).boxed_unsync()
}
