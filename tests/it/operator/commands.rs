//! `accredit tail` and `accredit keys` against a running service.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout};

use crate::support::check_request::Ask;
use crate::support::eventually::{eventually, within};
use crate::support::issuer::{Answer, KeyServer, Reply};
use crate::support::keys::{rsa, set};
use crate::support::process::{Ended, Running, accredit, ended};
use crate::support::service::{Service, inline_issuer};

fn configuration() -> String {
    let issuer = inline_issuer("https://one.test", &set([rsa(0).jwk("k")]), "");
    format!("issuers:\n{issuer}")
}

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

    /// The first line after somebody follows: it does not say when that is, so there are decisions until it shows one.
    async fn first_line(&mut self, decide: impl AsyncFn()) -> String {
        let line = async {
            loop {
                decide().await;
                let next = self.stdout.next_line();
                // No line is lost where this is broken off: what was read stays with the reader.
                let waited = tokio::time::timeout(std::time::Duration::from_millis(50), next);
                if let Ok(line) = waited.await {
                    return line.expect("is UTF-8").expect("goes on");
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

async fn run(arguments: &[&str]) -> Ended {
    ended(&mut accredit(arguments)).await
}

#[tokio::test]
async fn tail_prints_each_decision_on_a_line() {
    let service = Service::ready(&configuration()).await;
    let admin = service.admin.to_string();
    let ask = || {
        Ask::plain()
            .to("GET", "/a\u{1b}[2J?q")
            .header("x-request-id", "r-1")
    };
    let decide = async || {
        service.check(ask()).await;
    };
    let mut as_text = Follower::start(&["--admin", &admin]);
    let line = as_text.first_line(decide).await;
    let words: Vec<_> = line.split_whitespace().collect();
    let [time, rest @ .., latency, id] = words.as_slice() else {
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

    let mut as_json =
        Follower::start(&["--admin", &format!("http://{admin}"), "--denied", "--json"]);
    let line = as_json.first_line(decide).await;
    let told: Value = serde_json::from_str(&line).expect("is JSON");
    assert_eq!(told["path"], "/a\u{1b}[2J");
    assert_eq!(
        (&told["decision"], &told["reason"]),
        (&"deny".into(), &"missing_token".into())
    );
    assert_eq!(
        (&told["request_id"], &told["issuer"]),
        (&"r-1".into(), &Value::Null)
    );
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
            first.check(Ask::plain().path("/first")).await;
        })
        .await;
    first.signal("KILL").await;
    first.exit_code().await;
    follower.complains("the connection has ended").await;
    let again = [&serve[..], &["--admin-listen", &admin]].concat();
    let second = Running::start(&mut accredit(&again)).await;
    follower.complains("following again").await;
    let seen = follower
        .first_line(async || {
            second.check(Ask::plain().path("/second")).await;
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
async fn a_refusal_is_looked_up_by_its_request() {
    let service = Service::ready(&configuration()).await;
    let admin = service.admin.to_string();
    service
        .check(Ask::bearer("garbage").header("x-request-id", "r-1"))
        .await;
    let found = run(&["tail", "--admin", &admin, "--request", "r-1"]).await;
    assert_eq!(found.code, Some(0), "{}", found.stderr);
    for text in [
        "deny  malformed_token  default",
        "deny: malformed_token (rule default)",
        "form             failed",
        "signature        not reached",
        "The client is answered 401",
        "accredit explain",
    ] {
        assert!(found.stdout.contains(text), "{text}: {}", found.stdout);
    }
    let found = run(&["tail", "--admin", &admin, "--request", "r-1", "--json"]).await;
    let told: Value = serde_json::from_str(&found.stdout).expect("is one JSON object");
    assert_eq!(told["reason"], "malformed_token");
    assert_eq!(told["explanation"]["answer"]["status"], 401);
    let missed = run(&["tail", "--admin", &admin, "--request", "r-2"]).await;
    assert_eq!((missed.code, missed.stdout.as_str()), (Some(1), ""));
    assert!(
        missed
            .stderr
            .contains("\"r-2\" is among the last 1,000 refusals"),
        "{}",
        missed.stderr
    );
}

#[tokio::test]
async fn keys_are_listed_and_fetched_over_a_unix_socket() {
    let keys = KeyServer::start().await;
    keys.serve(
        "/keys",
        Reply::Answer(Answer::of(200, set([rsa(0).jwk("k")]))),
    );
    let folder = tempfile::tempdir().unwrap();
    let (file, socket) = (
        folder.path().join("accredit.yaml"),
        folder.path().join("admin.sock"),
    );
    let admin = format!("unix:{}", socket.display());
    let yaml = format!(
        "listen: 127.0.0.1:0\nadmin_listen: {admin}\nissuers:\n  - issuer: https://one.test\n    audiences: [a]\n    \
         jwks: {{ uri: '{}' }}\n",
        keys.url("/keys")
    );
    std::fs::write(&file, yaml).unwrap();
    let mut serve = accredit(&["serve", "--config", file.to_str().unwrap()]);
    let _serving = serve.stderr(Stdio::null()).spawn().unwrap();
    let listed = eventually("the key is listed", async || {
        let listed = run(&["keys", "--admin", &admin]).await;
        listed.stdout.contains("usable").then_some(listed.stdout)
    })
    .await;
    let lines: Vec<Vec<_>> = listed
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        lines[0],
        [
            "ISSUER",
            "KID",
            "TYPE",
            "ALGORITHMS",
            "AGE",
            "REFRESH",
            "STATE"
        ]
    );
    assert_eq!(lines[1][..4], ["https://one.test", "k", "RSA", "RS256"]);

    keys.serve(
        "/keys",
        Reply::Answer(Answer::of(200, set([rsa(0).jwk("new")]))),
    );
    let refreshed = run(&["keys", "--admin", &admin, "--refresh"]).await;
    assert_eq!(refreshed.code, Some(0), "{}", refreshed.stderr);
    assert!(refreshed.stdout.contains("new"), "{}", refreshed.stdout);

    keys.serve("/keys", Reply::Answer(Answer::of(500, "")));
    let failed = run(&["keys", "--admin", &admin, "--refresh"]).await;
    assert_eq!(failed.code, Some(1));
    assert!(
        failed.stdout.contains("new")
            && failed
                .stdout
                .contains("https://one.test: the latest fetch from "),
        "{}",
        failed.stdout
    );
}

#[tokio::test]
async fn who_cannot_be_asked_is_told_apart() {
    let service = Service::ready(&configuration()).await;
    let (admin, checks) = (service.admin.to_string(), service.checks_tcp().to_string());
    let named = format!("accredit.test:{}", service.admin.port());
    for (arguments, code, says) in [
        (
            vec!["--admin", "127.0.0.1:1"],
            1,
            "no admin API answers at 127.0.0.1:1 (Connection refused",
        ),
        (
            vec!["--admin", "nowhere"],
            2,
            "give host:port, https://host:port or unix:/path",
        ),
        (vec!["--admin", &checks], 1, "is no admin API of accredit"),
        (
            vec!["--admin", &admin, "--admin-ca", "/dev/null"],
            2,
            "https://",
        ),
        (
            vec![
                "--admin",
                &format!("https://{admin}"),
                "--admin-ca",
                "/nonexistent",
            ],
            2,
            "/nonexistent cannot be read",
        ),
        (
            vec!["--admin", &format!("https://{admin}")],
            1,
            "no admin API answers",
        ),
        (vec!["--admin", &named], 1, "no admin API answers"),
    ] {
        for command in ["keys", "tail"] {
            let ended = run(&[&[command], arguments.as_slice()].concat()).await;
            assert_eq!(
                ended.code,
                Some(code),
                "{command} {arguments:?}: {}",
                ended.stderr
            );
            assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
            assert!(
                ended.stderr.contains(says),
                "{arguments:?}: {}",
                ended.stderr
            );
        }
    }
}

#[tokio::test]
async fn an_admin_port_with_mutual_tls_is_asked_with_certificates() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let authority = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    std::fs::write(
        path("ca.crt"),
        params.self_signed(&authority).unwrap().pem(),
    )
    .unwrap();
    let issuer = rcgen::Issuer::new(params, authority);
    for (name, host) in [("server", "localhost"), ("client", "operator.test")] {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec![host.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        std::fs::write(path(&format!("{name}.crt")), certificate.pem()).unwrap();
        std::fs::write(path(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }
    let config = path("accredit.yaml");
    let yaml = format!(
        "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\nadmin_tls: {{ certificate: {}, private_key: {}, client_ca: {} }}\n{}",
        path("server.crt"),
        path("server.key"),
        path("ca.crt"),
        configuration()
    );
    std::fs::write(&config, yaml).unwrap();
    let running = Running::start(&mut accredit(&["serve", "--config", &config])).await;
    let admin = format!("https://localhost:{}", running.admin.port());
    let (ca, certificate, key) = (path("ca.crt"), path("client.crt"), path("client.key"));
    let with_ca = ["keys", "--admin", &admin, "--admin-ca", &ca];
    let listed = run(&[
        &with_ca[..],
        &["--admin-certificate", &certificate, "--admin-key", &key],
    ]
    .concat())
    .await;
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    assert!(listed.stdout.contains("usable"), "{}", listed.stdout);
    // Neither without ours, nor of a service that we do not know.
    for arguments in [&with_ca[..], &["keys", "--admin", &admin]] {
        let ended = run(arguments).await;
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("no admin API answers"),
            "{}",
            ended.stderr
        );
    }
}

#[tokio::test]
async fn a_peer_that_never_begins_its_handshake_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("https://{}", silent.local_addr().expect("is bound"));
    for command in [&["keys"][..], &["tail"], &["explain"]] {
        let arguments = [command, &["--admin", &address]].concat();
        let ended = run(&arguments).await;
        assert_eq!(ended.code, Some(1), "{command:?}");
        assert!(ended.stderr.contains("no admin API answers"), "{ended:?}");
    }
}

#[tokio::test]
async fn a_word_of_the_service_is_told_as_it_is() {
    let service = Service::ready(&configuration()).await;
    let admin = service.admin.to_string();
    let ended = run(&["tail", "--admin", &admin, "--reason", "421"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("no decision has the reason"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn a_complaint_is_one_line_that_no_terminal_obeys() {
    let ended = run(&["check", "--config", "/no/\u{1b}[2J\nsuch\u{202e}"]).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(!lines[0].contains(['\u{1b}', '\u{202e}']), "{lines:?}");
}
