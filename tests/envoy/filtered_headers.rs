//! An Envoy whose operator shows the service some headers only.

use super::support::config::{ACME, KID, acme};
use super::support::logs::logs;
use super::support::scene::Scene;
use accredit_test_support::bootstrap::Bootstrap;
use accredit_test_support::client::RawRequest;
use accredit_test_support::keys::rsa;
use accredit_test_support::service::Service;
use accredit_test_support::token::Token;

fn showing(bootstrap: Bootstrap, header: &str) -> Bootstrap {
    let v3 = "transport_api_version: V3";
    let allowed = format!("allowed_headers: {{ patterns: [{{ exact: {header} }}] }}");
    let mut bootstrap = bootstrap.change(v3, &format!("{v3}\n                      {allowed}"));
    bootstrap.early_removal = false;
    bootstrap
}

#[tokio::test]
async fn tokens_are_verified_with_filtered_headers_and_one_warning_is_logged() {
    let logs = logs();
    let result = || logs.count("Envoy does not send all request headers");
    assert_eq!(result(), 0);
    let accredit = Service::ready(&acme(&[])).await;
    let scene = Scene::start_with(accredit, |shipped| showing(shipped, "authorization")).await;
    let token = Token::of_client(ACME, KID).without("oid").signed(rsa(0));

    for _ in 0..3 {
        let request = RawRequest::get("/")
            .bearer(&token)
            .header("x-jwt-sub", "forged")
            .header("x-jwt-org", "forged")
            .header("x-envoy-auth-failure-mode-allowed", "forged");
        let seen = scene.admitted(request).await.seen;
        // What the configuration names is set or removed unseen.
        assert_eq!(seen.header("x-jwt-sub").unwrap(), "m2morg_1001");
        assert_eq!(seen.header("x-jwt-org"), None);
        assert_eq!(seen.header("x-envoy-auth-failure-mode-allowed"), None);
        scene.refused(RawRequest::get("/"), "missing_token").await;
        let forged = Token::of_client(ACME, KID).signed(rsa(1));
        scene
            .refused(RawRequest::get("/").bearer(&forged), "invalid_signature")
            .await;
        let twice = RawRequest::get("/").bearer(&token).bearer(&token);
        scene.refused(twice, "invalid_request").await;
    }
    assert_eq!(result(), 1);
    drop(scene);

    // A token that Envoy does not send to the service is a missing token.
    let accredit = Service::ready(&acme(&[])).await;
    let scene = Scene::start_with(accredit, |shipped| showing(shipped, "x-other")).await;
    for _ in 0..3 {
        scene
            .refused(RawRequest::get("/").bearer(&token), "missing_token")
            .await;
    }
    assert_eq!(result(), 2, "another service logs it too");
}
