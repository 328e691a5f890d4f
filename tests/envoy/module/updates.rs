//! Listeners that are updated, and Envoys that restart, while clients send good and bad tokens: each answer is right.

use std::path::Path;

use futures_util::future::join_all;
use serde_json::Value;

use super::steady_clients::SteadyClients;
use crate::support::config::{ACME, KID, acme};
use accredit_test_support::client::RawRequest;
use accredit_test_support::envoy::{EnvoyProcess, VERSIONS};
use accredit_test_support::eventually::eventually;
use accredit_test_support::http_get::get;
use accredit_test_support::keys::rsa;
use accredit_test_support::module::ModuleBootstrap;
use accredit_test_support::token::Token;
use accredit_test_support::upstream::EchoUpstream;

/// A configuration that a client recognises by the challenge.
fn of_realm(realm: &str) -> String {
    format!("realm: \"{realm}\"\n{}", acme(&[]))
}

async fn realm(bootstrap: &ModuleBootstrap) -> String {
    let answer = RawRequest::get("/").send(bootstrap.listener).await;
    let challenge = answer.header("www-authenticate").unwrap();
    let realm = challenge.strip_prefix("Bearer realm=\"");
    realm.unwrap().trim_end_matches('"').to_owned()
}

async fn has_realm(bootstrap: &ModuleBootstrap, expected: &str) {
    eventually(
        &format!("the configuration {expected} decides"),
        async || (realm(bootstrap).await == expected).then_some(()),
    )
    .await;
}

/// The page of the module on Envoy's admin.
async fn state(bootstrap: &ModuleBootstrap) -> Value {
    let (status, body) = get(bootstrap.admin, "localhost", "/accredit").await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// Gives Envoy other listeners.
fn update(bootstrap: &ModuleBootstrap, file: &Path, config: &str) {
    let changed = bootstrap.clone().with_config(config);
    let new = file.with_extension("new");
    std::fs::write(&new, changed.render_with_listeners_in(file).1).unwrap();
    std::fs::rename(&new, file).unwrap();
}

#[tokio::test]
async fn updates_of_the_listener_under_load_leave_every_decision_right() {
    join_all(VERSIONS.map(update_under_load)).await;
}

async fn update_under_load(version: &'static str) {
    let folder = tempfile::tempdir().unwrap();
    let listeners = folder.path().join("listeners.yaml");
    let upstream = EchoUpstream::start().await;
    let bootstrap = ModuleBootstrap::new(&of_realm("0"), upstream.address()).of_version(version);
    let (yaml, _) = bootstrap.render_with_listeners_in(&listeners);
    update(&bootstrap, &listeners, &bootstrap.config);
    let drain = ["--use-dynamic-base-id", "--drain-time-s", "1"];
    let mut envoy = EnvoyProcess::spawn_with(version, &yaml, bootstrap.listener, &drain);
    envoy.wait_until_it_accepts().await;
    let mut clients = SteadyClients::start(bootstrap.listener);
    clients.get_answers(20).await;
    for number in 1..=4 {
        let name = number.to_string();
        update(&bootstrap, &listeners, &of_realm(&name));
        clients
            .are_answered_while(has_realm(&bootstrap, &name))
            .await;
        clients.get_answers(10).await;
    }
    // Envoy refuses this one, and the fourth configuration goes on.
    let wrong = format!("listen: 0.0.0.0:1\n{}", of_realm("5"));
    update(&bootstrap, &listeners, &wrong);
    let refused = eventually("the log has the reason", async || {
        let log = envoy.log();
        log.contains("listen (line 1): this key has no meaning inside Envoy")
            .then_some(())
    });
    clients.are_answered_while(refused).await;
    clients.get_answers(20).await;
    assert_eq!(realm(&bootstrap).await, "4");
    // Superseded configurations end when their connections are drained.
    let ended = eventually("one configuration is left", async || {
        let configurations = state(&bootstrap).await["configurations"].take();
        (configurations.as_array().unwrap().len() == 1).then_some(())
    });
    clients.are_answered_while(ended).await;
    clients.get_answers(10).await;
    let admitted = clients.stop().await;
    let reached = upstream.count();
    assert!(
        admitted.contains(&reached),
        "{version}: {reached} of {admitted:?}"
    );
    // All configurations share one token cache, but a token of an issuer that was removed does not count any more.
    let token = Token::of_client(ACME, KID).signed(rsa(0));
    let status = async || {
        let request = RawRequest::get("/").bearer(&token);
        request.send(bootstrap.listener).await.status
    };
    assert_eq!(status().await, 200);
    let without = of_realm("6").replace(ACME, "https://successor.example");
    update(&bootstrap, &listeners, &without);
    has_realm(&bootstrap, "6").await;
    assert_eq!(status().await, 401);
    assert!(envoy.terminate().await, "{version}");
}

#[tokio::test]
async fn a_hot_restart_under_load_leaves_every_decision_right() {
    join_all(VERSIONS.map(restart_under_load)).await;
}

async fn restart_under_load(version: &'static str) {
    let folder = tempfile::tempdir().unwrap();
    let base_id = folder.path().join("base-id");
    let upstream = EchoUpstream::start().await;
    let bootstrap = ModuleBootstrap::new(&of_realm("old"), upstream.address()).of_version(version);
    let arguments = [
        "--use-dynamic-base-id",
        "--base-id-path",
        base_id.to_str().unwrap(),
    ];
    let mut old =
        EnvoyProcess::spawn_with(version, &bootstrap.render(), bootstrap.listener, &arguments);
    old.wait_until_it_accepts().await;
    let mut clients = SteadyClients::start(bootstrap.listener);
    clients.get_answers(20).await;
    let base_id = std::fs::read_to_string(&base_id).unwrap();
    let arguments = [
        "--base-id",
        base_id.trim(),
        "--restart-epoch",
        "1",
        "--drain-time-s",
        "1",
        "--parent-shutdown-time-s",
        "2",
    ];
    let changed = bootstrap.clone().with_config(&of_realm("new"));
    let new = EnvoyProcess::spawn_with(version, &changed.render(), bootstrap.listener, &arguments);
    let has_ended = clients.are_answered_while(old.wait_for_end()).await;
    assert!(has_ended, "{version}: the old Envoy ended with an error");
    clients.get_answers(20).await;
    assert_eq!(realm(&bootstrap).await, "new");
    assert_eq!(state(&bootstrap).await["ready"], true);
    let admitted = clients.stop().await;
    let reached = upstream.count();
    assert!(
        admitted.contains(&reached),
        "{version}: {reached} of {admitted:?}"
    );
    assert!(new.terminate().await, "{version}");
}
