//! Which task answers a call.

use std::future::{poll_fn, ready};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use h2::client::{ResponseFuture, SendRequest};
use h2::{Ping, PingPong, SendStream};
use http::StatusCode;
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::task::{self, JoinHandle};

use super::*;
use crate::server::activity::PortUsage;
use crate::server::connection_errors::{ConnectionErrors, WireReport};
use crate::server::limits::HttpVersions;
use crate::server::requests::RequestTasksOwner;
use crate::server::stream::{Plain, Stream};
use crate::server::timers::Timers;

type Answer = Result<Response<Full<Bytes>>, Infallible>;

/// A client of a connection whose service answers each call with its message.
struct Peer {
    calls: SendRequest<Bytes>,
    pings: PingPong,
    connection: JoinHandle<()>,
    /// The tasks that answered a call.
    answering: mpsc::UnboundedReceiver<task::Id>,
    _tasks: RequestTasksOwner,
}

impl Peer {
    #[allow(
        clippy::disallowed_methods,
        reason = "the runtime of the test ends both tasks"
    )]
    async fn connect() -> Peer {
        let (own, peer) = UnixStream::pair().unwrap();
        let (answers, answering) = mpsc::unbounded_channel();
        let service = service_fn(move |request| echo(request, answers.clone()));
        let (connection, tasks) = serve(own, service);
        let connection = tokio::spawn(connection);
        // The window is large enough for all answers of a test.
        let (calls, mut client) = h2::client::Builder::new()
            .initial_connection_window_size(1024 * 1024)
            .handshake(peer)
            .await
            .unwrap();
        let pings = client.ping_pong().unwrap();
        tokio::spawn(async move {
            let _ = client.await;
        });
        Peer {
            calls,
            pings,
            connection,
            answering,
            _tasks: tasks,
        }
    }

    fn begin(&mut self) -> (ResponseFuture, SendStream<Bytes>) {
        let request = Request::post("http://accredit/").body(()).unwrap();
        self.calls.send_request(request, false).unwrap()
    }

    /// Waits until the connection has read all that was sent before.
    async fn ping(&mut self) {
        // The client sends a PING before calls that wait, so the first can be earlier than they.
        for _ in 0..2 {
            self.pings.ping(Ping::opaque()).await.unwrap();
        }
    }
}

/// Serves a connection by this service, once it is polled.
fn serve<S>(own: UnixStream, service: S) -> (Http2Connection<S, Full<Bytes>>, RequestTasksOwner)
where
    S: Service<Request<MessageBody>, Response = Response<Full<Bytes>>, Error = Infallible>,
    S::Future: AnswerFuture,
{
    // No answer may wait on the port, and several on the connection.
    let limits = ConnectionLimits {
        message_timeout: Duration::from_secs(1),
        max_unsent: 0,
        max_unsent_per_connection: 128 * 1024,
        ..ConnectionLimits::default()
    };
    let report = WireReport {
        errors: Arc::new(ConnectionErrors::new("listen")),
        peer: None,
    };
    let stream = Stream::Plain(Plain::Unix(own));
    let activity = Arc::new(Activity::new(Arc::new(PortUsage::new(&limits))));
    let versions = HttpVersions::Http2Only;
    let (wire, _) = Wire::new(stream, versions, &limits, activity.clone(), report.clone());
    let (tasks, owner) = RequestTasks::owned();
    let timers = Timers::default();
    let connection = Http2Connection::new(wire, service, limits, timers, activity, report, tasks);
    (connection, owner)
}

