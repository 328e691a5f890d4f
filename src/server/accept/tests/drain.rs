//! What happens to connections and requests while a port drains.

use super::*;

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
