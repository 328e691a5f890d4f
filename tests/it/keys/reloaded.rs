//! A configuration that changes costs no issuer its keys.

use std::path::Path;

use crate::support::check_request::ClientRequest;
use crate::support::connection::Envoy;
use crate::support::eventually::eventually;
use crate::support::http2_client::whole;
use crate::support::issuer::{Answer, KeyServer};
use crate::support::keys::{rsa, set};
use crate::support::process::{Running, accredit};
use crate::support::raw_call::{RawConnection, call_of, framed_check};
use crate::support::token::Token;

use super::place::{SHORT, old_keys};

fn write(folder: &Path, text: &str) -> String {
    let file = folder.join("accredit.yaml");
    let ports = "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n";
    std::fs::write(&file, format!("{ports}{text}")).unwrap();
    file.display().to_string()
}

fn entry(server: &KeyServer, issuer: &str, jwks: &str) -> String {
    let uri = server.url("/keys");
    format!(
        "issuers:\n  - issuer: {issuer}\n    audiences: [api.test]\n    jwks: {{ uri: '{uri}'{jwks} }}\n"
    )
}

async fn reason(process: &Running, token: &str) -> String {
    let address = accredit_core::config::listen_addr::ListenAddr::Tcp(process.checks);
    let mut connection = RawConnection::open(&address).await;
    let call = call_of(whole(framed_check(ClientRequest::bearer(token))));
    connection.send(call).await.reason()
}

#[tokio::test]
async fn an_issuer_that_is_down_keeps_its_keys_when_a_reload_changes_its_times() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = "https://issuer.test";
    let server = KeyServer::with_keys(old_keys()).await;
    let file = write(folder.path(), &entry(&server, issuer, ""));
    let mut process = Running::start(&mut accredit(&["serve", "--config", &file])).await;
    process.wait_for_line("\"ready\"").await;
    let known = Token::of(issuer).signed(rsa(0));
    assert_eq!(reason(&process, &known).await, "allowed");
    server.serve("/keys", Answer::of(500, "no"));
    for change in [
        ", timeout: 4s",
        ", timeout: 4s, refresh: 4m",
        ", max_stale: 1h",
    ] {
        write(folder.path(), &entry(&server, issuer, change));
        process.wait_for_line("configuration reloaded").await;
        assert_eq!(reason(&process, &known).await, "allowed", "{change}");
    }
    // Keys from another address are another source's: nothing is known of them yet.
    let elsewhere = entry(&server, issuer, "").replace("/keys'", "/keys?v=2'");
    server.serve("/keys?v=2", Answer::of(500, "no"));
    write(folder.path(), &elsewhere);
    process.wait_for_line("configuration reloaded").await;
    assert_eq!(reason(&process, &known).await, "keys_unavailable");
}

#[tokio::test]
async fn saved_keys_follow_an_entry_whose_issuers_a_reload_changes() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let server = KeyServer::with_keys(old_keys()).await;
    let keeping = |issuers: &str| {
        format!(
            "state_dir: '{}'\n{}",
            state.display(),
            entry(&server, issuers, ", refresh: 1s")
        )
    };
    let file = write(folder.path(), &keeping("https://one.test"));
    let mut process = Running::start(&mut accredit(&["serve", "--config", &file])).await;
    process.wait_for_line("\"ready\"").await;
    write(
        folder.path(),
        &keeping("['https://one.test', 'https://two.test']"),
    );
    process.wait_for_line("configuration reloaded").await;
    server.serve("/keys", set([rsa(0).jwk("k"), rsa(1).jwk("next")]));
    eventually("both are kept", async || {
        let entries = std::fs::read_dir(&state).ok()?;
        let texts = entries.map(|entry| std::fs::read_to_string(entry.unwrap().path()));
        let both = r#""issuers":["https://one.test","https://two.test"]"#;
        texts
            .flatten()
            .any(|text| text.contains(both) && text.contains("next"))
            .then_some(())
    })
    .await;
}

