//! Revoked tokens through Envoy: cached ones are refused as soon as the list names them.

use super::support::config::{ACME, KID, acme};
use super::support::scene::Scene;
use accredit_test_support::client::RawRequest;
use accredit_test_support::eventually::eventually;
use accredit_test_support::keys::rsa;
use accredit_test_support::service::Service;
use accredit_test_support::token::Token;

#[tokio::test]
async fn envoy_refuses_a_token_as_soon_as_the_deny_list_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("revoked.yaml");
    std::fs::write(&file, "[]\n").unwrap();
    let revoked = format!("{}revoked: {{ file: '{}' }}\n", acme(&[]), file.display());
    let scene = Scene::start(Service::ready(&revoked).await).await;
    let token = |jti: &str| Token::of_client(ACME, KID).claim("jti", jti).signed(rsa(0));
    let (stolen, other) = (token("stolen"), token("other"));
    let get = |token: &str| RawRequest::get("/").bearer(token);
    scene.admitted(get(&stolen)).await;
    scene.admitted(get(&stolen)).await;

    std::fs::write(&file, format!("- {{ issuer: '{ACME}', jti: stolen }}\n")).unwrap();
    eventually("the list is in force", async || {
        let answer = get(&stolen).send(scene.envoy.address()).await;
        scene.next_log().await;
        (answer.status == 401).then_some(())
    })
    .await;
    scene.refused(get(&stolen), "revoked").await;
    scene.admitted(get(&other)).await;
}
