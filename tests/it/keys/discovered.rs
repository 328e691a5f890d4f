//! Metadata that cannot be fetched, that changed, and that the operator asks for.

use accredit::admin::pb;
use accredit::admin::pb::admin_client::AdminClient;
use serde_json::Value;

use crate::support::check_request::ClientRequest;
use crate::support::connection::channel;
use crate::support::eventually::eventually;
use crate::support::http_get::get;
use crate::support::issuer::{Answer, KeyServer, Reply};
use crate::support::keys::{rsa, set};
use crate::support::process::{Running, accredit};
use crate::support::service::{Service, inline_issuer};
use crate::support::token::Token;

use super::place::old_keys;

const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// An entry whose keys are found through discovery.
fn discovered(issuer: &str) -> String {
    format!(
        "issuers:\n  - issuer: {issuer}\n    audiences: [api.test]\n    jwks: {{ timeout: 1s }}\n"
    )
}

/// A server that names itself as the issuer of the keys at `/keys`.
async fn server() -> (KeyServer, String) {
    let server = KeyServer::with_keys(old_keys()).await;
    let issuer = server.url("");
    server.serve_metadata(WELL_KNOWN, &issuer, &server.url("/keys"));
    (server, issuer)
}

#[tokio::test]
async fn failed_discovery_does_not_stop_fetches_from_the_known_key_url() {
    let (server, issuer) = server().await;
    let service = Service::ready(&discovered(&issuer)).await;
    let busy = Answer::of(503, "no").with("retry-after", "100");
    let cases: Vec<(&str, Reply)> = vec![
        ("500", Answer::of(500, "no").into()),
        ("503", busy.into()),
        ("429", Answer::of(429, "no").into()),
        ("drops", Reply::Drop(Answer::of(200, "{\"issuer\":"))),
        ("drips", Reply::Drip(Answer::of(200, " ".repeat(1000)))),
        ("hangs", Reply::Hang),
    ];
    for (number, (thing, reply)) in cases.into_iter().enumerate() {
        server.serve(WELL_KNOWN, reply);
        let (key, kid) = (rsa(number % 2), if number % 2 == 0 { "a" } else { "b" });
        server.serve("/keys", set([key.jwk(kid)]));
        let result = service.refresh_keys().await.remove(0);
        assert_eq!(result.last_error, "", "{thing}");
        assert_eq!(
            server.count(WELL_KNOWN),
            number + 2,
            "{thing}: was requested first"
        );
        let token = Token::of(&issuer).kid(kid).signed(key);
        assert!(
            service
                .check(ClientRequest::bearer(&token))
                .await
                .is_admission(),
            "{thing}"
        );
    }
}

