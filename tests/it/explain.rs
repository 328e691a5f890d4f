//! `accredit explain`: the service's own decision, step by step.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;

use crate::support::check_request::ClientRequest;
use crate::support::eventually::within;
use crate::support::keys::{rsa, set};
use crate::support::process::accredit;
use crate::support::service::{Service, inline_issuer};
use crate::support::token::{Token, now};

mod causes;
mod inputs;
mod steps;

const ISSUER: &str = "https://one.test";

fn configuration() -> String {
    let issuer = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "max_lifetime: 2h");
    format!(
        "issuers:\n{issuer}rules:\n  - {{ name: health, match: {{ paths: [/healthz] }}, access: anonymous }}\n  \
         - {{ name: ops, match: {{ paths: [/ops], hosts: [api.test] }}, scopes: [ops], when: 'request.method == \"GET\"' }}\n  \
         - {{ name: closed, match: {{ paths: [/closed] }}, access: deny }}\n"
    )
}

pub(crate) struct Explained {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

async fn explain(arguments: &[&str], token: &str) -> Explained {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    std::fs::write(&file, configuration()).unwrap();
    let offline = ["--config", file.to_str().unwrap()];
    explain_by(&[&offline, arguments].concat(), token).await
}

pub(crate) async fn explain_by(arguments: &[&str], token: &str) -> Explained {
    let mut command = accredit(&[&["explain"], arguments].concat());
    let piped = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(token.as_bytes())
        .await
        .unwrap();
    let output = within("explain ends", child.wait_with_output())
        .await
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Explained {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

fn steps(explained: &Explained) -> (Value, Vec<(String, String)>) {
    let result: Value =
        serde_json::from_str(&explained.stdout).unwrap_or_else(|_| panic!("{}", explained.stdout));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let steps = result["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (text(&step["step"]), text(&step["outcome"])))
        .collect();
    (result, steps)
}

fn without_notes(explained: &Explained) -> Value {
    let (mut result, _) = steps(explained);
    for step in result["steps"].as_array_mut().unwrap() {
        step["note"].take();
    }
    result
}

/// CONTRACT 2.5.6: why a claim header is left out, for people and for programs.
#[tokio::test]
async fn explain_says_why_claim_headers_are_left_out() {
    let token = Token::of(ISSUER)
        .claim("client_id", "a\nsecret-word")
        .claim("scopes", serde_json::json!(["a b"]))
        .signed(rsa(0));
    let explained = explain(&["--path", "/x"], &token).await;
    assert_eq!(explained.code, Some(0), "{}", explained.stderr);
    let (_, left_out) = explained
        .stdout
        .split_once("Claim headers that are left out:\n")
        .unwrap_or_else(|| panic!("{}", explained.stdout));
    for line in [
        "  x-jwt-client-id: the value has a control character\n",
        "  x-jwt-org: the token does not have the claim\n",
        "  x-jwt-scope: an element of the array contains the separator ' '\n",
    ] {
        assert!(left_out.contains(line), "{left_out}");
    }
    assert!(
        !left_out.contains("secret-word") && !left_out.contains("x-jwt-sub"),
        "{left_out}"
    );
    let explained = explain(&["--path", "/x", "--json"], &token).await;
    let (result, _) = steps(&explained);
    assert_eq!(
        result["answer"]["left_out"],
        serde_json::json!({
            "x-jwt-client-id": "the value has a control character",
            "x-jwt-org": "the token does not have the claim",
            "x-jwt-scope": "an element of the array contains the separator ' '",
        })
    );
    // Without a token there is nothing to leave out.
    let explained = explain(&["--path", "/healthz", "--json"], "").await;
    let (result, _) = steps(&explained);
    assert_eq!(result["answer"]["left_out"], serde_json::json!({}));
}

/// For every request, `explain` states the decision of the service.
#[tokio::test]
async fn explain_and_check_decide_alike() {
    let service = Service::ready(&configuration()).await;
    let envoy = service.envoy().await;
    let good = || Token::of(ISSUER).claim("scopes", serde_json::json!(["ops"]));
    let tokens = [
        String::new(),
        "garbage".to_owned(),
        good().signed(rsa(0)),
        good().without("scopes").signed(rsa(0)),
        good().signed(rsa(1)),
        good().kid("unheard-of").signed(rsa(0)),
        good().claim("exp", now() - 3600).signed(rsa(0)),
        good().claim("exp", "soon").signed(rsa(0)),
        good().claim("nbf", now() + 3600).signed(rsa(0)),
        good().claim("aud", "other").signed(rsa(0)),
        good().without("sub").signed(rsa(0)),
        good().claim("exp", now() + 36_000).signed(rsa(0)),
        good().claim("cnf", serde_json::json!({})).signed(rsa(0)),
        Token::of("https://one.test/").signed(rsa(0)),
    ];
    for path in ["/ops", "/healthz", "/closed", "/", "/a/../b"] {
        for token in &tokens {
            let client_request = if token.is_empty() {
                ClientRequest::plain()
            } else {
                ClientRequest::bearer(token)
            };
            let answer = envoy.check(client_request.to("GET", path)).await;
            let explained = explain(&["--host", "api.test", "--path", path, "--json"], token).await;
            let (result, steps) = steps(&explained);
            let is_admission = answer.is_admission();
            assert_eq!(
                result["reason"].as_str(),
                Some(answer.reason().as_str()),
                "{path} {explained:?}"
            );
            assert_eq!(
                result["rule"].as_str().map(str::to_owned),
                answer.text("rule"),
                "{path} {explained:?}"
            );
            assert_eq!(
                explained.code,
                Some(if is_admission { 0 } else { 3 }),
                "{explained:?}"
            );
            assert_eq!(
                steps
                    .iter()
                    .filter(|(_, outcome)| outcome == "failed")
                    .count(),
                usize::from(!is_admission),
                "{result}"
            );
            let admin = service.admin.to_string();
            let asked = [
                "--admin", &admin, "--host", "api.test", "--path", path, "--json",
            ];
            let live = explain_by(&asked, token).await;
            assert_eq!(without_notes(&live), without_notes(&explained));
            assert_eq!(live.code, explained.code);
            if !is_admission {
                assert_eq!(
                    result["answer"]["status"].as_i64(),
                    Some(answer.http.into())
                );
                assert_eq!(
                    result["answer"]["body"].as_str(),
                    Some(answer.body.as_str())
                );
            }
        }
    }
}

#[tokio::test]
async fn explain_prints_each_step_with_its_result() {
    let expired = Token::of(ISSUER).claim("exp", now() - 3600).signed(rsa(0));
    let explained = explain(
        &["--host", "api.test", "--path", "/ops", "--json"],
        &expired,
    )
    .await;
    let (_, steps) = steps(&explained);
    let outcome = |name: &str| {
        steps
            .iter()
            .find(|(step, _)| step == name)
            .map(|(_, outcome)| outcome.as_str())
    };
    for (name, expected) in [
        ("rule", "passed"),
        ("signature", "passed"),
        ("cnf", "passed"),
        ("exp", "failed"),
        ("nbf", "not_reached"),
        ("scopes", "not_reached"),
        ("audiences", "not_required"),
    ] {
        assert_eq!(outcome(name), Some(expected), "{name}");
    }
    let explained = explain(
        &["--path", "/ops"],
        &Token::of("https://one.test/").signed(rsa(0)),
    )
    .await;
    assert_eq!(explained.code, Some(3), "{explained:?}");
    for text in [
        "deny: unknown_issuer (rule default)",
        "rule health: the path differs",
        "rule ops: the host differs",
        "only by a final `/`",
        "Envoy answers the client with status 401",
        "Inputs that were not given and could change the decision: method, host",
    ] {
        assert!(
            explained.stdout.contains(text),
            "{text}: {}",
            explained.stdout
        );
    }
}

#[tokio::test]
async fn explain_exits_with_2_for_bad_usage_and_3_for_a_refusal() {
    let explained = explain(&["--header", "nonsense"], "").await;
    assert_eq!(
        (explained.code, explained.stdout.as_str()),
        (Some(2), ""),
        "{explained:?}"
    );
    assert!(
        explained.stderr.contains("--header needs the form K:V"),
        "{explained:?}"
    );
}

impl std::fmt::Debug for Explained {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {} {}", self.code, self.stdout, self.stderr)
    }
}
