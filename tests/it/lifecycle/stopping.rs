//! Stopping answers everybody.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::support::check_request::ClientRequest;
use crate::support::eventually::{eventually, within};
use crate::support::http_get::get;
use crate::support::http2_client::whole;
use crate::support::issuer::{Answer, KeyServer, Reply};
use crate::support::keys::{rsa, set};
use crate::support::process::{Running, serve_issuer};
use crate::support::raw_call::{RawConnection, call_of, framed_check};
use crate::support::service::{Service, issuer_at};
use crate::support::token::Token;

use super::common::keys;

/// What stops: who waits is answered, who comes meanwhile too, and probes tell that it is leaving.
#[tokio::test]
async fn stopping_answers_every_waiting_and_new_check() {
    let server = KeyServer::with_keys(keys()).await;
    let more = "probe_listen: 127.0.0.1:0\ndrain: 15s\n";
    let mut service = Service::ready(&format!("{}{more}", issuer_at(&server, ""))).await;
    let gate = Arc::new(Semaphore::new(0));
    let new = set([rsa(0).jwk("k"), rsa(1).jwk("new")]);
    server.serve("/keys", Reply::When(gate.clone(), Answer::of(200, new)));
    let envoy = service.envoy().await;
    let token = Token::of(&server.url(""));
    let waiting = ClientRequest::bearer(&token.clone().kid("new").signed(rsa(1)));
    let known = ClientRequest::bearer(&token.signed(rsa(0)));
    let stopping = async {
        server.wait_for_requests("/keys", 2).await;
        service.stop();
        let probes = service.probes.unwrap();
        eventually("readiness reports the drain", async || {
            (get(probes, "localhost", "/readyz").await.0 == 503).then_some(())
        })
        .await;
        assert_eq!(get(probes, "localhost", "/livez").await.0, 200);
        assert!(
            service.check(known).await.is_admission(),
            "who comes now is answered"
        );
        gate.add_permits(1);
    };
    let (answer, ()) = tokio::join!(envoy.check(waiting), stopping);
    assert!(answer.is_admission(), "{answer:?}");
    drop(envoy);
    service
        .ended()
        .await
        .expect("the service ends without an error");
}

#[tokio::test]
async fn the_service_can_stop_before_it_was_ready() {
    let server = KeyServer::with_keys(Reply::Hang).await;
    let mut service = Service::start(&issuer_at(&server, ""));
    server.wait_for_requests("/keys", 1).await;
    service.stop();
    service
        .ended()
        .await
        .expect("the service ends without an error");
}

#[tokio::test]
async fn after_a_signal_the_process_finishes_the_checks_in_flight() {
    for signal in ["TERM", "INT"] {
        let server = KeyServer::with_keys(keys()).await;
        let issuer = server.url("");
        let mut command = serve_issuer(&server, &server.url("/keys"));
        let mut process = Running::start(&mut command).await;
        process.wait_for_line("\"ready\"").await;
        let gate = Arc::new(Semaphore::new(0));
        server.serve("/keys", Reply::When(gate.clone(), Answer::of(200, keys())));
        let request = ClientRequest::bearer(&Token::of(&issuer).kid("new").signed(rsa(1)));
        let address = accredit_core::config::listen_addr::ListenAddr::Tcp(process.checks);
        let mut connection = RawConnection::open(&address).await;
        let waiting = connection.send(call_of(whole(framed_check(request))));
        let stopping = async {
            server.wait_for_requests("/keys", 2).await;
            process.signal(signal).await;
            process.wait_for_line("draining").await;
            gate.add_permits(1);
        };
        let (answer, ()) = within("both end", async { tokio::join!(waiting, stopping) }).await;
        assert_eq!(answer.reason(), "unknown_key");
        drop(connection);
        assert_eq!(process.exit_code().await, Some(0), "{signal}");
    }
}

#[tokio::test]
async fn a_second_signal_ends_the_drain() {
    let server = KeyServer::with_keys(keys()).await;
    let issuer = server.url("");
    let mut command = serve_issuer(&server, &server.url("/keys"));
    let mut process = Running::start(&mut command).await;
    process.wait_for_line("\"ready\"").await;
    let address = accredit_core::config::listen_addr::ListenAddr::Tcp(process.checks);
    let mut connection = RawConnection::open(&address).await;
    let request = ClientRequest::bearer(&Token::of(&issuer).signed(rsa(0)));
    assert!(
        connection
            .send(call_of(whole(framed_check(request))))
            .await
            .is_admission()
    );
    server.serve("/keys", Reply::Hang);
    let request = ClientRequest::bearer(&Token::of(&issuer).kid("new").signed(rsa(1)));
    let _waiting = connection.send(call_of(whole(framed_check(request))));
    server.wait_for_requests("/keys", 2).await;
    process.signal("TERM").await;
    process.wait_for_line("draining").await;
    process.signal("TERM").await;
    // In the format of the log, which a collector of logs reads.
    let line = process.wait_for_line("second signal").await;
    assert_eq!(line["level"], "ERROR", "{line}");
    assert_eq!(process.exit_code().await, Some(1));
}
