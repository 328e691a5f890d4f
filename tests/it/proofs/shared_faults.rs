//! A shared memory of used proofs that is down, hangs, is slow, refuses, or cannot be trusted.

use std::time::Duration;

use tokio::net::TcpListener;

use crate::support::certificates::Authority;
use crate::support::check_request::ClientRequest;
use crate::support::connection::Envoy;
use crate::support::eventually::within;
use crate::support::keys::{p256, rsa};
use crate::support::ports::free_address;
use crate::support::process::{Running, accredit};
use crate::support::service::Service;
use crate::support::token::Token;

use super::place::{ISSUER, bound, client_request};
use super::redis::Redis;
use super::replicas::{count, new_proof, replica, shared, until_connected};

async fn refused_with_503(envoy: &Envoy, token: &str, proof: &str) {
    let answer = envoy.check(client_request(token, proof)).await;
    assert_eq!(answer.reason(), "internal_error");
    assert_eq!(answer.http, 503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    // A check without a proof does not need the memory.
    let unbound = ClientRequest::bearer(&Token::of(ISSUER).signed(rsa(0)));
    assert_eq!(envoy.check(unbound).await.reason(), "allowed");
}

async fn admits_a_new_proof(envoy: &Envoy, token: &str) {
    let answer = envoy.check(client_request(token, &new_proof(token))).await;
    assert_eq!(answer.reason(), "allowed");
}

#[tokio::test]
async fn without_a_connection_requests_with_proofs_are_refused_until_it_is_back() {
    let mut redis = Redis::start().await;
    let service = replica(&redis.url(), "").await;
    let envoy = service.envoy().await;
    let token = bound(p256(0));
    let used = new_proof(&token);
    let answer = envoy.check(client_request(&token, &used)).await;
    assert_eq!(answer.reason(), "allowed");
    redis.stop().await;
    until_connected(&service, false).await;
    refused_with_503(&envoy, &token, &new_proof(&token)).await;
    redis.start_again().await;
    until_connected(&service, true).await;
    // The server has lost what it had; the replica has not.
    assert_eq!(redis.command("DBSIZE").await, ":0");
    for (proof, reason) in [(&new_proof(&token), "allowed"), (&used, "replayed_proof")] {
        let answer = envoy.check(client_request(&token, proof)).await;
        assert_eq!(answer.reason(), reason);
    }
}

#[tokio::test]
async fn a_service_starts_and_is_ready_without_its_shared_memory() {
    let mut redis = Redis::start().await;
    redis.stop().await;
    let service = Service::ready(&shared(&redis.url(), "")).await;
    let envoy = service.envoy().await;
    let token = bound(p256(0));
    refused_with_503(&envoy, &token, &new_proof(&token)).await;
    redis.start_again().await;
    until_connected(&service, true).await;
    admits_a_new_proof(&envoy, &token).await;
}

#[tokio::test]
async fn a_memory_that_hangs_refuses_at_the_deadline_of_the_check() {
    let redis = Redis::start().await;
    let service = replica(&redis.url(), "check_timeout: 100ms\n").await;
    let envoy = service.envoy().await;
    let token = bound(p256(0));
    redis.signal("STOP").await;
    for _ in 0..4 {
        refused_with_503(&envoy, &token, &new_proof(&token)).await;
    }
    assert!(count(&service, "timeout").await > 0);
    // The connection is given up, although it is open.
    until_connected(&service, false).await;
    redis.signal("CONT").await;
    until_connected(&service, true).await;
    admits_a_new_proof(&envoy, &token).await;
}

/// The decision is not made again after the wait, so the wait has a limit of its own, which is shorter than the time after which
/// accredit gives up a connection without answers. Without it, the result is `unreachable`.
#[tokio::test]
async fn a_memory_that_records_nothing_refuses_before_a_long_deadline_of_the_check() {
    let redis = Redis::start().await;
    let service = replica(&redis.url(), "check_timeout: 1h\n").await;
    let envoy = service.envoy().await;
    let token = bound(p256(0));
    let pause = redis.command("CLIENT PAUSE 7200000 WRITE").await;
    assert_eq!(pause, "+OK");
    let request = client_request(&token, &new_proof(&token));
    let answer = envoy.check_within(request, Duration::from_secs(7200)).await;
    assert_eq!(
        (answer.reason().as_str(), answer.http),
        ("internal_error", 503)
    );
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(count(&service, "timeout").await, 1);
    assert_eq!(redis.command("CLIENT UNPAUSE").await, "+OK");
    admits_a_new_proof(&envoy, &token).await;
}

#[tokio::test]
async fn a_server_that_accepts_connections_and_never_answers_refuses_requests_with_proofs() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", silent.local_addr().unwrap());
    let service = Service::ready(&shared(&url, "check_timeout: 1h\n")).await;
    let envoy = service.envoy().await;
    let token = bound(p256(0));
    let (connection, _) = within("accredit connects", silent.accept()).await.unwrap();
    refused_with_503(&envoy, &token, &new_proof(&token)).await;
    drop(connection);
}

