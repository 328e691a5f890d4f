//! A key server that answers, fails or hangs as a test requires, and counts requests.

use std::convert::Infallible;
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// The answer to a request for keys.
#[derive(Clone, Debug)]
pub(crate) enum Serving {
    /// This key set.
    Keys(String),
    /// That status.
    Status(u16),
    /// Nothing, ever.
    Nothing,
}

/// A server that runs until it is dropped.
pub(crate) struct KeyServer {
    address: SocketAddr,
    state: Arc<State>,
    _accepting: JoinSet<()>,
}

struct State {
    serving: Mutex<Serving>,
    asked: AtomicUsize,
}

impl KeyServer {
    /// Starts it on a free port.
    pub(crate) async fn start(serving: Serving) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            serving: Mutex::new(serving),
            asked: AtomicUsize::new(0),
        });
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, Arc::clone(&state)));
        Self {
            address,
            state,
            _accepting: accepting,
        }
    }

    /// The address of the key set.
    pub(crate) fn uri(&self) -> String {
        format!("http://{}/keys", self.address)
    }

    /// From now on, answers so.
    pub(crate) fn serve(&self, serving: Serving) {
        *self.state.serving.lock().unwrap() = serving;
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.state.asked.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(serve(stream, Arc::clone(&state)));
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    let service = service_fn(move |_: Request<Incoming>| answer(Arc::clone(&state)));
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(state: Arc<State>) -> Result<Response<Full<Bytes>>, Infallible> {
    state.asked.fetch_add(1, Ordering::SeqCst);
    let serving = state.serving.lock().unwrap().clone();
    let response = match serving {
        Serving::Keys(keys) => Response::new(Full::from(keys)),
        Serving::Status(status) => Response::builder()
            .status(status)
            .body(Full::default())
            .unwrap(),
        Serving::Nothing => pending().await,
    };
    Ok(response)
}
