//! Which task answers a call.

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
use crate::server::connection_errors::ConnectionErrors;
use crate::server::limits::HttpVersions;
use crate::server::requests::RequestTasksOwner;
use crate::server::stream::{Plain, Stream};
use crate::server::wire::WireReport;

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
        let limits = ConnectionLimits {
            message_timeout: Duration::from_secs(1),
            ..ConnectionLimits::default()
        };
        let report = WireReport {
            errors: Arc::new(ConnectionErrors::new("listen")),
            peer: None,
        };
        let stream = Stream::Plain(Plain::Unix(own));
        let activity = Arc::new(Activity::new(Arc::new(PortUsage::new(&limits))));
        let (wire, _) = Wire::new(
            stream,
            HttpVersions::Http2Only,
            &limits,
            activity.clone(),
            report,
        );
        let (tasks, owner) = RequestTasks::owned();
        let (answers, answering) = mpsc::unbounded_channel();
        let service = service_fn(move |request| echo(request, answers.clone()));
        let connection = tokio::spawn(Http2Connection::new(wire, service, limits, activity, tasks));
        let (calls, mut client) = h2::client::handshake(peer).await.unwrap();
        let pings = client.ping_pong().unwrap();
        tokio::spawn(async move {
            let _ = client.await;
        });
        Peer {
            calls,
            pings,
            connection,
            answering,
            _tasks: owner,
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