/// However long the keys' own server answers: the issuer may have left it long ago.
#[tokio::test]
async fn an_unconfirmed_key_url_is_used_until_max_stale() {
    for gone in [Answer::of(503, "no"), Answer::of(404, "no")] {
        let (server, issuer) = server().await;
        let entry = discovered(&issuer).replace("timeout: 1s", "refresh: 100ms, max_stale: 1s");
        let service = Service::ready(&entry).await;
        server.serve(WELL_KNOWN, gone);
        let token = || Token::of(&issuer).signed(rsa(0));
        assert!(
            service
                .check(ClientRequest::bearer(&token()))
                .await
                .is_admission()
        );
        eventually("its keys are no keys any more", async || {
            // Asking for a key that is not there leads to no other end.
            let unknown = Token::of(&issuer).kid("new").signed(rsa(1));
            service.check(ClientRequest::bearer(&unknown)).await;
            let reason = service
                .check(ClientRequest::bearer(&token()))
                .await
                .reason();
            (reason == "keys_unavailable").then_some(())
        })
        .await;
        server.serve_metadata(WELL_KNOWN, &issuer, &server.url("/keys"));
        eventually("they are again", async || {
            let answer = service.check(ClientRequest::bearer(&token())).await;
            answer.is_admission().then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn keys_on_another_host_are_fetched_and_logged_while_discovery_fails() {
    let keys = KeyServer::with_keys(old_keys()).await;
    let metadata = KeyServer::start().await;
    let issuer = metadata.url("");
    metadata.serve_metadata(WELL_KNOWN, &issuer, &keys.url("/keys"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    let ports = "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n";
    std::fs::write(&file, format!("{ports}{}", discovered(&issuer))).unwrap();
    let path = file.to_str().unwrap();
    let mut running = Running::start(&mut accredit(&["serve", "--config", path])).await;
    running.wait_for_line("\"ready\"").await;
    drop(metadata);
    keys.serve("/keys", set([rsa(1).jwk("new")]));
    let mut admin = AdminClient::new(channel(running.admin).await);
    let refreshed = admin.refresh_keys(pb::RefreshKeysRequest::default()).await;
    assert_eq!(refreshed.unwrap().into_inner().issuers[0].last_error, "");
    let line = running.wait_for_line("discovery failed").await;
    assert_eq!(line["level"], "WARN", "{line}");
    assert_eq!(line["issuer"], issuer.as_str(), "{line}");
    assert_eq!(line["jwks_uri"], keys.url("/keys").as_str(), "{line}");
    assert!(
        line["error"].as_str().unwrap().contains("unreachable"),
        "{line}"
    );
    let token = Token::of(&issuer).kid("new").signed(rsa(1));
    assert!(
        running
            .check(ClientRequest::bearer(&token))
            .await
            .is_admission()
    );
}

#[tokio::test]
async fn metadata_that_contradict_the_known_key_url_stop_fetches_from_it() {
    for (thing, named, jwks_uri, expected) in [
        (
            "another",
            "https://evil.test",
            "http://127.0.0.1:1/k",
            "https://evil.test",
        ),
        (
            "http elsewhere",
            "",
            "http://keys.invalid/k",
            "http is permitted to loopback",
        ),
        ("no address", "", "", "has no `jwks_uri`"),
    ] {
        let (server, issuer) = server().await;
        let service = Service::ready(&discovered(&issuer)).await;
        server.serve("/keys", set([rsa(1).jwk("new")]));
        let named = if named.is_empty() { &issuer } else { named };
        let body = match jwks_uri {
            "" => serde_json::json!({ "issuer": named }),
            jwks_uri => serde_json::json!({ "issuer": named, "jwks_uri": jwks_uri }),
        };
        server.serve(WELL_KNOWN, body.to_string());
        // One document that contradicts is enough.
        server.serve(
            "/.well-known/oauth-authorization-server",
            Answer::of(503, "no"),
        );
        let result = service.refresh_keys().await.remove(0);
        assert!(result.last_error.contains(expected), "{thing}: {result:?}");
        assert!(result.has_keys, "{thing}");
        let known = Token::of(&issuer).signed(rsa(0));
        assert!(
            service
                .check(ClientRequest::bearer(&known))
                .await
                .is_admission(),
            "{thing}: the last good ones serve"
        );
        let new = Token::of(&issuer).kid("new").signed(rsa(1));
        let reason = service.check(ClientRequest::bearer(&new)).await.reason();
        assert_eq!(reason, "keys_unavailable", "{thing}");
        assert_eq!(
            server.count("/keys"),
            1,
            "{thing}: no token-triggered fetch either"
        );
    }
}

/// Metadata that take more than half of the time, every time, are waited for where the address of before leads nowhere.
#[tokio::test]
async fn slow_metadata_are_used_if_the_known_key_url_gives_no_keys() {
    let (server, issuer) = server().await;
    let patient = discovered(&issuer).replace("timeout: 1s", "timeout: 3s");
    let service = Service::ready(&patient).await;
    let moved = serde_json::json!({ "issuer": issuer, "jwks_uri": server.url("/moved") });
    let late = std::time::Duration::from_millis(1800);
    let answer = Answer::of(200, moved.to_string());
    server.serve(WELL_KNOWN, Reply::Late(late, answer));
    server.serve("/keys", Answer::of(404, "moved"));
    server.serve("/moved", set([rsa(1).jwk("new")]));
    let result = service.refresh_keys().await.remove(0);
    assert!(result.last_error.contains("404"), "{result:?}");
    server.wait_for_requests("/moved", 1).await;
    let new = Token::of(&issuer).kid("new").signed(rsa(1));
    let admitted = async || {
        let answer = service.check(ClientRequest::bearer(&new)).await;
        answer.is_admission().then_some(())
    };
    eventually("the new keys serve", admitted).await;
}

#[tokio::test]
async fn an_operator_refresh_follows_keys_to_a_new_url() {
    let (server, issuer) = server().await;
    let service = Service::ready(&discovered(&issuer)).await;
    server.serve_metadata(WELL_KNOWN, &issuer, &server.url("/moved"));
    server.serve("/moved", set([rsa(1).jwk("new")]));
    let result = service.refresh_keys().await.remove(0);
    assert_eq!(result.last_error, "");
    assert_eq!((server.count("/keys"), server.count("/moved")), (1, 1));
    let new = Token::of(&issuer).kid("new").signed(rsa(1));
    assert!(
        service
            .check(ClientRequest::bearer(&new))
            .await
            .is_admission()
    );
}

#[tokio::test]
async fn an_operator_refresh_follows_keys_to_a_new_url_during_another_fetch() {
    let (server, issuer) = server().await;
    let service = Service::ready(&discovered(&issuer)).await;
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let held_back = Answer::of(200, old_keys());
    server.serve("/keys", Reply::When(gate.clone(), held_back));
    server.serve_metadata(WELL_KNOWN, &issuer, &server.url("/moved"));
    server.serve("/moved", set([rsa(1).jwk("new")]));
    let unknown = Token::of(&issuer).kid("z").signed(rsa(1));
    let mut admin = service.admin().await;
    let mut same_connection = admin.clone();
    let asking = service.check(ClientRequest::bearer(&unknown));
    let ordering = async {
        server.wait_for_requests("/keys", 2).await;
        let refreshing = admin.refresh_keys(pb::RefreshKeysRequest::default());
        let releasing = async {
            let listed = same_connection.list_issuers(pb::ListIssuersRequest {});
            listed.await.unwrap();
            gate.add_permits(1);
        };
        tokio::join!(refreshing, releasing).0
    };
    let (_, refreshed) = tokio::join!(asking, ordering);
    let result = refreshed.unwrap().into_inner().issuers.remove(0);
    assert_eq!(result.last_error, "");
    assert_eq!(server.count("/moved"), 1);
    let new = Token::of(&issuer).kid("new").signed(rsa(1));
    assert!(
        service
            .check(ClientRequest::bearer(&new))
            .await
            .is_admission()
    );
}

/// Where several are found through discovery, who reads the log has to know whose keys they are.
#[tokio::test]
async fn the_log_names_the_issuer_whose_keys_are_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    let (server, issuer) = server().await;
    server.serve(WELL_KNOWN, Answer::of(404, "no"));
    let configuration = format!(
        "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\nstartup_wait: 1ms\n{}{}",
        discovered(&issuer),
        inline_issuer("https://one.test", &set([rsa(0).jwk("k")]), "")
    );
    std::fs::write(&file, configuration).unwrap();
    let mut command = accredit(&["serve", "--config", file.to_str().unwrap()]);
    let mut running = Running::start(&mut command).await;
    // The order of the two lines is not fixed.
    let lines = running.hear();
    let admin = running.admin;
    eventually("it is ready, and the fetch has failed", async || {
        let (status, text) = get(admin, "localhost", "/readyz").await;
        (status == 200 && text.contains("\"last_error\":\"")).then_some(())
    })
    .await;
    running.signal("TERM").await;
    let lines = lines.await.unwrap();
    for result in [
        "key refresh failed",
        "ready without the keys of this issuer",
    ] {
        let line = lines.iter().find(|line| line.contains(result)).unwrap();
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["issuer"], issuer.as_str(), "{line}");
    }
}
