//! A configuration that changes costs no issuer its keys.

use std::path::Path;

use crate::support::check_request::Ask;
use crate::support::eventually::eventually;
use crate::support::http2_client::whole;
use crate::support::issuer::{Answer, KeyServer};
use crate::support::keys::{rsa, set};
use crate::support::process::{Running, accredit};
use crate::support::raw_call::{RawConnection, call_of, framed_check};
use crate::support::token::Token;

use super::place::old_keys;

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
    let call = call_of(whole(framed_check(Ask::bearer(token))));
    connection.send(call).await.reason()
}

#[tokio::test]
async fn an_issuer_that_is_down_keeps_its_keys_when_a_reload_changes_its_times() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = "https://issuer.test";
    let server = KeyServer::with_keys(old_keys()).await;
    let file = write(folder.path(), &entry(&server, issuer, ""));
    let mut process = Running::start(&mut accredit(&["serve", "--config", &file])).await;
    process.says("\"ready\"").await;
    let known = Token::of(issuer).signed(rsa(0));
    assert_eq!(reason(&process, &known).await, "allowed");
    server.serve("/keys", Answer::of(500, "no"));
    for change in [
        ", timeout: 4s",
        ", timeout: 4s, refresh: 4m",
        ", max_stale: 1h",
    ] {
        write(folder.path(), &entry(&server, issuer, change));
        process.says("configuration reloaded").await;
        assert_eq!(reason(&process, &known).await, "allowed", "{change}");
    }
    // Keys from another address are another source's: nothing is known of them yet.
    let elsewhere = entry(&server, issuer, "").replace("/keys'", "/keys?v=2'");
    server.serve("/keys?v=2", Answer::of(500, "no"));
    write(folder.path(), &elsewhere);
    process.says("configuration reloaded").await;
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
    process.says("\"ready\"").await;
    write(
        folder.path(),
        &keeping("['https://one.test', 'https://two.test']"),
    );
    process.says("configuration reloaded").await;
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
