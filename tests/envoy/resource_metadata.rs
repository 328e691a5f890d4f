//! A client without configuration finds its way: from a 401 to the metadata of the API, and to its authorization server.

use super::support::config::{ACME, KID, acme};
use super::support::scene::Scene;
use accredit_test_support::client::RawRequest;
use accredit_test_support::keys::rsa;
use accredit_test_support::service::Service;
use accredit_test_support::token::Token;

const CONFIGURATION: &str = "resource_metadata: { resource: https://api.acme.example/mcp, scopes: [deploy:applications] }\n";

#[tokio::test]
async fn a_client_finds_the_authorization_server_from_a_401_through_envoy() {
    let scene = Scene::start(Service::ready(&format!("{}{CONFIGURATION}", acme(&[]))).await).await;
    let send = async |method: &str, path: &str| {
        let request = RawRequest::new(method, path).host(Some(b"api.acme.example"));
        request.send(scene.envoy.address()).await
    };
    let refused = send("GET", "/mcp").await;
    assert_eq!(refused.status, 401);
    assert_eq!(scene.next_log().await["reason"], "missing_token");
    let challenge = refused.header("www-authenticate").unwrap();
    let (_, rest) = challenge.split_once("resource_metadata=\"").unwrap();
    let address = rest.split('"').next().unwrap();
    let path = address.strip_prefix("https://api.acme.example").unwrap();

    let found = send("GET", path).await;
    assert_eq!(found.status, 200, "{found:?}");
    assert_eq!(found.header("content-type"), Some("application/json"));
    let document = found.json();
    assert_eq!(document["resource"], "https://api.acme.example/mcp");
    assert_eq!(document["authorization_servers"][0], ACME);
    assert_eq!(document["scopes_supported"][0], "deploy:applications");
    let log = scene.next_log().await;
    assert_eq!(
        (&log["decision"], &log["reason"]),
        (&"allow".into(), &"resource_metadata".into())
    );
    let head = send("HEAD", path).await;
    assert_eq!((head.status, head.text().as_str()), (200, ""));
    scene.next_log().await;
    assert_eq!(scene.upstream.count(), 0, "the API sees none of it");

    let token = Token::of_client(ACME, KID).signed(rsa(0));
    scene.admitted(RawRequest::get("/mcp").bearer(&token)).await;
}
