//! What the log contains about refusals, and what it never contains.

use std::net::SocketAddr;
use std::process::Stdio;

use accredit::admin::pb::SetLogLevelRequest;
use accredit::admin::pb::admin_client::AdminClient;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tonic::Code;

use super::support::check_request::ClientRequest;
use super::support::connection::{Envoy, channel};
use super::support::eventually::within;
use super::support::keys::{rsa, set};
use super::support::process::{Running, accredit, is_control};
use super::support::service::inline_issuer;
use super::support::token::Token;

const ISSUER: &str = "https://issuer.test";

/// A folder that holds a configuration, which ends when it is dropped, and the file.
fn configured(lines: &str) -> (tempfile::TempDir, String) {
    configured_with(&set([rsa(0).jwk("k")]), lines)
}

fn configured_with(keys: &str, lines: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("accredit.yaml");
    let issuer = inline_issuer(ISSUER, keys, "");
    let text = format!("listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n{lines}issuers:\n{issuer}");
    std::fs::write(&file, text).expect("is written");
    let path = file.to_str().expect("is UTF-8").to_owned();
    (folder, path)
}

async fn serving(path: &str) -> Running {
    let mut running = Running::start(&mut accredit(&["serve", "--config", path])).await;
    running.wait_for_line("\"ready\"").await;
    running
}

#[tokio::test]
async fn one_log_line_states_each_refusal_and_its_reason() {
    let (_folder, path) = configured("");
    let mut running = serving(&path).await;
    let expired = Token::of(ISSUER).claim("exp", 1).signed(rsa(0));
    let client_request = ClientRequest::bearer(&expired)
        .path("/deployments/7?access_token=secret")
        .header("x-request-id", "4b1f\u{1b}-7");
    running.check(client_request).await;
    let line = running.wait_for_line("request denied").await;
    for (name, value) in [
        ("level", "INFO"),
        ("message", "request denied"),
        ("description", "the token has expired"),
        ("request_id", "4b1f-7"),
        ("decision", "deny"),
        ("reason", "expired"),
        ("rule", "default"),
        ("issuer", ISSUER),
        ("key_id", "k"),
        ("method", "GET"),
        ("host", "api.test"),
        ("path", "/deployments/7"),
    ] {
        assert_eq!(line[name], value, "{line}");
    }
    assert!(
        line["timestamp"].is_string() && line["claims"] == Value::Null,
        "{line}"
    );
    let config = line["config"].as_str().expect("is a text");
    assert!(
        config.len() == 12 && config.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{line}"
    );
    assert!(!line.to_string().contains("secret"), "{line}");
}

/// CONTRACT 5.2.2: the operator sees how many keys were not tried.
#[tokio::test]
async fn a_refusal_says_how_many_keys_that_fit_were_not_tried() {
    let keys: Vec<Value> = vec![rsa(1).jwk(None); 18];
    let (_folder, path) = configured_with(&set(keys), "");
    let mut running = serving(&path).await;
    let token = Token::of(ISSUER).without_header("kid").signed(rsa(0));
    running.check(ClientRequest::bearer(&token)).await;
    let line = running.wait_for_line("request denied").await;
    assert_eq!(
        (&line["reason"], &line["cause"]),
        (
            &"unknown_key".into(),
            &"16 keys were tried, and 2 more that fit were not".into()
        ),
        "{line}"
    );
}

#[tokio::test]
async fn log_claims_adds_claims_of_verified_tokens_to_the_log() {
    let (_folder, path) = configured(
        "log_claims: [oid, custom.a]\nrules:\n  - { name: r, scopes: [w], match: { paths: ['/**'] } }\n",
    );
    let mut running = serving(&path).await;
    let token = Token::of(ISSUER)
        .claim("oid", "org_1")
        .claim("custom", serde_json::json!({ "a": 7 }))
        .claim("email", "someone@marker.test");
    running
        .check(ClientRequest::bearer(&token.signed(rsa(1))))
        .await;
    running
        .check(ClientRequest::bearer(&token.signed(rsa(0))))
        .await;
    let line = running.wait_for_line("request denied").await;
    assert_eq!(
        (&line["reason"], &line["claims"]),
        (&"invalid_signature".into(), &Value::Null)
    );
    let line = running.wait_for_line("request denied").await;
    assert_eq!(line["reason"], "insufficient_scope");
    assert_eq!(line["claims"], "oid=\"org_1\" custom.a=\"7\"");
    assert!(!line.to_string().contains("marker"), "{line}");
}

