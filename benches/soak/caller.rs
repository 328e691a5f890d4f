//! Sends checks as Envoy does, or requests as Envoy's clients do: many at the same time on one HTTP/2 connection.

use std::fmt::{Display, Formatter};
use std::net::SocketAddr;

use bytes::Bytes;
use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{
    HttpRequest, Request as AskedRequest,
};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest, CheckResponse};
use envoy_types::pb::google::protobuf::Struct;
use envoy_types::pb::google::protobuf::value::Kind;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// How often a request is sent again because Envoy closes the connections of a superseded configuration.
const ATTEMPTS: usize = 3;

/// What decides about tokens.
#[derive(Clone, Copy)]
pub(crate) enum Peer {
    /// The service, which answers checks.
    Service(SocketAddr),
    /// An Envoy with the module, which answers requests that it admits with the header `x-seen`, the value of `x-jwt-sub`.
    Envoy(SocketAddr),
}

/// One connection. Clones share it until Envoy closes it.
#[derive(Clone)]
pub(crate) struct Caller {
    sender: SendRequest<Full<Bytes>>,
    /// The address of the Envoy.
    envoy: Option<SocketAddr>,
}

/// What Envoy would do with the request.
pub(crate) enum Answered {
    /// Forward it, with this value of the header `x-jwt-sub`.
    Admitted { subject: Option<String> },
    /// Refuse it.
    Refused {
        status: i32,
        reason: String,
        body: String,
    },
    /// There was no valid answer, for this cause. `failure_mode_allow` decides.
    Lost(&'static str),
}

impl Caller {
    pub(crate) async fn connect(peer: Peer) -> Caller {
        let (address, envoy) = match peer {
            Peer::Service(address) => (address, None),
            Peer::Envoy(address) => (address, Some(address)),
        };
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let caller = Caller::over(stream).await;
        Caller { envoy, ..caller }
    }

    pub(crate) async fn over(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Caller {
        let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (sender, connection) = handshake.await.unwrap();
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Caller {
            sender,
            envoy: None,
        }
    }

    /// Sends one check, or one request, with that bearer token.
    pub(crate) async fn check(&mut self, token: &str) -> Answered {
        let Some(address) = self.envoy else {
            return self.check_by_service(token).await;
        };
        for _ in 0..ATTEMPTS {
            if let Ok(answered) = self.get(token).await {
                return answered;
            }
            *self = Caller::connect(Peer::Envoy(address)).await;
        }
        Answered::Lost("every connection to Envoy was closed")
    }

    async fn get(&mut self, token: &str) -> hyper::Result<Answered> {
        let request = Request::get("http://api.test/things")
            .header("user-agent", "soak/1")
            .header("authorization", format!("Bearer {token}"))
            .body(Full::default())
            .unwrap();
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await?.to_bytes();
        let seen = head.headers.get("x-seen");
        Ok(match head.status.as_u16() {
            200 => Answered::Admitted {
                subject: seen.map(|seen| String::from_utf8_lossy(seen.as_bytes()).into_owned()),
            },
            status => Answered::Refused {
                status: status.into(),
                reason: String::new(),
                body: String::from_utf8_lossy(&body).into_owned(),
            },
        })
    }

    async fn check_by_service(&mut self, token: &str) -> Answered {
        match self.answer(framed(token)).await {
            Ok(response) => read(response),
            Err(cause) => Answered::Lost(cause),
        }
    }

    async fn answer(&mut self, body: Bytes) -> Result<CheckResponse, &'static str> {
        let call = Request::post("http://accredit/envoy.service.auth.v3.Authorization/Check")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("grpc-timeout", "1S")
            .body(Full::new(body))
            .unwrap();
        self.sender
            .ready()
            .await
            .or(Err("the connection is closed"))?;
        let answer = self.sender.send_request(call).await;
        let answer = answer.or(Err("the call ended without an answer"))?;
        let collected = answer.into_body().collect().await;
        let collected = collected.or(Err("the answer is incomplete"))?;
        let trailers = collected.trailers();
        let status = trailers.and_then(|trailers| trailers.get("grpc-status"));
        if status.is_none_or(|status| status != "0") {
            return Err("the answer is a gRPC error");
        }
        let message = collected.to_bytes();
        let decoded = message.get(5..).map(CheckResponse::decode);
        decoded
            .and_then(Result::ok)
            .ok_or("the answer cannot be decoded")
    }
}

impl Answered {
    pub(crate) fn is_admission_of(&self, expected: &str) -> bool {
        matches!(self, Answered::Admitted { subject: Some(subject) } if subject == expected)
    }
}

impl Display for Answered {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Answered::Admitted { subject } => {
                write!(formatter, "admitted with subject {subject:?}")
            }
            Answered::Refused {
                status,
                reason,
                body,
            } => write!(formatter, "{status} {reason} {body}"),
            Answered::Lost(cause) => formatter.write_str(cause),
        }
    }
}

fn read(response: CheckResponse) -> Answered {
    // Envoy decides by the code alone, and admits the request if the status is absent.
    let code = response.status.as_ref().map_or(0, |status| status.code);
    match response.http_response {
        Some(HttpResponse::OkResponse(ok)) if code == 0 => {
            let mut headers = ok.headers.into_iter().filter_map(|option| option.header);
            let subject = headers.find(|header| header.key == "x-jwt-sub");
            Answered::Admitted {
                subject: subject.map(|header| header.value),
            }
        }
        _ if code == 0 => Answered::Admitted { subject: None },
        Some(HttpResponse::DeniedResponse(denied) | HttpResponse::ErrorResponse(denied)) => {
            Answered::Refused {
                status: denied.status.map_or(0, |status| status.code),
                reason: reason(response.dynamic_metadata.as_ref()),
                body: denied.body,
            }
        }
        _ => Answered::Refused {
            status: 0,
            reason: reason(response.dynamic_metadata.as_ref()),
            body: String::new(),
        },
    }
}

/// The field `reason` of the dynamic metadata.
fn reason(metadata: Option<&Struct>) -> String {
    let field = metadata.and_then(|metadata| metadata.fields.get("reason"));
    match field.and_then(|field| field.kind.as_ref()) {
        Some(Kind::StringValue(reason)) => reason.clone(),
        _ => "without a reason".to_owned(),
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
