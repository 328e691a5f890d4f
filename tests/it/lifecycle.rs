//! Starting, being ready, stopping, and what each port answers to whom.

use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use super::support::check_request::Ask;
use super::support::eventually::{eventually, within};
use super::support::http_get::{get, request};
use super::support::issuer::{Answer, KeyServer, Reply};
use super::support::keys::{rsa, set};
use super::support::process::{Running, accredit};
use super::support::raw_call::{RawConnection, call_of, framed_check, whole};
use super::support::service::{Service, channel, inline_issuer, issuer_at};
use super::support::token::Token;

const ISSUER: &str = "https://issuer.test";

fn keys() -> String {
    set([rsa(0).jwk("k")])
}

fn inline() -> String {
    format!("issuers:\n{}", inline_issuer(ISSUER, &keys(), ""))
}

/// The health of that service, as a port tells it; a gRPC code where it does not.
async fn health(address: std::net::SocketAddr, service: &str) -> Result<i32, Code> {
    let mut client = HealthClient::new(channel(address).await);
    let service = service.to_owned();
    match client.check(HealthCheckRequest { service }).await {
        Ok(answer) => Ok(answer.into_inner().status),
        Err(status) => Err(status.code()),
    }
}

async fn assert_readiness(service: &Service, ready: bool) -> Value {
    let mut told = Value::Null;
    for address in [service.admin, service.probes.expect("is configured")] {
        let (status, body) = get(address, "localhost", "/readyz").await;
        assert_eq!(status, if ready { 200 } else { 503 }, "{body}");
        told = serde_json::from_str(&body).expect("is JSON");
        assert_eq!(told["ready"], ready);
        assert_eq!(get(address, "localhost", "/livez").await.0, 200);
    }
    let expected = if ready {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    };
    for name in ["", "envoy.service.auth.v3.Authorization"] {
        assert_eq!(
            health(service.checks_tcp(), name).await,
            Ok(expected as i32),
            "{name:?}"
        );
    }
    told
}

#[tokio::test]
async fn ready_once_the_keys_are_there() {
    let gate = Arc::new(Semaphore::new(0));
    let server = KeyServer::with_keys(Reply::When(gate.clone(), Answer::of(200, keys()))).await;
    let service = Service::start(&format!(
        "{}probe_listen: 127.0.0.1:0\n",
        issuer_at(&server, "")
    ));
    server.asked("/keys", 1).await;
    let told = assert_readiness(&service, false).await;
    assert_eq!(told["without_keys"], json!([server.url("")]));
    gate.add_permits(1);
    service.until(ServingStatus::Serving).await;
    let told = assert_readiness(&service, true).await;
    assert_eq!(told["without_keys"], json!([]));
    assert_eq!(told["issuers"][0]["keys"], 1);
    assert_eq!(told["issuers"][0]["issuers"], json!([server.url("")]));
    assert!(told["issuers"][0]["age_seconds"].is_number(), "{told}");
    assert_eq!(
        health(service.checks_tcp(), "other").await,
        Err(Code::NotFound)
    );
    // A later loss does not take it out.
    server.serve("/keys", Answer::of(500, "no"));
    service.refresh_keys().await;
    let told = assert_readiness(&service, true).await;
    assert!(
        told["issuers"][0]["last_error"]
            .as_str()
            .unwrap()
            .contains("500"),
        "{told}"
    );
}

#[tokio::test]
async fn a_dead_issuer_holds_readiness_back_for_a_while_only() {
    let dead = KeyServer::with_keys(Answer::of(500, "no")).await;
    let entry = issuer_at(&dead, "");
    let good = inline_issuer(ISSUER, &keys(), "");
    let service = Service::ready(&format!("{entry}{good}startup_wait: 200ms\n")).await;
    let (status, body) = get(service.admin, "localhost", "/readyz").await;
    let told: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, &told["without_keys"]),
        (200, &json!([dead.url("")]))
    );
    assert!(
        service
            .check(Ask::bearer(&Token::of(ISSUER).signed(rsa(0))))
            .await
            .is_admission()
    );
    let dead = Ask::bearer(&Token::of(&dead.url("")).signed(rsa(0)));
    assert_eq!(service.check(dead).await.reason(), "keys_unavailable");
}

#[tokio::test]
async fn without_any_keys_it_is_not_ready_however_long_it_waits() {
    let server = KeyServer::with_keys(Answer::of(500, "no")).await;
    let more = "startup_wait: 1ms\nprobe_listen: 127.0.0.1:0\n";
    let service = Service::start(&format!("{}{more}", issuer_at(&server, "")));
    // By the second attempt, the wait is long over.
    server.asked("/keys", 2).await;
    assert_readiness(&service, false).await;
    server.serve("/keys", keys());
    service.refresh_keys().await;
    service.until(ServingStatus::Serving).await;
    assert_readiness(&service, true).await;
}