#[tokio::test]
async fn refusals_beyond_the_log_limit_are_counted() {
    let (_folder, path) = configured("");
    let mut running = serving(&path).await;
    let envoy = Envoy::at(running.checks).await;
    for _ in 0..400 {
        envoy.check(ClientRequest::plain()).await;
    }
    running.signal("TERM").await;
    let (mut written, mut left_out) = (0, 0);
    for line in running.lines_to_the_end().await {
        let line: Value = serde_json::from_str(&line).expect("is JSON");
        match &line["left_out"] {
            Value::Null if line["reason"] == "missing_token" => written += 1,
            count => left_out += count.as_u64().unwrap_or_default(),
        }
    }
    assert_eq!(written + left_out, 400, "every one is a line or counted");
    assert!(left_out > 0, "{written}");
}

#[tokio::test]
async fn the_log_level_can_change_at_run_time() {
    let (_folder, path) = configured("");
    let mut running = serving(&path).await;
    let mut admin = AdminClient::new(channel(running.admin).await);
    let mut level = async |level: &str| {
        let level = level.to_owned();
        let set = admin.set_log_level(SetLogLevelRequest { level }).await;
        set.map(|answer| answer.into_inner().previous)
            .map_err(|status| status.code())
    };
    assert_eq!(level("loud").await, Err(Code::InvalidArgument));
    // Parsing a filter of megabytes would occupy the thread that refreshes keys (CONTRACT 7.3.6).
    let long = |directives: usize| vec!["accredit=info"; directives].join(",");
    assert_eq!(level(&long(400)).await, Err(Code::InvalidArgument));
    assert_eq!(level(&long(300_000)).await, Err(Code::OutOfRange));
    assert_eq!(level("error").await, Ok("info".to_owned()));
    running.check(ClientRequest::plain()).await;
    assert_eq!(level("info").await, Ok("error".to_owned()));
    running.check(ClientRequest::bearer("no-token")).await;
    assert_eq!(
        running.wait_for_line("request denied").await["reason"],
        "malformed_token",
        "the first was not written"
    );
}

/// CONTRACT 6.5.3: in both forms, of each part of a request that a client writes.
#[tokio::test]
async fn control_characters_of_client_text_are_escaped_in_the_log() {
    let (_folder, path) = configured("");
    for (format, escape) in [("json", "\\u202e"), ("text", "\\u{202e}")] {
        let mut command = accredit(&["serve", "--config", &path, "--log-format", format]);
        let mut child = command.stderr(Stdio::piped()).spawn().expect("can be run");
        let mut lines = BufReader::new(child.stderr.take().expect("is piped")).lines();
        let mut next = async || within("a line", lines.next_line()).await.expect("is UTF-8");
        let serving = loop {
            let line = next().await.expect("it serves");
            if line.contains("serving") {
                break line;
            }
        };
        let envoy = Envoy::at(listen_address(&serving)).await;
        for client_request in [
            ClientRequest::plain().path("/a\n\u{1b}[2J\u{85}\u{202e}b"),
            ClientRequest::plain().at("x\u{7f}\u{202e}\u{2066}.test"),
            ClientRequest::plain().to("GET\r\u{9b}\u{202e}", "/"),
            ClientRequest::plain().header("x-request-id", "1\u{202e}\u{200f}\u{80}2"),
        ] {
            envoy.check(client_request).await;
        }
        let mut denials = Vec::new();
        while denials.len() < 4 {
            let line = next().await.expect("it still runs");
            assert!(!line.contains(is_control), "{line:?}");
            if line.contains("api.test") || line.contains("x\\u") {
                denials.push(line);
            }
        }
        for denial in &denials[..3] {
            assert!(denial.contains(escape), "{denial}");
        }
    }
}

fn listen_address(line: &str) -> SocketAddr {
    let after = line.split("listen").nth(1).expect("has an address");
    let starts = after
        .find(|c: char| c.is_ascii_digit())
        .expect("has digits");
    let address = &after[starts..];
    let ends = address.find(|c: char| c != '.' && c != ':' && !c.is_ascii_digit());
    address[..ends.unwrap_or(address.len())]
        .parse()
        .expect("is an address")
}