fn echo(
    request: Request<MessageBody>,
    answers: mpsc::UnboundedSender<task::Id>,
) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
    Box::pin(async move {
        answers.send(task::id()).unwrap();
        let mut answer = Response::new(Full::default());
        match request.into_body().collect().await {
            Ok(message) => *answer.body_mut() = Full::new(message.to_bytes()),
            Err(_) => *answer.status_mut() = StatusCode::REQUEST_TIMEOUT,
        }
        Ok(answer)
    })
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_message_follows_its_headers_is_answered_by_the_task_of_its_connection() {
    let mut peer = Peer::connect().await;
    for text in ["first", "second"] {
        let (answer, mut message) = peer.begin();
        peer.ping().await;
        assert!(peer.answering.try_recv().is_err(), "its message is missing");
        message.send_data(text.into(), true).unwrap();
        let body = answer.await.unwrap().into_body().data().await;
        assert_eq!(body.unwrap().unwrap(), text);
        assert_eq!(peer.answering.recv().await, Some(peer.connection.id()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_message_does_not_come_gets_a_task_and_keeps_its_time_limit() {
    let mut peer = Peer::connect().await;
    let begun = Instant::now();
    let (answer, _message) = peer.begin();
    let answering = peer.answering.recv().await.unwrap();
    assert_ne!(answering, peer.connection.id());
    assert_eq!(answer.await.unwrap().status(), StatusCode::REQUEST_TIMEOUT);
    // The clock of tokio counts in milliseconds.
    assert!(begun.elapsed() <= Duration::from_millis(1001));
}

#[tokio::test(start_paused = true)]
async fn of_many_calls_without_messages_only_some_wait_for_them() {
    let mut peer = Peer::connect().await;
    let _calls: Vec<_> = (0..100).map(|_| peer.begin()).collect();
    peer.ping().await;
    let mut at_once = 0;
    while peer.answering.try_recv().is_ok() {
        at_once += 1;
    }
    assert!(at_once > 0 && at_once < 100, "{at_once}");
    for _ in at_once..100 {
        assert!(peer.answering.recv().await.is_some());
    }
}

#[tokio::test]
async fn a_peer_that_reads_gets_the_answers_of_all_calls_that_were_read_together() {
    let mut peer = Peer::connect().await;
    let mut answers = Vec::new();
    for _ in 0..100 {
        let (answer, mut message) = peer.begin();
        // The library h2 does not copy it into its buffer, which is closed then.
        message.send_data(vec![0; 1200].into(), true).unwrap();
        answers.push(answer);
    }
    for answer in answers {
        let mut body = answer.await.unwrap().into_body();
        let mut length = 0;
        while let Some(part) = body.data().await {
            let part = part.unwrap().len();
            body.flow_control().release_capacity(part).unwrap();
            length += part;
        }
        assert_eq!(length, 1200);
    }
}

/// While a turn answers several calls, others often arrive. To answer them in the same turn saves a write and a wait.
#[tokio::test]
async fn calls_that_arrive_while_others_are_answered_are_answered_with_them() {
    for (at_first, expected) in [(3, 3), (4, 5)] {
        let (own, peer) = UnixStream::pair().unwrap();
        let peer = Arc::new(peer);
        let mut first = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
        for number in 0..at_first {
            first.extend(call_without_message(2 * number + 1));
        }
        peer.try_write(&first).unwrap();

        let answered = Arc::new(AtomicUsize::new(0));
        let (count, sender) = (Arc::clone(&answered), Arc::clone(&peer));
        let service = service_fn(move |_: Request<MessageBody>| {
            if count.fetch_add(1, Ordering::Relaxed) == 0 {
                let later = call_without_message(2 * at_first + 1);
                sender.try_write(&later).unwrap();
            }
            Box::pin(ready(Answer::Ok(Response::new(Full::default()))))
        });
        let (mut connection, _owner) = serve(own, service);
        poll_fn(|cx| {
            // The first poll may find that nothing has arrived yet. Its waker is that of this task.
            assert!(Pin::new(&mut connection).poll(cx).is_pending());
            if answered.load(Ordering::Relaxed) == 0 {
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
        assert_eq!(answered.load(Ordering::Relaxed), expected, "{at_first}");
    }
}

/// A HEADERS frame that begins and ends a POST.
fn call_without_message(stream: u8) -> [u8; 15] {
    const END_STREAM_AND_HEADERS: u8 = 5;
    [
        0,
        0,
        6,
        1,
        END_STREAM_AND_HEADERS,
        0,
        0,
        0,
        stream, //
        0x83,
        0x86,
        0x84,
        0x01,
        1,
        b'a',
    ]
}
