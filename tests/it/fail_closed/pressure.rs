//! Too many checks, broken calls, and internal errors.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use accredit::envoy::current::Current;
use accredit::envoy::fail_closed::FailClosed;
use accredit::envoy::in_flight::InFlight;
use accredit::envoy::judge::Judge;
use accredit::envoy::port::CheckPort;
use accredit::envoy::service::CheckService;
use accredit::server::accept::{PortSettings, serve};
use accredit::server::listener::Listener;
use accredit::server::shutdown::Drain;
use accredit::server::workers::Workers;
use accredit_core::authn::authenticator::ticket::KeyTicket;
use accredit_core::authn::moment::Moment;
use accredit_core::authz::answer::Judged;
use accredit_core::authz::authorizer::Judgement;
use accredit_core::authz::denial::Denial;
use accredit_core::authz::refusal_settings::RefusalSettings;
use accredit_core::config::listen_addr::ListenAddr;
use accredit_core::request::Request;
use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
use http::HeaderMap;
use http_body_util::BodyExt as _;
use prost::Message as _;
use tokio::time::Instant;

use crate::support::answer::Answer;
use crate::support::check_request::ClientRequest;
use crate::support::eventually::{eventually, within};
use crate::support::http2_client::whole;
use crate::support::raw_call::{RawConnection, call_of, framed, framed_check, withheld};

use super::common::{good, service};

/// A judge that counts its requests.
struct Counts(Arc<AtomicUsize>);

impl Judge for Counts {
    fn judge(&self, _: &Request<'_>, _: Moment) -> Judgement {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("on purpose: no decision is needed here");
    }

    fn judge_after(&self, _: &Request<'_>, _: Moment, _: &KeyTicket) -> Judgement {
        panic!("on purpose: no judgement is needed here");
    }

    fn refuse(&self, denial: Denial) -> Judged {
        RefusalSettings::default().refuse_call(denial)
    }
}

#[tokio::test]
async fn no_request_is_judged_after_the_deadline_of_its_call() {
    let asked = Arc::new(AtomicUsize::new(0));
    let service = CheckService::new(Arc::new(Counts(asked.clone())), Duration::from_secs(1));
    let checks = FailClosed::new(Arc::new(Current::new(service)), InFlight::new(16));
    let checks = Arc::new(checks);
    for (timeout, body, times) in [
        ("0m", whole(framed_check(good())), 0),
        ("1n", whole(framed_check(good())), 0),
        ("20m", withheld(Vec::new()), 0),
        ("1H", whole(framed_check(good())), 1),
    ] {
        let mut call = call_of(body);
        call.headers_mut()
            .insert("grpc-timeout", timeout.parse().unwrap());
        let arrival = checks.arrive(call.headers(), Instant::now());
        let answering = checks.clone().call(arrival, call.into_body());
        let answer = within("the call is answered", answering).await;
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        let answer = Answer::of(CheckResponse::decode(&bytes[5..]).unwrap());
        assert_eq!(answer.reason(), "internal_error", "{timeout}");
        assert_eq!(asked.load(Ordering::SeqCst), times, "{timeout}");
    }
}

