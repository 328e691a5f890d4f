//! An OTLP receiver over gRPC and HTTP that records what it receives.

use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::{Request, Response, Status};

use crate::eventually::eventually;

/// The export requests that arrived, each with the headers of its call.
#[derive(Clone, Default)]
pub struct Received(Arc<Mutex<Vec<(String, ExportTraceServiceRequest)>>>);

/// The receiver. Dropping it stops it.
pub struct Receiver {
    pub address: SocketAddr,
    pub received: Received,
    _tasks: JoinSet<()>,
}

impl Receiver {
    /// Starts a receiver that serves gRPC and HTTP on one port.
    pub async fn start() -> Receiver {
        Receiver::start_with(None).await
    }

    /// The same over TLS.
    pub async fn start_with(tls: Option<tokio_rustls::TlsAcceptor>) -> Receiver {
        let received = Received::default();
        let service = TraceServiceServer::new(received.clone())
            .accept_compressed(tonic::codec::CompressionEncoding::Gzip);
        let over_http = {
            let received = received.clone();
            async move |headers: HeaderMap, body: Bytes| received.take_http(&headers, &body)
        };
        let routes = tonic::service::Routes::new(service)
            .prepare()
            .into_axum_router();
        let routes: Router = routes.route("/v1/traces", post(over_http));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("is bound");
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let service = hyper_util::service::TowerToHyperService::new(routes.clone());
                let tls = tls.clone();
                connections.spawn(async move {
                    let executor = hyper_util::rt::TokioExecutor::new();
                    let server = hyper_util::server::conn::auto::Builder::new(executor);
                    let Some(tls) = tls else {
                        let io = hyper_util::rt::TokioIo::new(stream);
                        let _ = server.serve_connection(io, service).await;
                        return;
                    };
                    if let Ok(stream) = tls.accept(stream).await {
                        let io = hyper_util::rt::TokioIo::new(stream);
                        let _ = server.serve_connection(io, service).await;
                    }
                });
            }
        });
        Receiver {
            address,
            received,
            _tasks: tasks,
        }
    }

    /// Waits for a span with this name that fulfils the condition.
    pub async fn span(&self, name: &str, is_meant: impl Fn(&Span) -> bool) -> Span {
        eventually(&format!("a span {name} arrives"), async || {
            let mut spans = self.received.spans().into_iter();
            spans.find(|span| span.name == name && is_meant(span))
        })
        .await
    }
}

impl Received {
    /// Every span that has arrived.
    pub fn spans(&self) -> Vec<Span> {
        let messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let resources = messages
            .iter()
            .flat_map(|(_, message)| &message.resource_spans);
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    /// The first request: the headers of its call, and the attributes of its resource.
    pub fn first(&self) -> (String, Vec<KeyValue>) {
        let messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (with, message) = messages.first().expect("something came");
        let resource = message.resource_spans[0]
            .resource
            .clone()
            .expect("is there");
        (with.clone(), resource.attributes)
    }

    /// Everything that has arrived, as text.
    pub fn text(&self) -> String {
        format!(
            "{:?}",
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        )
    }

    fn take(&self, with: String, message: ExportTraceServiceRequest) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((with, message));
    }

    fn take_http(&self, headers: &HeaderMap, body: &[u8]) {
        let mut plain = Vec::new();
        match headers
            .get("content-encoding")
            .map(|value| value.as_bytes())
        {
            Some(b"gzip") => {
                let mut decoder = flate2::read::GzDecoder::new(body);
                decoder.read_to_end(&mut plain).expect("is gzip");
            }
            _ => plain.extend_from_slice(body),
        }
        let message = ExportTraceServiceRequest::decode(&plain[..]).expect("is protobuf");
        self.take(format!("{headers:?}"), message);
    }
}

#[tonic::async_trait]
impl TraceService for Received {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let with = format!("{:?}", request.metadata());
        self.take(with, request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// The value of an attribute as text; of a list, its first member.
pub fn attribute(attributes: &[KeyValue], name: &str) -> Option<String> {
    let attribute = attributes.iter().find(|attribute| attribute.key == name)?;
    fn text(value: &AnyValue) -> String {
        match value.value.as_ref().expect("has a value") {
            Value::StringValue(text) => text.clone(),
            Value::IntValue(number) => number.to_string(),
            Value::ArrayValue(list) => text(&list.values[0]),
            other => format!("{other:?}"),
        }
    }
    Some(text(attribute.value.as_ref().expect("has a value")))
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
