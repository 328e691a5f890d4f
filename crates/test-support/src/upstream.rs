//! The API behind Envoy. It answers each request with its content, and records it.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// One request as the upstream saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The path, with its query.
    pub path: String,
    /// Each header with the bytes of its value, in order, repeats apart.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
    /// The names of the trailers.
    pub trailers: Vec<String>,
}

impl Seen {
    /// Every value of a header.
    pub fn values(&self, name: &str) -> Vec<&[u8]> {
        let named = self
            .headers
            .iter()
            .filter(|(header, _)| header.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_slice()).collect()
    }

    /// The one value of a header, as text; none if it was not sent.
    pub fn header(&self, name: &str) -> Option<String> {
        let values = self.values(name);
        assert!(
            values.len() < 2,
            "the upstream saw `{name}` {} times",
            values.len()
        );
        values
            .first()
            .map(|value| String::from_utf8_lossy(value).into_owned())
    }
}

/// A server of HTTP/1.1 and HTTP/2 without TLS that runs until it is dropped.
pub struct EchoUpstream {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    _accepting: JoinSet<()>,
}

impl EchoUpstream {
    /// Starts it on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, Arc::clone(&seen)));
        Self {
            address,
            seen,
            _accepting: accepting,
        }
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests reached it.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// The latest request that reached it.
    pub fn last_request(&self) -> Option<Seen> {
        self.lock().last().cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap()
    }
}

async fn accept(listener: TcpListener, seen: Arc<Mutex<Vec<Seen>>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted.unwrap();
                connections.spawn(serve(stream, Arc::clone(&seen)));
            }
            // Connections that have ended are not kept.
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, seen: Arc<Mutex<Vec<Seen>>>) {
    let service = service_fn(move |request| answer(request, Arc::clone(&seen)));
    // A client that goes away in the middle is no fault of the upstream.
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    request: Request<Incoming>,
    seen: Arc<Mutex<Vec<Seen>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let headers = head.headers.iter();
    let body = body.collect().await.unwrap_or_default();
    let trailers = body.trailers().into_iter().flat_map(http::HeaderMap::keys);
    let request = Seen {
        trailers: trailers.map(ToString::to_string).collect(),
        method: head.method.to_string(),
        path: head
            .uri
            .path_and_query()
            .map(ToString::to_string)
            .unwrap_or_default(),
        headers: headers
            .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
            .collect(),
        body: body.to_bytes().to_vec(),
    };
    let echo = serde_json::json!({
        "method": request.method,
        "path": request.path,
        "headers": request.headers.iter()
            .map(|(name, value)| (name, String::from_utf8_lossy(value)))
            .collect::<Vec<_>>(),
    });
    seen.lock().unwrap().push(request);
    let response = Response::builder().header("content-type", "application/json");
    Ok(response.body(Full::from(echo.to_string())).unwrap())
}