/// CONTRACT 7.1.1: overload is refused when the headers arrive, and not after a queue.
#[tokio::test]
async fn a_check_that_waits_for_a_thread_is_in_flight() {
    let asked = Arc::new(AtomicUsize::new(0));
    let service = CheckService::new(Arc::new(Counts(asked.clone())), Duration::from_secs(1));
    let checks = FailClosed::new(Arc::new(Current::new(service)), InFlight::new(1));
    let checks = Arc::new(checks);
    let arrive = || checks.arrive(&HeaderMap::new(), Instant::now());
    let (first, second) = (arrive(), arrive());
    let reason = async |arrival| {
        let body = whole(framed_check(good()));
        let answer = within("the call is answered", checks.clone().call(arrival, body)).await;
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        Answer::of(CheckResponse::decode(&bytes[5..]).unwrap()).reason()
    };
    assert_eq!(reason(second).await, "overloaded");
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    drop(first);
    assert_eq!(reason(arrive()).await, "internal_error");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn checks_beyond_the_limit_are_refused_at_once() {
    let service = service("max_concurrent_checks: 2\n").await;
    let mut connection = RawConnection::open(&service.checks).await;
    let held = [(); 2].map(|()| connection.send(call_of(withheld(Vec::new()))));
    let more = [good(), ClientRequest::plain()]
        .map(|client_request| connection.send(call_of(whole(framed_check(client_request)))));
    for answer in futures_util::future::join_all(more).await {
        assert_eq!(answer.reason(), "overloaded");
        assert_eq!(
            (answer.code, answer.http, answer.retry_after()),
            (14, 503, Some(1))
        );
        assert_eq!(
            answer.body,
            r#"{"error":"Authorization temporarily unavailable"}"#
        );
    }
    for answer in futures_util::future::join_all(held).await {
        assert_eq!(answer.reason(), "internal_error");
    }
    let answer = connection.send(call_of(whole(framed_check(good())))).await;
    assert!(answer.is_admission(), "their places are free again");
}

#[tokio::test]
async fn a_call_that_is_reset_frees_its_place() {
    let service = service("max_concurrent_checks: 1\n").await;
    let mut broken = RawConnection::open(&service.checks).await;
    let held = broken.send(call_of(withheld(Vec::new())));
    // On one connection, who calls first is let in first.
    let other = broken.send(call_of(whole(framed_check(good()))));
    assert_eq!(other.await.reason(), "overloaded");
    drop(held);
    drop(broken);
    let mut connection = RawConnection::open(&service.checks).await;
    eventually("the place is free", async || {
        let answer = connection.send(call_of(whole(framed_check(good())))).await;
        answer.is_admission().then_some(())
    })
    .await;
}

/// A judge with a fault.
struct Panics;

impl Judge for Panics {
    fn judge(&self, _: &Request<'_>, _: Moment) -> Judgement {
        panic!("on purpose: this is the test of what becomes of it");
    }

    fn judge_after(&self, _: &Request<'_>, _: Moment, _: &KeyTicket) -> Judgement {
        panic!("on purpose: no judgement is needed here");
    }

    fn refuse(&self, denial: Denial) -> Judged {
        RefusalSettings::default().refuse_call(denial)
    }
}

#[tokio::test]
async fn a_panic_refuses_only_its_own_request() {
    let address: ListenAddr = "127.0.0.1:0".parse().unwrap();
    let listener = Listener::bind(&address).expect("can be bound");
    let address = listener.local_addr();
    let service = CheckService::new(Arc::new(Panics), Duration::from_secs(1));
    let checks = FailClosed::new(Arc::new(Current::new(service)), InFlight::new(1));
    let (_, health) = tonic_health::server::health_reporter();
    let port = CheckPort::new(checks, tonic::service::Routes::new(health));
    let workers = Workers::start("worker", std::num::NonZeroUsize::MIN).expect("can start");
    let (_trigger, drain) = Drain::new();
    let settings = PortSettings::of_checks("listen");
    let serving = serve(listener, port, settings, workers.pool(), drain);
    let asking = async {
        let mut connection = RawConnection::open(&address).await;
        for _ in 0..3 {
            let answer = connection.send(call_of(whole(framed_check(good())))).await;
            // Not `overloaded` the second time: the place was given back.
            assert_eq!(answer.reason(), "internal_error");
            assert_eq!(
                (answer.code, answer.http, answer.retry_after()),
                (14, 503, Some(1))
            );
        }
        let answer = connection.send(call_of(whole(framed(0, 0, b"")))).await;
        assert_eq!(answer.reason(), "invalid_request");
    };
    tokio::select! {
        ended = serving => panic!("{ended:?}"),
        () = asking => {}
    }
}
