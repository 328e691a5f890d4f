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

#[tokio::test]
async fn requests_are_answered_over_tcp() {
    let served = Served::tcp();
    let client = served.connect().await;
    assert_eq!(client.status("/").await, 200);
    assert_eq!(client.status("/").await, 200);
}

#[tokio::test]
async fn requests_are_answered_over_a_unix_socket_whose_file_goes_at_the_end() {
    let path = std::env::temp_dir().join(format!("accredit-accept-{}.sock", std::process::id()));
    let listen = format!("unix:{}", path.display());
    let served = Served::start(
        &listen,
        ConnectionLimits::default(),
        HttpVersions::Http2Only,
    );
    let client = served.connect().await;
    assert_eq!(client.status("/").await, 200);
    drop(client);
    served.trigger.start(LONG);
    served.serving.await.unwrap().unwrap();
    assert!(!path.exists());
}

#[tokio::test]
async fn connections_spread_over_the_workers() {
    let served = Served::tcp();
    let clients = [served.connect().await, served.connect().await];
    let mut threads = BTreeSet::new();
    for client in &clients {
        threads.insert(client.get("/").await.unwrap().1);
    }
    assert!(threads.iter().eq(["worker-0", "worker-1"]), "{threads:?}");
}

#[tokio::test]
async fn a_panic_in_a_request_affects_that_request_only() {
    let served = Served::tcp();
    let client = served.connect().await;
    assert!(client.get("/panic").await.is_err());
    assert_eq!(client.status("/").await, 200);
}

#[tokio::test]
async fn a_drain_without_connections_ends_at_once_and_closes_the_socket() {
    let served = Served::tcp();
    served.trigger.start(LONG);
    served.serving.await.unwrap().unwrap();
    assert!(TcpStream::connect(served.addr.to_string()).await.is_err());
}