/// CONTRACT 5.6.1: two entries have the same key address, and only one of them has fetched since the issuer withdrew a key.
#[tokio::test]
async fn a_reload_does_not_bring_a_withdrawn_key_back_from_another_entry() {
    let (slow, fast) = ("https://slow.test", "https://fast.test");
    let server = KeyServer::with_keys(old_keys()).await;
    let uri = server.url("/keys");
    let entries = |times: &str| {
        format!(
            "issuers:\n  - issuer: {slow}\n    audiences: [api.test]\n    jwks: {{ uri: '{uri}', refresh: 1h }}\n  \
             - issuer: {fast}\n    audiences: [api.test]\n    jwks: {{ uri: '{uri}', {times} }}\n"
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), &entries("refresh: 1s"));
    let mut process = Running::start(&mut accredit(&["serve", "--config", &file])).await;
    process.wait_for_line("\"ready\"").await;
    let token = |issuer: &str, kid: &str, key: usize| Token::of(issuer).kid(kid).signed(rsa(key));
    let (old, new) = (token(fast, "k", 0), token(fast, "new", 1));
    assert_eq!(reason(&process, &old).await, "allowed");
    server.serve("/keys", set([rsa(1).jwk("new")]));
    eventually("the key is withdrawn", async || {
        (reason(&process, &old).await != "allowed").then_some(())
    })
    .await;
    server.serve("/keys", Answer::of(500, "no"));
    // The other entry has not fetched, and gets the newer set from this one.
    let of_slow = token(slow, "k", 0);
    assert_ne!(reason(&process, &of_slow).await, "allowed");
    assert_eq!(reason(&process, &token(slow, "new", 1)).await, "allowed");
    for times in ["refresh: 2s", "refresh: 2s, max_stale: 1h", "timeout: 4s"] {
        write(folder.path(), &entries(times));
        process.wait_for_line("configuration reloaded").await;
        assert_eq!(reason(&process, &new).await, "allowed", "{times}");
        assert_ne!(reason(&process, &old).await, "allowed", "{times}");
        assert_ne!(reason(&process, &of_slow).await, "allowed", "{times}");
    }
}

/// CONTRACT 4.8.1: an issuer that published an empty key set has withdrawn its keys, which is no outage after a reload either.
#[tokio::test]
async fn a_reload_does_not_leave_tokens_of_an_issuer_with_an_empty_key_set_to_envoy() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = "https://issuer.test";
    let state = folder.path().join("state");
    let server = KeyServer::with_keys(old_keys()).await;
    let configuration = |times: &str| {
        format!(
            "unavailable: defer\nstate_dir: '{}'\n{}",
            state.display(),
            entry(&server, issuer, times)
        )
    };
    let file = write(folder.path(), &configuration(", refresh: 1s"));
    let mut process = Running::start(&mut accredit(&["serve", "--config", &file])).await;
    process.wait_for_line("\"ready\"").await;
    let envoy = Envoy::at(process.checks).await;
    let known = || ClientRequest::bearer(&Token::of(issuer).signed(rsa(0)));
    assert!(envoy.check(known()).await.is_admission());
    server.serve("/keys", set([]));
    eventually("the empty set is fetched", async || {
        let answer = envoy.check_or_be_left(known(), SHORT).await;
        (!answer.is_admission()).then_some(())
    })
    .await;
    server.serve("/keys", Answer::of(500, "no"));
    for times in [", refresh: 2s", ", timeout: 4s"] {
        write(folder.path(), &configuration(times));
        process.wait_for_line("configuration reloaded").await;
        let answer = envoy.check_or_be_left(known(), SHORT).await;
        assert!(
            !answer.left_to_envoy && answer.http == 503,
            "{times}: {answer:?}"
        );
        assert_eq!(answer.reason(), "keys_unavailable", "{times}");
    }
}
