//! A port and real clients: HTTP/2 without TLS and HTTP/1.1, over TCP and a unix socket.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use accredit_core::config::listen_addr::ListenAddr;
use accredit_core::config::tls_files::TlsFiles;
use bytes::BytesMut;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::client::conn::http2::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, copy_bidirectional,
};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::*;
use crate::server::routes::RouteService;
use crate::server::shutdown::DrainTrigger;
use crate::server::tls::ServerTls;
use crate::server::workers::Workers;

mod answers;
mod connections;
mod drain;
mod frames;
mod pressure;

/// No test reaches the end of this time.
const LONG: Duration = Duration::from_secs(600);

/// Type, flags (END_HEADERS, END_STREAM), and stream 1 of a request without a body (RFC 9113, section 6.2).
const HEADERS: &[u8] = &[1, 4 | 1, 0, 0, 0, 1];

/// The octets of each part of the answer to `/parts`.
const PART: usize = 100;

/// A port that is served: `/` answers with the name of its thread, `/held` after `let_go`, `/parts` with eight parts.
struct Served {
    addr: ListenAddr,
    trigger: DrainTrigger,
    entered: Arc<Semaphore>,
    let_go: Arc<Semaphore>,
    /// The requests to `/held` and `/parts` whose work has ended.
    ended: Arc<Semaphore>,
    /// The parts of `/parts` that were asked for.
    parts: Arc<Semaphore>,
    workers: Arc<Workers>,
    errors: Arc<ConnectionErrors>,
    serving: JoinHandle<Result<(), ServeError>>,
}

/// Starts a task on the runtime of the test.
#[allow(clippy::disallowed_methods)]
fn run<F: Future<Output: Send> + Send + 'static>(task: F) -> JoinHandle<F::Output> {
    tokio::spawn(task)
}

impl Served {
    fn start(listen: &str, limits: ConnectionLimits, versions: HttpVersions) -> Self {
        Self::start_with(listen, limits, versions, None)
    }

    fn start_with(
        listen: &str,
        limits: ConnectionLimits,
        versions: HttpVersions,
        tls: Option<Arc<ServerTls>>,
    ) -> Self {
        let listener = Listener::bind(&listen.parse().unwrap()).unwrap();
        let listener = listener.secured(tls);
        let addr = listener.local_addr();
        let workers = Arc::new(Workers::start("worker", NonZeroUsize::new(2).unwrap()).unwrap());
        let (trigger, drain) = Drain::new();
        let entered = Arc::new(Semaphore::new(0));
        let let_go = Arc::new(Semaphore::new(0));
        let ended = Arc::new(Semaphore::new(0));
        let parts = Arc::new(Semaphore::new(0));
        let gates = (Arc::clone(&entered), Arc::clone(&let_go));
        let counts = (Arc::clone(&ended), Arc::clone(&parts));
        let service = service_fn(move |request: Request<MessageBody>| {
            let (entered, let_go) = gates.clone();
            let (ended, parts) = counts.clone();
            async move {
                match request.uri().path() {
                    "/held" => {
                        let _end = AddPermit(ended);
                        entered.add_permits(1);
                        let_go.acquire().await.unwrap().forget();
                    }
                    "/parts" => return Ok(Response::new(eight_parts(parts, AddPermit(ended)))),
                    "/panic" => panic!("on purpose"),
                    _ => {}
                }
                let name = thread::current().name().unwrap_or_default().to_owned();
                let body = Full::new(Bytes::from(name)).boxed_unsync();
                Ok::<_, Infallible>(Response::new(body))
            }
            .boxed()
        });
        let settings = PortSettings {
            versions,
            limits,
            ..PortSettings::of_checks("listen")
        };
        let errors = Arc::clone(&settings.errors);
        let serving = run(serve(listener, service, settings, workers.pool(), drain));
        Self {
            addr,
            trigger,
            entered,
            let_go,
            ended,
            parts,
            workers,
            errors,
            serving,
        }
    }

    fn tcp() -> Self {
        Self::start(
            "127.0.0.1:0",
            ConnectionLimits::default(),
            HttpVersions::Http2Only,
        )
    }

    async fn connect(&self) -> Client {
        match &self.addr {
            ListenAddr::Tcp(addr) => Client::over(TcpStream::connect(addr).await.unwrap()).await,
            ListenAddr::Unix(path) => Client::over(UnixStream::connect(path).await.unwrap()).await,
        }
    }

    async fn connect_plain(&self) -> TcpStream {
        TcpStream::connect(self.addr.to_string()).await.unwrap()
    }

    /// A connection on which the client has sent the preface and its settings.
    async fn open_http2(&self) -> TcpStream {
        let mut stream = self.connect_plain().await;
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        let opening = [preface, frame(4, 0, 0, &[])].concat();
        stream.write_all(&opening).await.unwrap();
        stream
    }

    /// Waits until a request is being served.
    async fn is_held(&self) {
        self.entered.acquire().await.unwrap().forget();
    }
}

/// Adds a permit when it is dropped.
struct AddPermit(Arc<Semaphore>);

impl Drop for AddPermit {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

/// Counts each part when it is asked for.
fn eight_parts(asked: Arc<Semaphore>, end: AddPermit) -> UnsyncBoxBody<Bytes, Infallible> {
    let parts = stream::iter(0..8).map(move |_| {
        let _until_the_body_is_dropped = &end;
        asked.add_permits(1);
        Ok(Frame::data(Bytes::from_static(&[b'x'; PART])))
    });
    StreamBody::new(parts).boxed_unsync()
}

/// One HTTP/2 connection.
struct Client {
    sender: SendRequest<Empty<Bytes>>,
    closed: JoinHandle<()>,
}

type Answer = Result<(u16, String), hyper::Error>;

impl Client {
    async fn over<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: T) -> Self {
        let handshake = hyper::client::conn::http2::handshake;
        let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
        let closed = run(async {
            let _ = connection.await;
        });
        Self { sender, closed }
    }

    fn get(&self, path: &str) -> impl Future<Output = Answer> + Send + 'static {
        let request = Request::get(format!("http://a.example{path}")).body(Empty::new());
        let mut sender = self.sender.clone();
        async move {
            let response = sender.send_request(request.unwrap()).await?;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await?.to_bytes();
            Ok((status, String::from_utf8_lossy(&body).into_owned()))
        }
    }

    async fn status(&self, path: &str) -> u16 {
        self.get(path).await.unwrap().0
    }
}

/// Sends the preface together with the first request, as Envoy does; then what comes.
async fn relay_at_once(mut client: DuplexStream, mut server: TcpStream) {
    let mut opening = BytesMut::new();
    while !opening.windows(HEADERS.len()).any(|bytes| bytes == HEADERS) {
        client.read_buf(&mut opening).await.unwrap();
    }
    server.write_all(&opening).await.unwrap();
    run(async move { copy_bidirectional(&mut client, &mut server).await });
}

async fn all_of(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    // A reset is an end as well.
    let _ = stream.read_to_end(&mut text).await;
    String::from_utf8_lossy(&text).into_owned()
}

/// A frame of HTTP/2 (RFC 9113 section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The head of a whole `GET http://a{path}`, without compression.
fn head(stream: u32, path: &str) -> Vec<u8> {
    let mut block = vec![
        0x82,
        0x86,
        0x01,
        1,
        b'a',
        0x04,
        u8::try_from(path.len()).unwrap(),
    ];
    block.extend(path.bytes());
    frame(1, 0x5, stream, &block)
}
