//! The cause of a failed fetch reaches the operator wherever it is looked for, and no client (CONTRACT 5.6.3, 5.8.7).

use std::process::Stdio;

use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use crate::support::check_request::ClientRequest;
use crate::support::http_get::get;
use crate::support::issuer::KeyServer;
use crate::support::keys::{rsa, set};
use crate::support::process::{Running, accredit, ended};
use crate::support::service::issuer_at;
use crate::support::token::Token;

/// The output of `accredit explain` for a token.
async fn explained(configuration: &str, token: &str) -> String {
    let mut command = accredit(&["explain", "--config", configuration]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(token.as_bytes()).await.unwrap();
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_cause_of_a_failed_fetch_is_stated_everywhere_but_to_clients() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    let unusable = json!({ "kid": "hmac", "kty": "oct", "k": "AAAA" });
    let server = KeyServer::with_keys(set([unusable])).await;
    let ports = "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n";
    std::fs::write(&file, format!("{ports}{}", issuer_at(&server, ""))).unwrap();
    let path = file.to_str().unwrap();
    let cause = "none of its keys is usable: key \"hmac\": it is a symmetric key";

    let mut running = Running::start(&mut accredit(&["serve", "--config", path])).await;
    let line = running.wait_for_line("key refresh failed").await;
    let error = line["error"].as_str().unwrap();
    let whole = format!("{}: not a usable key set: {cause}", server.url("/keys"));
    assert_eq!(error, whole);

    let (_, ready) = get(running.admin, "localhost", "/readyz").await;
    assert!(ready.contains(&cause.replace('"', "\\\"")), "{ready}");
    let (_, page) = get(running.admin, "localhost", "/console/live").await;
    assert!(page.contains(&cause.replace('"', "&quot;")), "{page}");
    let admin = running.admin.to_string();
    let keys = ended(&mut accredit(&["keys", "--admin", &admin])).await;
    assert!(keys.stdout.contains(cause), "{keys:?}");

    let check = ended(&mut accredit(&["check", "--online", "--config", path])).await;
    assert_eq!(check.code, Some(1));
    assert!(check.stderr.contains(cause), "{check:?}");

    let token = Token::of(&server.url("")).signed(rsa(0));
    let explanation = explained(path, &token).await;
    assert!(explanation.contains(cause), "{explanation}");

    let answer = running.check(ClientRequest::bearer(&token)).await;
    assert_eq!(answer.reason(), "keys_unavailable");
    assert!(!format!("{answer:?}").contains("hmac"), "{answer:?}");
}

/// CONTRACT 5.7.2b.
#[tokio::test]
async fn a_key_that_is_set_aside_is_named_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    let mut cipher = rsa(0).jwk("cipher");
    cipher["use"] = json!("enc");
    let server = KeyServer::with_keys(set([rsa(1).jwk("k"), cipher])).await;
    std::fs::write(&file, issuer_at(&server, "")).unwrap();
    let path = file.to_str().unwrap();
    let check = ended(&mut accredit(&["check", "--online", "--config", path])).await;
    assert_eq!(check.code, Some(0), "{check:?}");
    let named = "key \"cipher\" is set aside: its `use` is";
    assert!(check.stdout.contains(named), "{check:?}");

    let token = Token::of(&server.url("")).kid("cipher").signed(rsa(0));
    let explanation = explained(path, &token).await;
    let named = "key \"cipher\": its `use` is";
    assert!(explanation.contains(named), "{explanation}");
}