#[tokio::test]
async fn readiness_does_not_wait_for_an_optional_issuer() {
    let (dead, good) = (
        KeyServer::with_keys(Reply::Hang).await,
        KeyServer::with_keys(keys()).await,
    );
    let optional = issuer_at(&dead, "required: false").replace("issuers:\n", "");
    let service = Service::ready(&format!(
        "{}{optional}startup_wait: 1h\n",
        issuer_at(&good, "")
    ))
    .await;
    let told = service.issuers().await;
    assert_eq!((told[0].required, told[0].has_keys), (true, true));
    assert_eq!((told[1].required, told[1].has_keys), (false, false));
}

#[tokio::test]
async fn the_probe_port_answers_probes_alone() {
    let service = Service::ready(&format!("{}probe_listen: 127.0.0.1:0\n", inline())).await;
    let probes = service.probes.unwrap();
    for (path, status) in [
        ("/livez", 200),
        ("/readyz", 200),
        ("/", 404),
        ("/readyz/", 404),
        ("/keys", 404),
        ("/accredit.admin.v1.Admin/ListIssuers", 404),
        ("/grpc.health.v1.Health/Check", 404),
        ("/envoy.service.auth.v3.Authorization/Check", 404),
    ] {
        // Kubelet names the pod's address, and there is nothing here to be kept from a page.
        assert_eq!(get(probes, "10.1.2.3:9194", path).await.0, status, "{path}");
    }
    let post = "POST /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    assert_eq!(request(probes, post).await.0, 405);
}

#[tokio::test]
async fn the_admin_port_answers_to_its_own_names_alone() {
    let service = Service::ready(&format!("{}admin_hosts: [admin.test]\n", inline())).await;
    let admin = service.admin;
    for (host, status) in [
        ("localhost", 200),
        ("LOCALHOST:1", 200),
        ("127.0.0.1", 200),
        ("127.0.0.1:9192", 200),
        ("[::1]:9192", 200),
        ("admin.test", 200),
        ("Admin.Test.:80", 200),
        ("evil.test", 421),
        ("localhost.evil.test", 421),
        ("127.0.0.1.evil.test", 421),
        ("10.0.0.1", 421),
        ("0.0.0.0", 421),
        ("", 421),
    ] {
        for path in ["/livez", "/readyz"] {
            assert_eq!(get(admin, host, path).await.0, status, "{host} {path}");
        }
        let expected = if status == 200 { 404 } else { 421 };
        assert_eq!(get(admin, host, "/nothing").await.0, expected, "{host}");
    }
    let none = "GET /livez HTTP/1.0\r\n\r\n";
    assert_ne!(request(admin, none).await.0, 200);
    let two =
        "GET /livez HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    assert_ne!(request(admin, two).await.0, 200);
}

#[tokio::test]
async fn reflection_tells_of_what_the_admin_port_serves() {
    let service = Service::ready(&inline()).await;
    let mut client = ServerReflectionClient::new(channel(service.admin).await);
    let list = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let asked = client.server_reflection_info(futures_util::stream::iter([list]));
    let mut answers = asked.await.expect("is served").into_inner();
    let answer = answers.message().await.unwrap().expect("an answer");
    let Some(MessageResponse::ListServicesResponse(listed)) = answer.message_response else {
        panic!("{answer:?}")
    };
    let names: Vec<_> = listed
        .service
        .into_iter()
        .map(|service| service.name)
        .collect();
    for name in ["accredit.admin.v1.Admin", "grpc.health.v1.Health"] {
        assert!(names.iter().any(|own| own == name), "{names:?}");
    }
}

#[tokio::test]
async fn the_admin_api_refreshes_one_issuer_or_says_that_there_is_none() {
    use accredit::admin::pb::RefreshKeysRequest;
    let (one, other) = (
        KeyServer::with_keys(keys()).await,
        KeyServer::with_keys(keys()).await,
    );
    let second = issuer_at(&other, "").replace("issuers:\n", "");
    let service = Service::ready(&format!("{}{second}", issuer_at(&one, ""))).await;
    let mut admin = service.admin().await;
    let request = |issuer: &str| RefreshKeysRequest {
        issuer: issuer.to_owned(),
    };
    let refreshed = admin
        .refresh_keys(request(&one.url("")))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(refreshed.issuers.len(), 1);
    assert_eq!((one.count("/keys"), other.count("/keys")), (2, 1));
    let refused = admin
        .refresh_keys(request("https://none.test"))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}

