//! Connections of each kind, their limit, and faults of one of them.

use super::*;

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
async fn a_lost_worker_ends_the_serving_with_an_error() {
    let served = Served::tcp();
    served.workers.pool().lose(1);
    let error = served.serving.await.unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot continue to serve: thread worker-1 has panicked"
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
