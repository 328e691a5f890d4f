//! Another configuration while requests keep coming: none is lost, and none sees half of a configuration.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::task::JoinSet;

use super::support::config::{ACME, KID, acme};
use super::support::scene::Scene;
use accredit_test_support::http2_client::{Http2, request, whole};
use accredit_test_support::keys::rsa;
use accredit_test_support::service::Service;
use accredit_test_support::token::Token;

const LOADERS: usize = 4;
const RELOADS: usize = 12;

/// Each configuration asks for a scope that no token has, by a rule and in a realm of its own.
fn configuration(name: &str) -> String {
    format!(
        "realm: {name}\n{}rules: [{{ name: {name}, scopes: [{name}] }}]\n",
        acme(&[])
    )
}

#[tokio::test]
async fn a_reload_under_load_loses_no_request_and_mixes_no_configurations() {
    let accredit = Service::ready(&configuration("one")).await;
    let scene = Scene::start(accredit).await;
    let token = Token::of_client(ACME, KID).signed(rsa(0));
    let (stop, answered) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut loaders = JoinSet::new();
    for _ in 0..LOADERS {
        let client = Http2::connect(scene.envoy.address()).await;
        let (stop, answered, token) = (stop.clone(), answered.clone(), token.clone());
        loaders.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let head = request("GET", "/", Some(&token));
                let (answer, _) = client.send(head.body(whole("")).unwrap()).await;
                assert_eq!(answer.status, 403, "{}", answer.text());
                let challenge = answer.header("www-authenticate").unwrap_or_default();
                let whole = ["one", "two"].iter().any(|name| {
                    challenge.contains(&format!("realm=\"{name}\""))
                        && challenge.contains(&format!("scope=\"{name}\""))
                });
                assert!(whole, "{challenge}");
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    for number in 0..RELOADS {
        let before = answered.load(Ordering::Relaxed);
        scene
            .accredit()
            .reload(&configuration(if number % 2 == 0 { "two" } else { "one" }))
            .await;
        // Some are answered under each.
        while answered.load(Ordering::Relaxed) < before + LOADERS {
            tokio::task::yield_now().await;
            if let Some(ended) = loaders.try_join_next() {
                ended.unwrap();
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = loaders.join_next().await {
        ended.unwrap();
    }
}
