//! Keys behind a bearer token, a client certificate and another address: the token of a client is admitted through Envoy.

use super::support::config::{ACME, KID, issuer};
use super::support::scene::Scene;
use accredit_test_support::certificates::Authority;
use accredit_test_support::client::RawRequest;
use accredit_test_support::issuer::KeyServer;
use accredit_test_support::keys::{rsa, set};
use accredit_test_support::service::Service;
use accredit_test_support::token::Token;

#[tokio::test]
async fn envoy_admits_a_token_whose_keys_are_behind_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let (servers, clients) = (Authority::new(), Authority::new());
    let (certificate, key) = clients.client();
    for (name, text) in [
        ("ca.pem", servers.pem()),
        ("client.crt", &certificate),
        ("client.key", &key),
        ("token", "of-the-fetch\n"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let server =
        KeyServer::over_tls(servers.acceptor_of_clients("keys.acme.example", &clients)).await;
    server.serve("/keys", set([rsa(0).jwk(KID)]));
    let jwks = format!(
        "uri: 'https://keys.acme.example/keys', connect: '127.0.0.1:{}', ca_file: F/ca.pem, bearer_file: F/token, \
         client_certificate: F/client.crt, client_key: F/client.key",
        server.port()
    );
    let jwks = jwks.replace("F/", &format!("{}/", folder.path().display()));
    let yaml = format!("issuers:\n{}", issuer(ACME, &jwks, &[]));
    let scene = Scene::start(Service::ready(&yaml).await).await;
    let fetch = server.requests("/keys").remove(0);
    assert_eq!(fetch.header("authorization"), Some("Bearer of-the-fetch"));
    assert_eq!(fetch.header("host"), Some("keys.acme.example"));
    let token = Token::of_client(ACME, KID);
    scene
        .admitted(RawRequest::get("/").bearer(&token.signed(rsa(0))))
        .await;
    scene
        .refused(
            RawRequest::get("/").bearer(&token.signed(rsa(1))),
            "invalid_signature",
        )
        .await;
}