#[tokio::test]
async fn a_request_in_flight_finishes_and_an_idle_connection_closes() {
    let served = Served::tcp();
    let (busy, idle) = (served.connect().await, served.connect().await);
    assert_eq!(idle.status("/").await, 200);
    let held = run(busy.get("/held"));
    served.is_held().await;

    served.trigger.start(LONG);
    idle.closed.await.unwrap();
    assert!(!busy.closed.is_finished());
    served.let_go.add_permits(1);

    assert_eq!(held.await.unwrap().unwrap().0, 200);
    busy.closed.await.unwrap();
    served.serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn while_it_drains_new_connections_are_answered() {
    let served = Served::tcp();
    let old = served.connect().await;
    assert_eq!(old.status("/").await, 200);

    served.trigger.start(LONG);
    old.closed.await.unwrap();
    // No connection is open now, as when Envoy comes back with its next request after GOAWAY.
    let (ours, theirs) = tokio::io::duplex(4096);
    let new = Client::over(ours).await;
    let first = run(new.get("/"));
    relay_at_once(theirs, served.connect_plain().await).await;
    assert_eq!(first.await.unwrap().unwrap().0, 200);
    assert_eq!(new.status("/").await, 200);
    assert!(!new.closed.is_finished());
    served.serving.abort();
}

#[tokio::test]
async fn a_connection_that_has_not_spoken_when_the_drain_starts_is_answered() {
    let served = Served::tcp();
    let busy = served.connect().await;
    let held = run(busy.get("/held"));
    served.is_held().await;
    let silent = served.connect_plain().await;

    served.trigger.start(LONG);
    served.let_go.add_permits(1);
    assert_eq!(held.await.unwrap().unwrap().0, 200);
    busy.closed.await.unwrap();

    let client = Client::over(silent).await;
    assert_eq!(client.status("/").await, 200);
    served.serving.abort();
}

#[tokio::test]
async fn at_the_deadline_the_remaining_connections_are_closed() {
    let served = Served::tcp();
    let client = served.connect().await;
    let held = run(client.get("/held"));
    served.is_held().await;
    served.trigger.start(Duration::from_millis(200));
    served.serving.await.unwrap().unwrap();
    assert!(held.await.unwrap().is_err());
    client.closed.await.unwrap();
}

#[tokio::test]
async fn at_the_last_call_connections_that_came_late_get_goaway() {
    let served = Served::tcp();
    let (busy, idle) = (served.connect().await, served.connect().await);
    assert_eq!(idle.status("/").await, 200);
    let held = run(busy.get("/held"));
    served.is_held().await;
    // A whole second lies between the last call and the deadline.
    served.trigger.start(Duration::from_secs(4));
    idle.closed.await.unwrap();

    let late = served.connect().await;
    assert_eq!(late.status("/").await, 200);
    late.closed.await.unwrap();
    assert!(!held.is_finished());
    assert!(
        TcpStream::connect(served.addr.to_string()).await.is_err(),
        "the socket is closed by then"
    );
    served.let_go.add_permits(1);
    assert_eq!(held.await.unwrap().unwrap().0, 200);
    served.serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn one_connection_too_many_is_closed_while_none_is_idle() {
    let limits = ConnectionLimits {
        max_connections: 1,
        ..ConnectionLimits::default()
    };
    let served = Served::start("127.0.0.1:0", limits, HttpVersions::Http2Only);
    let first = served.connect().await;
    let held = run(first.get("/held"));
    served.is_held().await;
    let second = served.connect().await;
    second.closed.await.unwrap();
    assert!(!first.closed.is_finished());

    served.let_go.add_permits(1);
    assert_eq!(held.await.unwrap().unwrap().0, 200);
    // The first connection is idle now, and gives its place to a new one (CONTRACT 7.3.4).
    let third = served.connect().await;
    assert_eq!(third.status("/").await, 200);
    first.closed.await.unwrap();
    assert_eq!(third.status("/").await, 200);
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let limits = ConnectionLimits {
        opening_timeout: Duration::from_millis(20),
        ..ConnectionLimits::default()
    };
    let served = Served::start("127.0.0.1:0", limits, HttpVersions::Http2Only);
    let mut half = served.connect_plain().await;
    half.write_all(b"PRI * HTTP/2").await.unwrap();
    all_of(half).await;

    // One that has spoken is not.
    let client = served.connect().await;
    let held = run(client.get("/held"));
    served.is_held().await;
    all_of(served.connect_plain().await).await;
    served.let_go.add_permits(1);
    assert_eq!(held.await.unwrap().unwrap().0, 200);
}

#[tokio::test]
async fn http_1_is_refused_on_a_port_of_http_2() {
    let served = Served::tcp();
    let mut stream = served.connect_plain().await;
    let request = b"GET / HTTP/1.1\r\nhost: a.example\r\n\r\n";
    stream.write_all(request).await.unwrap();
    assert!(!all_of(stream).await.contains("200 OK"));
}

#[tokio::test]
async fn both_protocols_are_answered_and_drained_on_one_port() {
    let limits = ConnectionLimits::default();
    let served = Served::start("127.0.0.1:0", limits, HttpVersions::Http1AndHttp2);
    let two = served.connect().await;
    assert_eq!(two.status("/").await, 200);

    let mut one = served.connect_plain().await;
    let request = b"GET /held HTTP/1.1\r\nhost: a.example\r\n\r\n";
    one.write_all(request).await.unwrap();
    served.is_held().await;
    served.trigger.start(LONG);
    two.closed.await.unwrap();
    served.let_go.add_permits(1);
    let answer = all_of(one).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    served.serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_request_in_flight_ends_at_the_deadline() {
    let limits = ConnectionLimits::default();
    let served = Served::start("127.0.0.1:0", limits, HttpVersions::Http2Only);
    let client = served.connect().await;
    let held = run(client.get("/held"));
    served.is_held().await;
    served.trigger.start(Duration::from_millis(200));
    served.serving.await.unwrap().unwrap();
    assert!(held.await.unwrap().is_err());
}

#[tokio::test]
async fn connections_end_when_their_port_is_no_longer_served() {
    let served = Served::tcp();
    let client = served.connect().await;
    assert_eq!(client.status("/").await, 200);
    served.serving.abort();
    client.closed.await.unwrap();
}

#[tokio::test]
async fn a_lost_worker_ends_the_serving_with_an_error() {
    let served = Served::tcp();
    served.workers.pool().lose(1);
    let error = served.serving.await.unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot go on serving: thread worker-1 has panicked"
    );
}

#[tokio::test]
async fn routes_are_served() {
    let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = listener.local_addr().to_string();
    let (_trigger, drain) = Drain::new();
    let routes = axum::Router::new().route("/livez", axum::routing::get(|| async { "ok" }));
    let workers = Workers::start("worker", NonZeroUsize::MIN).unwrap();
    let serving = run(serve(
        listener,
        RouteService::new(routes),
        PortSettings::of_few("probe_listen"),
        workers.pool(),
        drain,
    ));

    let client = Client::over(TcpStream::connect(addr).await.unwrap()).await;
    assert_eq!(client.get("/livez").await.unwrap(), (200, "ok".to_owned()));
    serving.abort();
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

/// A client can make Envoy open and reset checks quickly, on the connection that the checks of all clients share.
#[tokio::test]
async fn requests_that_are_reset_at_once_do_not_affect_others() {
    let served = Served::tcp();
    let mut stream = served.open_http2().await;
    stream.write_all(&head(1, "/held")).await.unwrap();
    served.is_held().await;
    let taken_back: Vec<u8> = (1..1000)
        .flat_map(|n| [head(2 * n + 1, "/"), frame(3, 0, 2 * n + 1, &[0, 0, 0, 8])].concat())
        .collect();
    stream.write_all(&taken_back).await.unwrap();
    served.let_go.add_permits(1);
    while read_frame(&mut stream).await != (1, 1) {}
}

/// An overloaded service answers before requests have arrived completely. The rest of those requests must not close the
/// connection.
#[tokio::test]
async fn frames_that_arrive_after_their_answer_do_not_affect_others() {
    let served = Served::tcp();
    let mut stream = served.open_http2().await;
    let streams: Vec<u32> = (0..1500).map(|n| 2 * n + 1).collect();
    for &on_stream in &streams {
        let mut begun = head(on_stream, "/");
        begun[4] = 0x4; // END_HEADERS alone
        stream.write_all(&begun).await.unwrap();
        while read_frame(&mut stream).await != (0, on_stream) {}
    }
    let late: Vec<u8> = streams
        .iter()
        .flat_map(|&s| frame(0, 1, s, b"late"))
        .collect();
    stream.write_all(&late).await.unwrap();
    stream.write_all(&frame(6, 0, 0, &[0; 8])).await.unwrap();
    while read_frame(&mut stream).await.0 != 6 {}
}

/// The kind of the next frame, which must not be GOAWAY, and its stream.
async fn read_frame(stream: &mut TcpStream) -> (u8, u32) {
    let mut header = [0; 9];
    stream
        .read_exact(&mut header)
        .await
        .expect("the connection stays open");
    let length =
        usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2]);
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).await.unwrap();
    assert_ne!(
        header[3],
        7,
        "GOAWAY: {}",
        String::from_utf8_lossy(&payload)
    );
    (
        header[3],
        u32::from_be_bytes(header[5..].try_into().unwrap()),
    )
}

#[tokio::test]
async fn a_call_with_large_headers_reaches_the_service() {
    let served = Served::tcp();
    let client = served.connect().await;
    let request = Request::get("http://a.example/")
        .header("tracestate", "a".repeat(60 * 1024))
        .body(Empty::new())
        .unwrap();
    let response = client.sender.clone().send_request(request).await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
}
