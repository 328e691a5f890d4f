//! `accredit tail` beside a running service.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout};

use super::common::{configuration, run};
use crate::support::check_request::ClientRequest;
use crate::support::eventually::within;
use crate::support::process::{Running, accredit, is_control};
use crate::support::service::Service;

/// A command that follows.
struct Follower {
    stdout: Lines<BufReader<ChildStdout>>,
    stderr: Lines<BufReader<ChildStderr>>,
    _child: Child,
}

impl Follower {
    fn start(arguments: &[&str]) -> Follower {
        let mut command = accredit(&["tail"]);
        let command = command.args(arguments).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().expect("can be run");
        Follower {
            stdout: BufReader::new(child.stdout.take().expect("is piped")).lines(),
            stderr: BufReader::new(child.stderr.take().expect("is piped")).lines(),
            _child: child,
        }
    }

    /// The first line of a new follower. `tail` does not say when it has connected, so this makes decisions until a line arrives.
    async fn first_line(&mut self, decide: impl AsyncFn()) -> String {
        let line = async {
            loop {
                decide().await;
                let next = self.stdout.next_line();
                // No line is lost where this is broken off: what was read stays with the reader.
                let waited = tokio::time::timeout(std::time::Duration::from_millis(50), next);
                if let Ok(line) = waited.await {
                    let line = line.expect("is UTF-8").expect("goes on");
                    // The names of the columns.
                    if !line.starts_with("TIME (UTC)") {
                        return line;
                    }
                }
            }
        };
        within("a decision is shown", line).await
    }

    async fn complains(&mut self, text: &str) {
        let complaint = async {
            while let Some(line) = self.stderr.next_line().await.expect("is UTF-8") {
                if line.contains(text) {
                    return;
                }
            }
            panic!("it ends without saying {text:?}");
        };
        within(text, complaint).await;
    }
}

#[tokio::test]
async fn tail_prints_each_decision_on_a_line() {
    let service = Service::ready(&configuration()).await;
    let admin = service.admin.to_string();
    let client_request = || {
        ClientRequest::plain()
            .to("GET", "/a\u{1b}[2J?q")
            .header("x-request-id", "r-1")
    };
    let decide = async || {
        service.check(client_request()).await;
    };
    let mut as_text = Follower::start(&["--admin", &admin]);
    let line = as_text.first_line(decide).await;
    let words: Vec<_> = line.split_whitespace().collect();
    let [time, rest @ .., latency, config, id] = words.as_slice() else {
        panic!("{line}");
    };
    assert!(time.ends_with('Z') && latency.ends_with('s'), "{line}");
    assert_eq!(
        rest,
        [
            "deny",
            "missing_token",
            "default",
            "-",
            "GET",
            "api.test",
            "/a\\u{1b}[2J"
        ]
    );
    assert_eq!(*id, "r-1");
    let is_hash =
        |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(is_hash(config), "{line}");

    let mut as_json =
        Follower::start(&["--admin", &format!("http://{admin}"), "--denied", "--json"]);
    let line = as_json.first_line(decide).await;
    let result: Value = serde_json::from_str(&line).expect("is JSON");
    assert_eq!(result["path"], "/a\u{1b}[2J");
    assert_eq!(
        (&result["decision"], &result["reason"]),
        (&"deny".into(), &"missing_token".into())
    );
    assert_eq!(
        (&result["request_id"], &result["issuer"]),
        (&"r-1".into(), &Value::Null)
    );
}

/// CONTRACT 6.5.3
#[tokio::test]
async fn control_characters_of_client_text_are_escaped_in_tail() {
    let service = Service::ready(&configuration()).await;
    let admin = service.admin.to_string();
    let (path, host) = ("/a\u{1b}[2J\u{85}\u{202e}b", "\u{2066}x\u{7f}\u{200f}.test");
    let decide = async || {
        service
            .check(ClientRequest::plain().to("GET", path).at(host))
            .await;
    };
    for (format, escaped) in [
        (None, r"\u{1b}[2J\u{85}\u{202e}b"),
        (Some("--json"), r"\u001b[2J\u0085\u202eb"),
    ] {
        let arguments = ["--admin", &admin].into_iter().chain(format);
        let mut follower = Follower::start(&arguments.collect::<Vec<_>>());
        let line = follower.first_line(decide).await;
        assert!(line.contains(escaped), "{line:?}");
        assert!(!line.contains(is_control), "{line:?}");
        if format.is_some() {
            let decision: Value = serde_json::from_str(&line).expect("is JSON");
            assert_eq!(
                (&decision["path"], &decision["host"]),
                (&path.into(), &host.into())
            );
        }
    }
}

#[tokio::test]
async fn tail_follows_a_service_that_starts_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    std::fs::write(
        &file,
        format!(
            "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n{}",
            configuration()
        ),
    )
    .unwrap();
    let serve = ["serve", "--config", file.to_str().unwrap()];
    let mut first = Running::start(&mut accredit(&serve)).await;
    let admin = first.admin.to_string();
    let mut follower = Follower::start(&["--admin", &admin, "--json"]);
    follower
        .first_line(async || {
            first.check(ClientRequest::plain().path("/first")).await;
        })
        .await;
    first.signal("KILL").await;
    first.exit_code().await;
    follower.complains("the connection ended").await;
    let again = [&serve[..], &["--admin-listen", &admin]].concat();
    let second = Running::start(&mut accredit(&again)).await;
    follower.complains("reconnected").await;
    let seen = follower
        .first_line(async || {
            second.check(ClientRequest::plain().path("/second")).await;
        })
        .await;
    // Decisions of the first may still be on their way.
    let shown = async {
        let mut line = seen;
        while !line.contains("/second") {
            line = follower.stdout.next_line().await.unwrap().expect("goes on");
        }
    };
    within("the second service's decision is shown", shown).await;
}

#[tokio::test]
async fn tail_finds_a_refusal_by_its_request_id() {
    let service = Service::ready(&configuration()).await;
    let admin = service.admin.to_string();
    service
        .check(ClientRequest::bearer("garbage").header("x-request-id", "r-1"))
        .await;
    let found = run(&["tail", "--admin", &admin, "--request", "r-1"]).await;
    assert_eq!(found.code, Some(0), "{}", found.stderr);
    for text in [
        "deny  malformed_token  default",
        "deny: malformed_token (rule default)",
        "form             failed",
        "signature        not reached",
        "Envoy answers the client with status 401",
        "accredit explain",
    ] {
        assert!(found.stdout.contains(text), "{text}: {}", found.stdout);
    }
    let found = run(&["tail", "--admin", &admin, "--request", "r-1", "--json"]).await;
    let result: Value = serde_json::from_str(&found.stdout).expect("is one JSON object");
    assert_eq!(result["reason"], "malformed_token");
    assert_eq!(result["explanation"]["answer"]["status"], 401);
    let missed = run(&["tail", "--admin", &admin, "--request", "r-2"]).await;
    assert_eq!((missed.code, missed.stdout.as_str()), (Some(1), ""));
    assert!(
        missed
            .stderr
            .contains("\"r-2\" is not among the last 1,000 denials"),
        "{}",
        missed.stderr
    );
}
