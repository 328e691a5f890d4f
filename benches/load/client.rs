//! A client of one HTTP/2 connection: for requests to a proxy, and for single checks whose answers are read.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use h2::RecvStream;
use h2::client::SendRequest;
use http::Response;
use prost::Message as _;
use tokio::net::TcpStream;

/// The checks that one worker thread of a busy Envoy has open on a connection.
pub(crate) const OPEN: usize = 16;

const WINDOW: u32 = 1 << 28;

pub(crate) struct Client(SendRequest<Bytes>);

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = h2::client::Builder::new()
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .handshake(stream)
            .await
            .unwrap();
        tokio::spawn(async move {
            // It ends with an error when the service is stopped.
            let _ = connection.await;
        });
        Client(sender)
    }

    /// The status code of the answer to one check.
    pub(crate) async fn code(&self, message: &Bytes) -> i32 {
        let answer = call(self.0.clone(), message.clone()).await;
        let answer = CheckResponse::decode(&answer[5..]).unwrap();
        answer.status.unwrap().code
    }

    /// Sends that many requests to a proxy, which has to admit each, [`OPEN`] at a time, with these tokens in turn.
    pub(crate) async fn requests(&self, tokens: &[String], requests: usize) {
        let mut tokens = tokens.iter().cycle().take(requests);
        let send = |token: &String| get(self.0.clone(), token.clone());
        let mut open: FuturesUnordered<_> = tokens.by_ref().take(OPEN).map(send).collect();
        while open.next().await.is_some() {
            open.extend(tokens.next().map(send));
        }
    }

    /// Sends a request with each of these tokens to a proxy, which has to admit it, one after another.
    pub(crate) async fn one_at_a_time<'a>(&self, tokens: impl Iterator<Item = &'a String>) {
        for token in tokens {
            get(self.0.clone(), token.clone()).await;
        }
    }

    /// The status of the answer of a proxy to one request, and its header `x-seen`.
    pub(crate) async fn answer(&self, path: &str, token: Option<&str>) -> (u16, String) {
        let answer = send_get(self.0.clone(), path, token).await;
        let seen = answer.headers().get("x-seen");
        let seen = seen.map(|seen| seen.to_str().unwrap().to_owned());
        (answer.status().as_u16(), seen.unwrap_or_default())
    }
}

/// A request of a client to a proxy, which has to admit it.
async fn get(sender: SendRequest<Bytes>, token: String) {
    let answer = send_get(sender, "/api/data", Some(&token)).await;
    assert_eq!(answer.status(), 200);
}

async fn send_get(
    sender: SendRequest<Bytes>,
    path: &str,
    token: Option<&str>,
) -> Response<RecvStream> {
    let mut request = http::Request::get(format!("http://api.acme.example{path}"))
        .header("accept", "application/json")
        .header("user-agent", "acme-cli/4.2.1 (linux; x86_64)")
        .header("accept-encoding", "gzip, deflate, br");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let mut sender = sender.ready().await.unwrap();
    let (answer, _) = sender
        .send_request(request.body(()).unwrap(), true)
        .unwrap();
    answer.await.unwrap()
}

/// Calls `Check`, and returns the answer with its gRPC prefix.
async fn call(sender: SendRequest<Bytes>, message: Bytes) -> Bytes {
    let request = http::Request::post("http://accredit/envoy.service.auth.v3.Authorization/Check")
        .header("te", "trailers")
        .header("content-type", "application/grpc")
        .header("grpc-timeout", "200m")
        .header("x-envoy-internal", "true")
        .header("x-forwarded-for", "10.0.0.9")
        .header("x-envoy-expected-rq-timeout-ms", "200")
        .body(())
        .unwrap();
    let mut sender = sender.ready().await.unwrap();
    let (answer, mut stream) = sender.send_request(request, false).unwrap();
    stream.send_data(message, true).unwrap();
    let mut body = answer.await.unwrap().into_body();
    let mut received = BytesMut::new();
    while let Some(data) = body.data().await {
        let data = data.unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        received.extend_from_slice(&data);
    }
    let trailers = body.trailers().await.unwrap().unwrap_or_default();
    assert!(
        trailers
            .get("grpc-status")
            .is_none_or(|status| status == "0")
    );
    received.freeze()
}
