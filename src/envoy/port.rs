//! The services on `listen`: `Check`, and the gRPC health service.

use std::convert::Infallible;
use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::{self, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Request, Response, StatusCode, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Either;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::service::Routes;

use crate::envoy::fail_closed::{CHECK_PATH, FailClosed};
use crate::envoy::grpc::{self, UnaryBody};
use crate::envoy::judge::Judge;
use crate::server::connection_errors::ConnectionErrorKind;
use crate::server::http2_call::AnswerFuture;
use crate::server::message_body::MessageBody;

/// The path of a call that asks for the health once. Envoy and Kubernetes ask this way.
const HEALTH_CHECK_PATH: &str = "/grpc.health.v1.Health/Check";

/// The paths of the other calls.
const OTHER_PATHS: [&str; 2] = [
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
];

/// How many health checks may be open at the same time. Each ends by itself: its message has a time limit.
const MAX_HEALTH_CHECKS: usize = 256;

/// How many calls other than `Check` and health checks may be open at the same time. A `Watch` of gRPC health stays open as long
/// as its client likes. Such calls must not take the places of health checks: Envoy stops using a service whose health checks
/// fail. Each call can hold its headers, and keeps its connection from being idle.
const MAX_OTHER_CALLS: usize = 32;

/// The service of one connection. `Check` does not go through the gRPC library; every other call does.
pub struct CheckPort<J> {
    checks: Arc<FailClosed<J>>,
    others: TowerToHyperService<axum::Router>,
    health_checks: Arc<Semaphore>,
    other_calls: Arc<Semaphore>,
}

type CheckPortBody = Either<UnaryBody, axum::body::Body>;

type PortAnswer = Result<Response<CheckPortBody>, Infallible>;

/// The future of [`CheckPort`].
pub struct CallOnPort {
    answering: Pin<Box<dyn Future<Output = PortAnswer> + Send>>,
    needs_message: bool,
    connection_error: Option<ConnectionErrorKind>,
}

impl CallOnPort {
    fn new(
        needs_message: bool,
        answering: impl Future<Output = PortAnswer> + Send + 'static,
    ) -> CallOnPort {
        CallOnPort {
            answering: Box::pin(answering),
            needs_message,
            connection_error: None,
        }
    }

    /// Answers a call with an error of gRPC.
    fn refused(status: StatusCode, grpc_status: HeaderValue) -> CallOnPort {
        let answer = grpc_error(status, grpc_status).map(Either::Right);
        CallOnPort::new(false, ready(Ok(answer)))
    }

    /// Answers a request that is not a gRPC call.
    fn not_grpc() -> CallOnPort {
        let mut answer = Response::new(Either::Right(axum::body::Body::empty()));
        *answer.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        CallOnPort {
            connection_error: Some(ConnectionErrorKind::NotGrpc),
            ..CallOnPort::new(false, ready(Ok(answer)))
        }
    }
}

impl Future for CallOnPort {
    type Output = PortAnswer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<PortAnswer> {
        self.answering.as_mut().poll(cx)
    }
}

impl AnswerFuture for CallOnPort {
    fn needs_message(&self) -> bool {
        self.needs_message
    }

    fn connection_error(&self) -> Option<ConnectionErrorKind> {
        self.connection_error
    }
}

impl<J> Clone for CheckPort<J> {
    fn clone(&self) -> Self {
        CheckPort {
            checks: self.checks.clone(),
            others: self.others.clone(),
            health_checks: self.health_checks.clone(),
            other_calls: self.other_calls.clone(),
        }
    }
}

impl<J: Judge> CheckPort<J> {
    pub fn new(checks: FailClosed<J>, others: Routes) -> CheckPort<J> {
        CheckPort {
            checks: Arc::new(checks),
            others: TowerToHyperService::new(others.prepare().into_axum_router()),
            health_checks: Arc::new(Semaphore::new(MAX_HEALTH_CHECKS)),
            other_calls: Arc::new(Semaphore::new(MAX_OTHER_CALLS)),
        }
    }
}

impl<J: Judge> Service<Request<MessageBody>> for CheckPort<J> {
    type Response = Response<CheckPortBody>;
    type Error = Infallible;
    type Future = CallOnPort;

    fn call(&self, request: Request<MessageBody>) -> Self::Future {
        if !grpc::is_grpc(request.headers()) {
            return CallOnPort::not_grpc();
        }
        // The whole target: an `http_service` sends that of the client's request, which can continue with a query or with `/../`.
        let target = request.uri().path_and_query();
        let target = target.map_or("", PathAndQuery::as_str);
        if target == CHECK_PATH {
            let checks = self.checks.clone();
            // Here and not in the future that answers: a busy thread lets it wait, and Envoy waits too.
            let arrival = checks.arrive(request.headers(), request.body().arrived());
            let body = request.into_body().into_unlimited();
            let needs_message = arrival.needs_message();
            let answering = checks.call(arrival, body);
            let answering = answering.map(|answer| Ok(answer.map(Either::Left)));
            return CallOnPort::new(needs_message, answering);
        }
        let places = if target == HEALTH_CHECK_PATH {
            &self.health_checks
        } else if OTHER_PATHS.contains(&target) {
            &self.other_calls
        } else {
            // The gRPC library would answer 200, which an `http_service` takes for an admission.
            return CallOnPort::refused(StatusCode::NOT_FOUND, UNIMPLEMENTED);
        };
        let Ok(permit) = places.clone().try_acquire_owned() else {
            return CallOnPort::refused(StatusCode::OK, RESOURCE_EXHAUSTED);
        };
        let answering = self.others.call(without_unused_parts(request));
        CallOnPort::new(true, async move {
            let answer = answering.await?;
            Ok(answer.map(|body| {
                let open = OpenAnswer {
                    body,
                    _permit: permit,
                };
                Either::Right(axum::body::Body::new(open))
            }))
        })
    }
}

/// The headers that the gRPC library reads.
const GRPC_HEADERS: [HeaderName; 5] = [
    header::CONTENT_TYPE,
    header::TE,
    HeaderName::from_static("grpc-encoding"),
    HeaderName::from_static("grpc-accept-encoding"),
    HeaderName::from_static("grpc-timeout"),
];

/// A call waits for its message with its headers and its path, and decoded headers can take a hundred times the memory of their
/// octets. So only those that are read are kept.
fn without_unused_parts(mut request: Request<MessageBody>) -> Request<MessageBody> {
    let mut sent = std::mem::take(request.headers_mut());
    let kept = request.headers_mut();
    for name in GRPC_HEADERS {
        if let Some(value) = sent.remove(&name) {
            // A copy, because the value is a part of the buffer of the connection.
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                kept.insert(name, value);
            }
        }
    }
    if request.uri().path() == HEALTH_CHECK_PATH {
        *request.uri_mut() = Uri::from_static(HEALTH_CHECK_PATH);
    }
    request
}

/// The status codes of gRPC.
const RESOURCE_EXHAUSTED: HeaderValue = HeaderValue::from_static("8");
const UNIMPLEMENTED: HeaderValue = HeaderValue::from_static("12");

/// A gRPC answer that consists of headers only. A peer that is not a gRPC client reads the HTTP status.
fn grpc_error(status: StatusCode, grpc_status: HeaderValue) -> Response<axum::body::Body> {
    let mut answer = Response::new(axum::body::Body::empty());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/grpc"),
    );
    headers.insert("grpc-status", grpc_status);
    answer
}

/// The body of an answer, which counts as an open call until it ends.
struct OpenAnswer {
    body: axum::body::Body,
    _permit: OwnedSemaphorePermit,
}

impl Body for OpenAnswer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
