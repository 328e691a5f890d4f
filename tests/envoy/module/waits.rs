//! Requests whose keys the module does not have yet: held with their bodies, resumed, and given up.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::scene::ModuleScene;
use accredit_test_support::client::RawRequest;
use accredit_test_support::envoy::{PINNED, VERSIONS};
use accredit_test_support::eventually::{eventually, within};
use accredit_test_support::issuer::{Answer, KeyServer, Reply};
use accredit_test_support::keys::{rsa, set};
use accredit_test_support::token::Token;

fn configuration(keys: &KeyServer) -> String {
    let (issuer, uri) = (keys.url(""), keys.url("/keys"));
    format!(
        "check_timeout: 20s\nissuers:\n  - issuer: {issuer}\n    audiences: [api.test]\n    jwks: {{ uri: '{uri}', timeout: 19s }}\n"
    )
}

/// A key server that has the key `k`, and sends the key `new` too once a permit is there.
async fn rotated() -> (KeyServer, Arc<Semaphore>) {
    let keys = KeyServer::with_keys(set([rsa(0).jwk("k")])).await;
    (keys, Arc::new(Semaphore::new(0)))
}

fn rotate(keys: &KeyServer, permits: &Arc<Semaphore>) {
    let answer = Answer::of(200, set([rsa(0).jwk("k"), rsa(1).jwk("new")]));
    keys.serve("/keys", Reply::When(permits.clone(), answer));
}

#[tokio::test]
async fn a_request_with_an_unknown_key_is_held_with_its_body_until_the_key_has_come() {
    for version in VERSIONS {
        println!("{version}");
        let (keys, permits) = rotated().await;
        let scene = ModuleScene::start(version, &configuration(&keys)).await;
        let known = Token::of(&keys.url("")).signed(rsa(0));
        scene.admitted(RawRequest::get("/a").bearer(&known)).await;
        rotate(&keys, &permits);
        let unknown = Token::of(&keys.url("")).header("kid", "new").signed(rsa(1));
        let body = "b".repeat(200_000);
        let held = RawRequest::new("POST", "/held")
            .bearer(&unknown)
            .body(&body);
        let address = scene.envoy.address();
        let mut sending = JoinSet::new();
        sending.spawn(async move { held.send(address).await });
        keys.wait_for_requests("/keys", 2).await;
        // Another request is decided while the first is held.
        scene.admitted(RawRequest::get("/b").bearer(&known)).await;
        assert_eq!(scene.upstream.count(), 2);
        permits.add_permits(1);
        let answer = sending.join_next().await.unwrap().unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        let seen = scene.upstream.last_request().unwrap();
        assert_eq!(seen.path, "/held");
        assert!(seen.body == body.as_bytes(), "{} bytes", seen.body.len());
        assert_eq!(seen.header("x-jwt-sub").unwrap(), "someone");
        // A second token of the new key does not wait.
        scene.admitted(RawRequest::get("/c").bearer(&unknown)).await;
    }
}

#[tokio::test]
async fn a_held_request_is_refused_if_the_key_does_not_come() {
    let (keys, permits) = rotated().await;
    let scene = ModuleScene::start(PINNED, &configuration(&keys)).await;
    keys.serve("/keys", Reply::When(permits.clone(), Answer::of(500, "")));
    let unknown = Token::of(&keys.url("")).header("kid", "new").signed(rsa(1));
    let held = RawRequest::new("POST", "/held")
        .bearer(&unknown)
        .body("hello");
    let address = scene.envoy.address();
    let mut sending = JoinSet::new();
    sending.spawn(async move { held.send(address).await });
    keys.wait_for_requests("/keys", 2).await;
    permits.add_permits(1);
    let answer = sending.join_next().await.unwrap().unwrap();
    scene.judge_refusal(&answer, 0, "keys_unavailable").await;
}

#[tokio::test]
async fn a_held_request_is_refused_when_its_time_is_up() {
    let (keys, permits) = rotated().await;
    let config = configuration(&keys).replace("check_timeout: 20s", "check_timeout: 50ms");
    let scene = ModuleScene::start(PINNED, &config).await;
    rotate(&keys, &permits);
    let unknown = Token::of(&keys.url("")).header("kid", "new").signed(rsa(1));
    let request = RawRequest::get("/held").bearer(&unknown);
    scene.refused(request, "key_pending").await;
}

/// How many requests of one issuer entry wait at most (CONTRACT 5.3.2).
const MAX_HELD: usize = 64;

/// Clients that wait for an answer to one request each.
async fn held(scene: &ModuleScene, token: &str) -> Vec<TcpStream> {
    let head = format!(
        "GET /held HTTP/1.1\r\nhost: api.acme.example\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    let mut clients: Vec<TcpStream> = Vec::new();
    eventually(&format!("{MAX_HELD} requests are held"), async || {
        // The place of a client that has left becomes free a moment later. Until then another client is refused at once.
        clients.retain(|client| client.try_read(&mut [0]).is_err());
        while clients.len() < MAX_HELD {
            let mut client = TcpStream::connect(scene.envoy.address()).await.unwrap();
            client.write_all(head.as_bytes()).await.unwrap();
            clients.push(client);
        }
        (active(scene).await == MAX_HELD as u64).then_some(())
    })
    .await;
    clients
}

/// How many requests Envoy has not answered.
async fn active(scene: &ModuleScene) -> u64 {
    let active = scene.counter("http.api.downstream_rq_active").await;
    active.expect("is a gauge of Envoy")
}

/// Clients that have left must not keep the places of others.
#[tokio::test]
async fn a_client_that_leaves_gives_up_its_wait_for_a_key() {
    for version in VERSIONS {
        println!("{version}");
        let (keys, permits) = rotated().await;
        let scene = ModuleScene::start(version, &configuration(&keys)).await;
        rotate(&keys, &permits);
        let unknown = Token::of(&keys.url("")).header("kid", "new").signed(rsa(1));
        let more = || RawRequest::get("/more").bearer(&unknown);
        let left = held(&scene, &unknown).await;
        assert_eq!(more().send(scene.envoy.address()).await.status, 503);
        drop(left);
        eventually("the clients have left", async || {
            (active(&scene).await == 0).then_some(())
        })
        .await;
        let clients = held(&scene, &unknown).await;
        assert_eq!(more().send(scene.envoy.address()).await.status, 503);
        permits.add_permits(1);
        for mut client in clients {
            let mut status = [0; 12];
            let read = client.read_exact(&mut status);
            within("the held request is answered", read).await.unwrap();
            assert_eq!(&status, b"HTTP/1.1 200");
        }
    }
}

#[tokio::test]
async fn envoy_ends_in_order_while_requests_are_held() {
    for version in VERSIONS {
        let (keys, permits) = rotated().await;
        let scene = ModuleScene::start(version, &configuration(&keys)).await;
        rotate(&keys, &permits);
        let unknown = Token::of(&keys.url("")).header("kid", "new").signed(rsa(1));
        let head = format!(
            "GET /left HTTP/1.1\r\nhost: api.acme.example\r\nauthorization: Bearer {unknown}\r\n\r\n"
        );
        let mut client = TcpStream::connect(scene.envoy.address()).await.unwrap();
        client.write_all(head.as_bytes()).await.unwrap();
        keys.wait_for_requests("/keys", 2).await;
        assert!(scene.envoy.terminate().await, "{version}");
    }
}
