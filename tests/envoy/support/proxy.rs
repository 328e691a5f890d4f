//! A proxy between Envoy and the service that does to a call what Envoy itself cannot be made to do.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use accredit_test_support::bootstrap::AuthzTarget;
use accredit_test_support::http2_client::{AnyBody, Http2, whole};

/// What becomes of a call's headers and of its body: flag and length, then the message.
pub(crate) type Mangle = fn(&mut HeaderMap, Bytes) -> Bytes;

/// A proxy that runs until it is dropped.
pub(crate) struct MangleProxy {
    address: SocketAddr,
    aim: Arc<Mutex<(SocketAddr, Mangle)>>,
    _accepting: JoinSet<()>,
}

impl MangleProxy {
    /// Starts it on a free port, for the service at that address.
    pub(crate) async fn start(service: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let aim: (SocketAddr, Mangle) = (service, |_, body| body);
        let aim = Arc::new(Mutex::new(aim));
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, Arc::clone(&aim)));
        Self {
            address,
            aim,
            _accepting: accepting,
        }
    }

    /// What Envoy is to ask.
    pub(crate) fn target(&self) -> AuthzTarget {
        AuthzTarget::Tcp(self.address)
    }

    /// From now on, passes calls on to that service.
    pub(crate) fn aim_at(&self, service: SocketAddr) {
        self.aim.lock().unwrap().0 = service;
    }

    /// From now on, does this to calls.
    pub(crate) fn mangle(&self, mangle: Mangle) {
        self.aim.lock().unwrap().1 = mangle;
    }
}

async fn accept(listener: TcpListener, aim: Arc<Mutex<(SocketAddr, Mangle)>>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let aim = Arc::clone(&aim);
        connections.spawn(async move {
            let service = service_fn(move |call| {
                let (service, mangle) = *aim.lock().unwrap();
                pass_on(call, service, mangle)
            });
            let _ = http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn pass_on(
    call: Request<Incoming>,
    service: SocketAddr,
    mangle: Mangle,
) -> Result<Response<AnyBody>, Infallible> {
    let (mut head, body) = call.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = mangle(&mut head.headers, body);
    let call = Request::from_parts(head, whole(body));
    let client = Http2::connect(service).await;
    let (head, body) = client.start(call).await.unwrap().into_parts();
    let body = body.collect().await.unwrap();
    let trailers = body.trailers().cloned().unwrap_or_default();
    let body = Full::new(body.to_bytes()).with_trailers(async { Some(Ok(trailers)) });
    Ok(Response::from_parts(head, body.boxed_unsync()))
}
