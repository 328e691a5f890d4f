//! Slow key servers: accredit answers before Envoy's deadline, so an Envoy that fails open allows no request.

use std::time::Duration;

use super::support::config::{ACME, KID, issuer};
use super::support::scene::Scene;
use accredit_test_support::client::RawRequest;
use accredit_test_support::issuer::{KeyServer, Reply};
use accredit_test_support::keys::{rsa, set};
use accredit_test_support::service::Service;
use accredit_test_support::token::Token;

#[tokio::test]
async fn a_key_server_that_hangs_causes_refusals_before_envoys_timeout() {
    let shipped = "max_interval: 10s";
    for (timeout, try_timeout) in [
        (Duration::from_secs(1), shipped),
        (Duration::from_millis(200), shipped),
        // Envoy takes this for the timeout of each try.
        (Duration::from_secs(1), "max_interval: 0.2s"),
    ] {
        let server = KeyServer::with_keys(set([rsa(0).jwk(KID)])).await;
        let silent = KeyServer::with_keys(Reply::Hang).await;
        let uri = |server: &KeyServer, more: &str| format!("uri: '{}'{more}", server.url("/keys"));
        let yaml = format!(
            "issuers:\n{}{}{}",
            issuer(ACME, &uri(&server, ""), &[]),
            issuer(
                "https://hasty.example",
                &uri(&server, ", timeout: 50ms"),
                &[]
            ),
            issuer(
                "https://silent.example",
                &uri(&silent, ""),
                &["required: false"]
            ),
        );
        let accredit = Service::ready(&yaml).await;
        let scene = Scene::start_with(accredit, |mut bootstrap| {
            bootstrap.failure_mode_allow = true;
            bootstrap.timeout = timeout;
            bootstrap.change(shipped, try_timeout)
        })
        .await;
        scene
            .admitted(RawRequest::get("/").bearer(&Token::of_client(ACME, KID).signed(rsa(0))))
            .await;
        server.serve("/keys", Reply::Hang);
        let of = |issuer: &str, kid: &str| {
            RawRequest::get("/").bearer(&Token::of_client(issuer, kid).signed(rsa(0)))
        };

        // The fetch is still in flight when the time is up, also for checks that join it.
        scene.refused(of(ACME, "snk_1"), "key_pending").await;
        scene.refused(of(ACME, "snk_1"), "key_pending").await;
        scene.refused(of(ACME, "snk_2"), "key_pending").await;
        // Its fetch fails in time.
        scene
            .refused(of("https://hasty.example", "snk_1"), "keys_unavailable")
            .await;
        // It has never had any.
        scene
            .refused(of("https://silent.example", KID), "keys_unavailable")
            .await;
        // Other checks do not wait.
        scene.admitted(of(ACME, KID)).await;
    }
}