#[tokio::test]
async fn a_slow_memory_is_awaited_within_the_deadline() {
    let redis = Redis::start().await;
    let service = replica(&redis.url(), "check_timeout: 20s\n").await;
    let envoy = service.envoy().await;
    let token = bound(p256(0));
    assert_eq!(redis.command("CLIENT PAUSE 500 ALL").await, "+OK");
    let request = client_request(&token, &new_proof(&token));
    let answer = envoy.check_within(request, Duration::from_secs(30)).await;
    assert_eq!(answer.reason(), "allowed");
}

#[tokio::test]
async fn a_memory_that_refuses_commands_refuses_requests() {
    let redis = Redis::start().await;
    let service = replica(&redis.url(), "").await;
    let envoy = service.envoy().await;
    let token = bound(p256(0));
    // A primary without enough replicas accepts no writes.
    let set = redis.command("CONFIG SET min-replicas-to-write 1").await;
    assert_eq!(set, "+OK");
    let proof = new_proof(&token);
    refused_with_503(&envoy, &token, &proof).await;
    assert_eq!(count(&service, "refused").await, 1);
    redis.command("CONFIG SET min-replicas-to-write 0").await;
    let answer = envoy.check(client_request(&token, &proof)).await;
    assert_eq!(answer.reason(), "allowed");
}

/// `accredit serve` with this memory, and the lines of its log until the memory is reported.
async fn serve(url: &str, report: &str, certificates: Option<&str>) -> (Running, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    let ports = "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n";
    std::fs::write(&file, format!("{ports}{}", shared("${REDIS}", ""))).unwrap();
    let mut command = accredit(&["serve", "--config", file.to_str().unwrap()]);
    command.env("REDIS", url);
    if let Some(certificates) = certificates {
        command.env("SSL_CERT_FILE", certificates);
    }
    let mut running = Running::start(&mut command).await;
    let line = running.wait_for_line(report).await.to_string();
    (running, line)
}

#[tokio::test]
async fn a_password_opens_the_memory_and_appears_in_no_log() {
    let password = ["--requirepass", "s3cret+pass"];
    let user = ["--user", "accredit", "on", ">pw", "~accredit:proof:*"];
    let rights = ["+set", "+ping", "+select"];
    let redis = Redis::start_with(&[&password[..], &user, &rights].concat()).await;
    let token = bound(p256(0));
    let authority = redis.address;
    for (credentials, report, is_admitted) in [
        (
            ":s3cret%2Bpass@",
            "connected to the memory of used proofs",
            true,
        ),
        (
            "default:s3cret%2Bpass@",
            "connected to the memory of used proofs",
            true,
        ),
        (
            ":wr0ng-one@",
            "no connection to the memory of used proofs",
            false,
        ),
        ("", "no connection to the memory of used proofs", false),
        // The rights that docs/bound-tokens.md names are enough.
        (
            "accredit:pw@",
            "connected to the memory of used proofs",
            true,
        ),
    ] {
        let url = format!("redis://{credentials}{authority}");
        let (running, line) = serve(&url, report, None).await;
        let answer = running
            .check(client_request(&token, &new_proof(&token)))
            .await;
        assert_eq!(answer.is_admission(), is_admitted, "{answer:?}");
        assert!(line.contains(&authority.to_string()), "{line}");
        for secret in ["s3cret", "wr0ng"] {
            assert!(!line.contains(secret), "{line}");
            let mut logged = running.logged_at_start.iter();
            assert!(logged.all(|line| !line.contains(secret)));
        }
    }
}

#[tokio::test]
async fn rediss_requires_a_certificate_of_a_trusted_authority_for_the_host() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    authority.certify("localhost").write(folder.path(), "redis");
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, authority.pem()).unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let tls = free_address().port();
    let (certificate, key) = (path("redis.crt"), path("redis.key"));
    let redis = Redis::start_with(&[
        "--tls-port",
        &tls.to_string(),
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-auth-clients",
        "no",
    ])
    .await;
    let token = bound(p256(0));
    let trusted = roots.to_str().unwrap();
    for (host, certificates, is_admitted) in [
        ("localhost", Some(trusted), true),
        ("localhost", None, false),
        ("127.0.0.1", Some(trusted), false),
    ] {
        let report = match is_admitted {
            true => "connected to the memory of used proofs",
            false => "no connection to the memory of used proofs",
        };
        let url = format!("rediss://{host}:{tls}");
        let (running, _) = serve(&url, report, certificates).await;
        let answer = running
            .check(client_request(&token, &new_proof(&token)))
            .await;
        assert_eq!(answer.is_admission(), is_admitted, "{host}: {answer:?}");
    }
    assert_eq!(redis.command("DBSIZE").await, ":1");
}
