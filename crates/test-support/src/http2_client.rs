//! An HTTP/2 client with prior knowledge, whose requests can be left half sent.

use std::net::SocketAddr;

use accredit_core::config::listen_addr::ListenAddr;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;

use crate::client::Answer;
use crate::eventually::within;

/// The body of a request, which need not end.
pub type AnyBody = UnsyncBoxBody<Bytes, std::convert::Infallible>;

/// One connection, open until it is dropped.
pub struct Http2 {
    sender: SendRequest<AnyBody>,
    _connection: JoinSet<()>,
}

impl Http2 {
    /// Opens a connection.
    pub async fn connect(address: SocketAddr) -> Self {
        Self::open(&ListenAddr::Tcp(address)).await
    }

    /// Opens a connection to a port or a socket.
    pub async fn open(address: &ListenAddr) -> Self {
        match address {
            ListenAddr::Tcp(address) => Self::over(TcpStream::connect(address).await).await,
            ListenAddr::Unix(path) => Self::over(UnixStream::connect(path).await).await,
        }
    }

    async fn over<S>(stream: std::io::Result<S>) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let io = TokioIo::new(stream.expect("listens"));
        let (sender, connection) = handshake(TokioExecutor::new(), io).await.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // Its end is visible in the requests.
            let _ = connection.await;
        });
        Self {
            sender,
            _connection: tasks,
        }
    }

    /// Sends a request at once. The future resolves to the head of its answer.
    pub fn start(
        &self,
        request: Request<AnyBody>,
    ) -> impl Future<Output = hyper::Result<Response<Incoming>>> + use<> {
        self.sender.clone().send_request(request)
    }

    /// Sends a request. Returns the whole answer, and its trailers.
    pub async fn send(&self, request: Request<AnyBody>) -> (Answer, HeaderMap) {
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
        within("the request is answered", exchange).await
    }
}

/// A request for this path, with `authorization` if there is a token.
pub fn request(method: &str, path: &str, token: Option<&str>) -> http::request::Builder {
    let request = Request::builder()
        .method(method)
        .uri(format!("http://api.acme.example{path}"));
    match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    }
}

/// A body of these bytes, and a trailer for each name.
pub fn with_trailers(bytes: impl Into<Bytes>, names: &[&'static str]) -> AnyBody {
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
pub fn whole(bytes: impl Into<Bytes>) -> AnyBody {
    Full::new(bytes.into()).boxed_unsync()
}
