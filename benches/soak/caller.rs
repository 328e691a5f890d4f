//! Sends checks as Envoy does: many at the same time on one HTTP/2 connection.

use std::net::SocketAddr;

use bytes::Bytes;
use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{
    HttpRequest, Request as AskedRequest,
};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest, CheckResponse};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// One connection. Clones share it.
#[derive(Clone)]
pub(crate) struct Caller(SendRequest<Full<Bytes>>);

/// An answer.
pub(crate) struct Answered {
    pub(crate) admitted: bool,
    /// The header `x-jwt-sub` of an admission.
    pub(crate) subject: Option<String>,
    /// There was no valid answer.
    pub(crate) lost: bool,
}

impl Caller {
    pub(crate) async fn connect(address: SocketAddr) -> Caller {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Caller::over(stream).await
    }

    pub(crate) async fn over(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Caller {
        let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (sender, connection) = handshake.await.unwrap();
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Caller(sender)
    }

    /// Sends one check with that bearer token.
    pub(crate) async fn check(&mut self, token: &str) -> Answered {
        match self.answer(framed(token)).await {
            Some(response) => read(response),
            None => Answered {
                admitted: false,
                subject: None,
                lost: true,
            },
        }
    }

    async fn answer(&mut self, body: Bytes) -> Option<CheckResponse> {
        let call = Request::post("http://accredit/envoy.service.auth.v3.Authorization/Check")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("grpc-timeout", "1S")
            .body(Full::new(body));
        self.0.ready().await.ok()?;
        let answer = self.0.send_request(call.ok()?).await.ok()?;
        let collected = answer.into_body().collect().await.ok()?;
        let status = collected.trailers()?.get("grpc-status")?.clone();
        let message = collected.to_bytes();
        let decoded = CheckResponse::decode(message.get(5..)?).ok()?;
        (status == "0").then_some(decoded)
    }
}

fn read(response: CheckResponse) -> Answered {
    // Envoy admits a request if the status is absent.
    let admitted = response
        .status
        .as_ref()
        .is_none_or(|status| status.code == 0);
    let subject = match response.http_response {
        Some(HttpResponse::OkResponse(ok)) => {
            let mut headers = ok.headers.into_iter().filter_map(|option| option.header);
            headers
                .find(|header| header.key == "x-jwt-sub")
                .map(|header| header.value)
        }
        _ => None,
    };
    Answered {
        admitted,
        subject,
        lost: false,
    }
}

fn framed(token: &str) -> Bytes {
    let header = |key: &str, value: String| HeaderValue {
        key: key.to_owned(),
        raw_value: value.into_bytes(),
        ..HeaderValue::default()
    };
    let headers = vec![
        header(":authority", "api.test".to_owned()),
        header(":method", "GET".to_owned()),
        header(":path", "/things".to_owned()),
        header(":scheme", "https".to_owned()),
        header("user-agent", "soak/1".to_owned()),
        header("authorization", format!("Bearer {token}")),
    ];
    let http = HttpRequest {
        method: "GET".to_owned(),
        path: "/things".to_owned(),
        host: "api.test".to_owned(),
        scheme: "https".to_owned(),
        header_map: Some(HeaderMap { headers }),
        ..HttpRequest::default()
    };
    let request = AskedRequest {
        http: Some(http),
        ..AskedRequest::default()
    };
    let attributes = AttributeContext {
        request: Some(request),
        ..AttributeContext::default()
    };
    let check = CheckRequest {
        attributes: Some(attributes),
    };
    let mut framed = vec![0; 5];
    check.encode(&mut framed).unwrap();
    let length = u32::try_from(framed.len() - 5).unwrap();
    framed[1..5].copy_from_slice(&length.to_be_bytes());
    framed.into()
}
