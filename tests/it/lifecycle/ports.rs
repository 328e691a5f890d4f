//! What each port answers, and to whom.

use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};

use accredit::app::run::App;
use accredit_core::config::listen_addr::ListenAddr;
use tonic::Code;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::support::check_request::ClientRequest;
use crate::support::connection::{Envoy, channel};
use crate::support::eventually::within;
use crate::support::http_get::{get, request};
use crate::support::http2_client::whole;
use crate::support::issuer::KeyServer;
use crate::support::keys::rsa;
use crate::support::process::{Running, accredit};
use crate::support::raw_call::{RawConnection, call_of, framed_check};
use crate::support::service::{Service, issuer_at, settings};
use crate::support::token::Token;

use super::common::{ISSUER, inline, keys};

#[tokio::test]
async fn the_probe_port_answers_only_probes() {
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
async fn the_admin_port_answers_only_to_its_own_names() {
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
async fn reflection_lists_the_services_of_the_admin_port() {
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
async fn the_admin_api_refreshes_one_issuer_or_answers_not_found() {
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
    let client_request = ClientRequest::bearer(&Token::of(ISSUER).signed(rsa(0)));
    assert!(
        connection
            .send(call_of(whole(framed_check(client_request))))
            .await
            .is_admission()
    );
    assert_eq!(
        connection
            .send(call_of(whole(framed_check(ClientRequest::plain()))))
            .await
            .reason(),
        "missing_token"
    );
    drop(service);
    assert!(!path.exists(), "it takes its file along");
}

#[tokio::test]
async fn a_port_reachable_from_other_machines_without_client_certificates_is_logged() {
    for (address, is_noted) in [("0.0.0.0:0", true), ("127.0.0.1:0", false)] {
        let arguments = [
            "serve",
            "--issuer",
            "https://a.test",
            "--audience",
            "a",
            "--listen",
            address,
            "--admin-listen",
            "127.0.0.1:0",
        ];
        let mut running = Running::start(&mut accredit(&arguments)).await;
        running.signal("TERM").await;
        let lines = running.lines_to_the_end().await.concat();
        assert_eq!(lines.contains("tls.client_ca"), is_noted, "{lines}");
    }
}

/// CONTRACT 7.3.6: the main thread applies reloads, and no port waits for it.
#[tokio::test]
async fn ports_answer_while_the_main_thread_is_busy() {
    let configuration = format!("{}probe_listen: 127.0.0.1:0\n", inline());
    let app = App::build(settings(&configuration)).expect("can start");
    let tcp = |address| match address {
        ListenAddr::Tcp(address) => address,
        ListenAddr::Unix(path) => panic!("not configured: {}", path.display()),
    };
    let checks = tcp(app.check_addr());
    let others = [
        tcp(app.admin_addr()),
        tcp(app.probe_addr().expect("is configured")),
    ];
    let (entered, has_entered) = tokio::sync::oneshot::channel();
    let (let_go, held) = std::sync::mpsc::channel::<()>();
    let main = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(app.run(async {
            // The ports are started once every future of the service has been polled.
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            let _ = entered.send(());
            let _ = held.recv();
        }))
    });
    has_entered.await.expect("runs");
    let client_request = ClientRequest::bearer(&Token::of(ISSUER).signed(rsa(0)));
    let answer = Envoy::at(checks).await.check(client_request).await;
    assert!(answer.is_admission(), "{answer:?}");
    for address in others {
        assert_eq!(get(address, "localhost", "/livez").await.0, 200);
        assert_eq!(get(address, "localhost", "/metrics").await.0, 200);
    }
    drop(let_go);
    let ended = tokio::task::spawn_blocking(move || main.join());
    let ended = within("it drains", ended).await.expect("is joined");
    ended
        .expect("does not panic")
        .expect("ends without an error");
}