#[tokio::test]
async fn checks_are_answered_on_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("accredit.sock");
    let service = Service::start(&format!("listen: unix:{}\n{}", path.display(), inline()));
    let file = std::fs::symlink_metadata(&path).unwrap();
    assert!(file.file_type().is_socket());
    assert_eq!(file.permissions().mode() & 0o777, 0o660);
    let mut connection = RawConnection::open(&service.checks).await;
    let ask = Ask::bearer(&Token::of(ISSUER).signed(rsa(0)));
    assert!(
        connection
            .send(call_of(whole(framed_check(ask))))
            .await
            .is_admission()
    );
    assert_eq!(
        connection
            .send(call_of(whole(framed_check(Ask::plain()))))
            .await
            .reason(),
        "missing_token"
    );
    drop(service);
    assert!(!path.exists(), "it takes its file along");
}

/// What stops: who waits is answered, who comes meanwhile too, and probes tell that it is leaving.
#[tokio::test]
async fn stopping_answers_everybody() {
    let server = KeyServer::with_keys(keys()).await;
    let more = "probe_listen: 127.0.0.1:0\ndrain: 15s\n";
    let mut service = Service::ready(&format!("{}{more}", issuer_at(&server, ""))).await;
    let gate = Arc::new(Semaphore::new(0));
    let new = set([rsa(0).jwk("k"), rsa(1).jwk("new")]);
    server.serve("/keys", Reply::When(gate.clone(), Answer::of(200, new)));
    let envoy = service.envoy().await;
    let token = Token::of(&server.url(""));
    let waiting = Ask::bearer(&token.clone().kid("new").signed(rsa(1)));
    let known = Ask::bearer(&token.signed(rsa(0)));
    let stopping = async {
        server.asked("/keys", 2).await;
        service.stop();
        let probes = service.probes.unwrap();
        eventually("it says that it is leaving", async || {
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
    service.ended().await.expect("it ends as it was told");
}

#[tokio::test]
async fn stopping_before_it_was_ever_ready() {
    let server = KeyServer::with_keys(Reply::Hang).await;
    let mut service = Service::start(&issuer_at(&server, ""));
    server.asked("/keys", 1).await;
    service.stop();
    service.ended().await.expect("it ends as it was told");
}

#[tokio::test]
async fn a_signal_lets_the_process_finish_what_it_has_begun() {
    for signal in ["TERM", "INT"] {
        let server = KeyServer::with_keys(keys()).await;
        let (issuer, uri) = (server.url(""), server.url("/keys"));
        let mut process = Running::start(&mut accredit(&[
            "serve",
            "--issuer",
            &issuer,
            "--audience",
            "api.test",
            "--jwks-uri",
            &uri,
            "--listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
        ]))
        .await;
        process.says("\"ready\"").await;
        let gate = Arc::new(Semaphore::new(0));
        server.serve("/keys", Reply::When(gate.clone(), Answer::of(200, keys())));
        let ask = Ask::bearer(&Token::of(&issuer).kid("new").signed(rsa(1)));
        let address = accredit::server::listener::ListenAddr::Tcp(process.checks);
        let mut connection = RawConnection::open(&address).await;
        let waiting = connection.send(call_of(whole(framed_check(ask))));
        let stopping = async {
            server.asked("/keys", 2).await;
            process.signal(signal).await;
            process.says("stopping").await;
            gate.add_permits(1);
        };
        let (answer, ()) = within("both end", async { tokio::join!(waiting, stopping) }).await;
        assert_eq!(answer.reason(), "unknown_key");
        drop(connection);
        assert_eq!(process.exit_code().await, Some(0), "{signal}");
    }
}

#[tokio::test]
async fn a_second_signal_does_not_wait() {
    let server = KeyServer::with_keys(keys()).await;
    let (issuer, uri) = (server.url(""), server.url("/keys"));
    let mut process = Running::start(&mut accredit(&[
        "serve",
        "--issuer",
        &issuer,
        "--audience",
        "api.test",
        "--jwks-uri",
        &uri,
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
    ]))
    .await;
    process.says("\"ready\"").await;
    let address = accredit::server::listener::ListenAddr::Tcp(process.checks);
    let mut connection = RawConnection::open(&address).await;
    let ask = Ask::bearer(&Token::of(&issuer).signed(rsa(0)));
    assert!(
        connection
            .send(call_of(whole(framed_check(ask))))
            .await
            .is_admission()
    );
    server.serve("/keys", Reply::Hang);
    let ask = Ask::bearer(&Token::of(&issuer).kid("new").signed(rsa(1)));
    let _waiting = connection.send(call_of(whole(framed_check(ask))));
    server.asked("/keys", 2).await;
    process.signal("TERM").await;
    process.says("stopping").await;
    process.signal("TERM").await;
    assert_eq!(process.exit_code().await, Some(1));
}
