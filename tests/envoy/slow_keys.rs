//! Slow key servers: accredit answers before Envoy's deadline, so an Envoy that fails open allows no request.

use std::time::Duration;

use futures_util::future::join_all;

use super::support::answers::judge;
use super::support::config::{ACME, KID, issuer};
use super::support::scene::Scene;
use accredit_test_support::client::RawRequest;
use accredit_test_support::issuer::{KeyServer, Reply};
use accredit_test_support::keys::{rsa, set};
use accredit_test_support::service::Service;
use accredit_test_support::token::Token;

const HASTY: &str = "https://hasty.example";
const SILENT: &str = "https://silent.example";

/// Without Envoy's deadline, checks would wait for a minute. The deadline leaves a fifth of its time to a busy machine.
const DEADLINE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_key_server_that_hangs_causes_refusals_before_envoys_timeout() {
    refusals_come_in_time(DEADLINE, "max_interval: 10s").await;
}

/// Envoy takes this for the timeout of each try.
#[tokio::test]
async fn a_key_server_that_hangs_causes_refusals_before_the_timeout_of_a_try() {
    refusals_come_in_time(2 * DEADLINE, "max_interval: 5s").await;
}

async fn refusals_come_in_time(timeout: Duration, max_interval: &str) {
    let server = KeyServer::with_keys(set([rsa(0).jwk(KID)])).await;
    let silent = KeyServer::with_keys(Reply::Hang).await;
    let uri = |server: &KeyServer, timeout: &str| {
        format!("uri: '{}', timeout: {timeout}", server.url("/keys"))
    };
    let yaml = format!(
        "check_timeout: 1m\nissuers:\n{}{}{}",
        issuer(ACME, &uri(&server, "1m"), &[]),
        issuer(HASTY, &uri(&server, "50ms"), &[]),
        issuer(SILENT, &uri(&silent, "1m"), &["required: false"]),
    );
    let accredit = Service::ready(&yaml).await;
    let scene = Scene::start_with(accredit, |mut bootstrap| {
        bootstrap.failure_mode_allow = true;
        bootstrap.timeout = timeout;
        bootstrap.change("max_interval: 10s", max_interval)
    })
    .await;
    let of = |issuer: &str, kid: &str| {
        RawRequest::get("/").bearer(&Token::of_client(issuer, kid).signed(rsa(0)))
    };
    scene.admitted(of(ACME, KID)).await;
    server.serve("/keys", Reply::Hang);
    let asked = [
        // The fetch is still in flight when the time is up, also for checks that join it.
        (ACME, "snk_1", "key_pending"),
        (ACME, "snk_1", "key_pending"),
        (ACME, "snk_2", "key_pending"),
        // Its fetch fails in time.
        (HASTY, "snk_1", "keys_unavailable"),
        // It has never had any.
        (SILENT, KID, "keys_unavailable"),
    ];
    let address = scene.envoy.address();
    let answers = asked.map(|(issuer, kid, _)| of(issuer, kid).send(address));
    for ((_, _, reason), answer) in asked.iter().zip(join_all(answers).await) {
        judge(&answer, reason);
    }
    assert_eq!(scene.upstream.count(), 1);
    // Other checks do not wait.
    let answer = of(ACME, KID).send(address).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}
