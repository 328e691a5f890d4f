//! A listener whose new configuration has another deny list: its requests wait for the list, and none is decided without it.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::support::config::{ACME, KID, acme};
use accredit_test_support::client::RawRequest;
use accredit_test_support::envoy::{EnvoyProcess, VERSIONS};
use accredit_test_support::eventually::eventually;
use accredit_test_support::http_get::get;
use accredit_test_support::issuer::{Answer, KeyServer, Reply};
use accredit_test_support::keys::rsa;
use accredit_test_support::module::ModuleBootstrap;
use accredit_test_support::token::Token;
use accredit_test_support::upstream::EchoUpstream;

fn list(jti: &str) -> String {
    format!("- {{ issuer: '{ACME}', jti: {jti} }}\n")
}

#[tokio::test]
async fn requests_of_an_updated_listener_wait_for_its_new_deny_list() {
    for version in VERSIONS {
        let server = KeyServer::start().await;
        let permits = Arc::new(Semaphore::new(0));
        server.serve("/first", Answer::of(200, list("first")));
        let second = Answer::of(200, list("second"));
        server.serve("/second", Reply::When(permits.clone(), second));
        let config = |path: &str, realm: &str| {
            let revoked = format!(
                "revoked: {{ uri: '{}', timeout: 30s, refresh: 60s }}",
                server.url(path)
            );
            format!(
                "realm: {realm}\ncheck_timeout: 20s\n{revoked}\n{}",
                acme(&[])
            )
        };
        let folder = tempfile::tempdir().unwrap();
        let listeners = folder.path().join("listeners.yaml");
        let upstream = EchoUpstream::start().await;
        let bootstrap = ModuleBootstrap::new(&config("/first", "one"), upstream.address());
        let bootstrap = bootstrap.of_version(version);
        let (yaml, of_first) = bootstrap.render_with_listeners_in(&listeners);
        std::fs::write(&listeners, of_first).unwrap();
        let mut envoy = EnvoyProcess::spawn(version, &yaml, bootstrap.listener);
        envoy.wait_until_it_accepts().await;
        let token = |jti: &str| Token::of_client(ACME, KID).claim("jti", jti).signed(rsa(0));
        let status = async |jti: &str| {
            let request = RawRequest::get("/").bearer(&token(jti));
            request.send(bootstrap.listener).await.status
        };
        assert_eq!([status("first").await, status("second").await], [401, 200]);

        let changed = bootstrap.clone().with_config(&config("/second", "two"));
        let new = folder.path().join("new.yaml");
        std::fs::write(&new, changed.render_with_listeners_in(&listeners).1).unwrap();
        std::fs::rename(&new, &listeners).unwrap();
        // The old list admits the second token until then. Every request waits, so that none can tell.
        eventually("the new listener is in force", async || {
            let (_, counters) = get(bootstrap.admin, "localhost", "/stats").await;
            let is_so = |line: &str| counters.lines().any(|own| own == line);
            let is_modified = is_so("listener_manager.listener_modified: 1");
            let is_active = is_so("listener_manager.total_listeners_warming: 0");
            (is_modified && is_active).then_some(())
        })
        .await;
        server.wait_for_requests("/second", 1).await;
        let before = upstream.count();
        let (first, second, ()) = tokio::join!(status("first"), status("second"), async {
            // Both requests have been sent. Neither list admits what the other names, so that an answer shows which one decided.
            eventually("both requests wait", async || {
                let (_, counters) = get(bootstrap.admin, "localhost", "/stats").await;
                counters
                    .lines()
                    .any(|line| line.ends_with(".downstream_rq_active: 2"))
                    .then_some(())
            })
            .await;
            assert_eq!(upstream.count(), before, "a request did not wait");
            permits.add_permits(1);
        });
        assert_eq!([first, second], [200, 401], "{version}");
        assert!(envoy.terminate().await, "{version}");
    }
}
