//! Probes on `admin_listen` do not wait for other requests there (CONTRACT 7.3.6).

use std::num::NonZeroUsize;

use accredit::admin::pb::admin_client::AdminClient;
use accredit::admin::pb::{ExplainRequest, Header, RefreshKeysRequest};
use accredit::server::accept::{PortSettings, serve};
use accredit::server::listener::Listener;
use accredit::server::routes::RouteService;
use accredit::server::shutdown::Drain;
use accredit::server::workers::Workers;
use accredit_core::config::listen_addr::ListenAddr;
use axum::Router;
use axum::routing::get;
use tokio::sync::oneshot;

use crate::support::connection::channel;
use crate::support::eventually::within;
use crate::support::http_get;
use crate::support::issuer::{KeyServer, Reply};
use crate::support::process::{Running, accredit};
use crate::support::service::{Service, issuer_at};

use super::common::{inline, keys};

#[tokio::test]
async fn a_request_that_occupies_its_thread_delays_no_probe() {
    let (entered, has_entered) = std::sync::mpsc::channel();
    let (let_go, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Arc::new(std::sync::Mutex::new(held));
    let occupy = async move || {
        let _ = entered.send(std::thread::current().name().map(str::to_owned));
        let _ = held.lock().unwrap().recv();
        "done"
    };
    let panics = async || -> &'static str { panic!("on purpose") };
    let routes = Router::new()
        .route("/livez", get(async || "ok"))
        .route("/heavy", get(occupy))
        .route("/panics", get(panics));
    let [port, others] =
        ["port", "others"].map(|name| Workers::start(name, NonZeroUsize::MIN).expect("can start"));
    let service = RouteService::new(routes).answering_on(others.pool(), |path| path == "/livez");
    let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap()).expect("can be bound");
    let ListenAddr::Tcp(address) = listener.local_addr() else {
        panic!("is TCP")
    };
    let (_trigger, drain) = Drain::new();
    let settings = PortSettings::of_few("admin_listen");
    let serving = serve(listener, service, settings, port.pool(), drain);
    let asking = async {
        assert_eq!(http_get::get(address, "localhost", "/panics").await.0, 500);
        let probing = async {
            let wait = tokio::task::spawn_blocking(move || has_entered.recv());
            let thread = within("it is entered", wait).await.unwrap().unwrap();
            assert_eq!(thread.as_deref(), Some("others-0"));
            let probed = http_get::get(address, "localhost", "/livez").await;
            assert_eq!(probed, (200, "ok".to_owned()));
            let_go.send(()).unwrap();
        };
        let heavy = http_get::get(address, "localhost", "/heavy");
        let (answer, ()) = tokio::join!(heavy, probing);
        assert_eq!(answer, (200, "done".to_owned()));
    };
    tokio::select! {
        ended = serving => panic!("{ended:?}"),
        () = asking => {}
    }
}

/// An explanation of about as many headers as a message can have.
fn heavy() -> ExplainRequest {
    let headers = (0..9_000).map(|number| Header {
        name: format!("x-{number}"),
        value: "a".repeat(90),
    });
    ExplainRequest {
        headers: headers.collect(),
        ..ExplainRequest::default()
    }
}

#[tokio::test]
async fn explanations_are_made_on_a_thread_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    let condition = format!(
        "request.headers.exists(n, n.matches('^(x|y)+-{}$'))",
        "[0-9]?".repeat(20)
    );
    let rules: String = (0..500)
        .map(|number| format!("  - {{ match: {{ paths: [/{number}/**] }}, access: anonymous, when: \"{condition}\" }}\n"))
        .collect();
    let ports = "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n";
    std::fs::write(&file, format!("{ports}{}rules:\n{rules}", inline())).unwrap();
    let path = file.to_str().unwrap();
    let mut running = Running::start(&mut accredit(&["serve", "--config", path])).await;
    running.hear();
    let mut explaining = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let mut admin = AdminClient::new(channel(running.admin).await);
        explaining.spawn(async move { admin.explain(heavy()).await.expect("is served") });
    }
    for _ in 0..10 {
        let (status, _) = http_get::get(running.admin, "localhost", "/readyz").await;
        assert_eq!(status, 200);
    }
    let explained = within("all are explained", explaining.join_all()).await;
    for answer in explained {
        assert!(answer.into_inner().explanation.is_some());
    }
    let times = running.processor_time();
    let of = |name: &str| times.get(name).copied().unwrap_or_default();
    println!("{times:?}");
    assert!(of("admin-api-0") > of("admin-0"), "{times:?}");
}

#[tokio::test]
async fn a_refresh_that_waits_for_the_issuer_delays_no_probe() {
    let server = KeyServer::with_keys(keys()).await;
    let service = Service::ready(&issuer_at(&server, "")).await;
    server.serve("/keys", Reply::Hang);
    let (done, mut is_done) = oneshot::channel::<()>();
    let mut admin = service.admin().await;
    let refreshing = async {
        let refreshed = admin.refresh_keys(RefreshKeysRequest::default()).await;
        let _ = done.send(());
        refreshed
    };
    let probing = async {
        server.wait_for_requests("/keys", 2).await;
        let (status, _) = http_get::get(service.admin, "localhost", "/readyz").await;
        assert_eq!(status, 200);
        assert!(is_done.try_recv().is_err(), "the refresh still waits");
    };
    let (_, ()) = within("both end", async { tokio::join!(refreshing, probing) }).await;
}
