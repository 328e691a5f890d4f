//! A key server that can misbehave in every way, and records its requests.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::eventually::within;

/// What the server does with a request for a path.
#[derive(Clone)]
pub enum Reply {
    /// Sends the answer.
    Answer(Answer),
    /// Sends the answer once the semaphore has a permit, and consumes the permit.
    When(Arc<Semaphore>, Answer),
    /// Sends the answer after a delay.
    Late(Duration, Answer),
    /// Sends nothing until the client disconnects.
    Hang,
    /// Sends the body one byte at a time, more slowly than any time limit of a fetch.
    Drip(Answer),
    /// Sends half of the body and closes the connection.
    Drop(Answer),
}

/// An HTTP answer.
#[derive(Clone)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// The head of a request that the server received.
#[derive(Clone, Debug)]
pub struct Seen {
    pub path: String,
    head: String,
}

/// The server. Dropping it stops it.
pub struct KeyServer {
    address: SocketAddr,
    state: Arc<State>,
    _tasks: JoinSet<()>,
}

struct State {
    replies: Mutex<HashMap<String, Reply>>,
    seen: Mutex<Vec<Seen>>,
    count: watch::Sender<usize>,
    /// How many callers went away while [`Reply::Hang`] kept them waiting.
    left: watch::Sender<usize>,
}

// === impl Answer ===

impl Answer {
    pub fn of(status: u16, body: impl Into<Vec<u8>>) -> Answer {
        Answer {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    pub fn with(mut self, name: &str, value: &str) -> Answer {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn head(&self) -> String {
        let mut head = format!("HTTP/1.1 {} Whatever\r\nconnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.status != 304 {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        head + "\r\n"
    }
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Reply {
        Reply::Answer(answer)
    }
}

impl From<String> for Reply {
    /// An answer with a key set.
    fn from(body: String) -> Reply {
        Answer::of(200, body)
            .with("content-type", "application/json")
            .into()
    }
}

// === impl KeyServer ===

impl KeyServer {
    /// Starts a server that answers every request with 404.
    pub async fn start() -> KeyServer {
        KeyServer::listening("127.0.0.1:0", None).await
    }

    /// The same at this address, over TLS if there is an acceptor.
    pub async fn listening(address: &str, tls: Option<TlsAcceptor>) -> KeyServer {
        let listener = TcpListener::bind(address).await.expect("binds");
        let address = listener.local_addr().expect("has an address");
        let state = Arc::new(State {
            replies: Mutex::default(),
            seen: Mutex::default(),
            count: watch::Sender::new(0),
            left: watch::Sender::new(0),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, tls, state.clone()));
        KeyServer {
            address,
            state,
            _tasks: tasks,
        }
    }

    /// The same over TLS.
    pub async fn over_tls(acceptor: TlsAcceptor) -> KeyServer {
        KeyServer::listening("127.0.0.1:0", Some(acceptor)).await
    }

    /// Starts a server whose `/keys` has this reply.
    pub async fn with_keys(reply: impl Into<Reply>) -> KeyServer {
        let server = KeyServer::start().await;
        server.serve("/keys", reply);
        server
    }

    /// Sets the reply of a path.
    pub fn serve(&self, path: &str, reply: impl Into<Reply>) {
        lock(&self.state.replies).insert(path.to_owned(), reply.into());
    }

    /// Sets the reply of a path to discovery metadata.
    pub fn serve_metadata(&self, path: &str, issuer: &str, jwks_uri: &str) {
        self.serve(
            path,
            json!({ "issuer": issuer, "jwks_uri": jwks_uri }).to_string(),
        );
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The number of requests for a path.
    pub fn count(&self, path: &str) -> usize {
        self.requests(path).len()
    }

    /// The number of requests for all paths.
    pub fn total(&self) -> usize {
        lock(&self.state.seen).len()
    }

    /// The requests for a path.
    pub fn requests(&self, path: &str) -> Vec<Seen> {
        let seen = lock(&self.state.seen);
        seen.iter()
            .filter(|seen| seen.path == path)
            .cloned()
            .collect()
    }

    /// Waits until this many clients have given up a request that [`Reply::Hang`] left without an answer.
    pub async fn given_up(&self, times: usize) {
        let mut left = self.state.left.subscribe();
        let given_up = left.wait_for(|left| *left >= times);
        let _ = within(&format!("{times} requests are given up"), given_up)
            .await
            .expect("the server lives");
    }

    /// Waits until the path was requested this many times.
    pub async fn wait_for_requests(&self, path: &str, times: usize) {
        let mut count = self.state.count.subscribe();
        let asked = count.wait_for(|_| self.count(path) >= times);
        let _ = within(&format!("{path} is requested {times} times"), asked)
            .await
            .expect("the server lives");
    }
}

impl Seen {
    /// A header of the request.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (own, value) = line.split_once(':')?;
            own.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

trait Peer: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer for S {}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                let (tls, state) = (tls.clone(), state.clone());
                connections.spawn(async move {
                    match tls {
                        // A client that does not trust the certificate ends the handshake.
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serve(stream, state).await,
                            Err(_) => state.count.send_modify(|count| *count += 1),
                        },
                        None => serve(stream, state).await,
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one request. I/O errors mean that the client has disconnected.
async fn serve(mut stream: impl Peer, state: Arc<State>) {
    let Some(seen) = read_head(&mut stream).await else {
        return;
    };
    let reply = lock(&state.replies).get(&seen.path).cloned();
    lock(&state.seen).push(seen);
    state.count.send_modify(|count| *count += 1);
    match reply.unwrap_or_else(|| Answer::of(404, "no").into()) {
        Reply::Answer(answer) => send(&mut stream, &answer).await,
        Reply::When(permits, answer) => {
            if let Ok(permit) = permits.acquire().await {
                permit.forget();
                send(&mut stream, &answer).await;
            }
        }
        Reply::Late(span, answer) => {
            tokio::time::sleep(span).await;
            send(&mut stream, &answer).await;
        }
        Reply::Hang => {
            let _ = stream.read(&mut [0]).await;
            state.left.send_modify(|left| *left += 1);
        }
        Reply::Drip(answer) => drip(&mut stream, &answer).await,
        Reply::Drop(answer) => {
            let half = answer.body.get(..answer.body.len() / 2).unwrap_or_default();
            let _ = stream.write_all(answer.head().as_bytes()).await;
            let _ = stream.write_all(half).await;
        }
    }
}

async fn read_head(stream: &mut impl Peer) -> Option<Seen> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let path = head.split(' ').nth(1)?.to_owned();
    Some(Seen { path, head })
}

async fn send(stream: &mut impl Peer, answer: &Answer) {
    let mut bytes = answer.head().into_bytes();
    bytes.extend_from_slice(&answer.body);
    let _ = stream.write_all(&bytes).await;
    let _ = stream.shutdown().await;
}

async fn drip(stream: &mut impl Peer, answer: &Answer) {
    let _ = stream.write_all(answer.head().as_bytes()).await;
    for byte in &answer.body {
        if stream.write_all(&[*byte]).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
