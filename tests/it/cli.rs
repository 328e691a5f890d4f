//! The true binary: what is typed, what it says, and how it ends.

use std::net::TcpListener;
use std::path::Path;

use super::support::check_request::Ask;
use super::support::issuer::KeyServer;
use super::support::keys::{rsa, set};
use super::support::process::{Ended, Running, accredit, ended};
use super::support::raw_call::{RawConnection, call_of, framed_check, whole};
use super::support::token::Token;

async fn run(arguments: &[&str]) -> Ended {
    ended(&mut accredit(arguments)).await
}

/// Ends so, having said one line with all of these in it, and nothing else.
fn assert_complains(ended: &Ended, code: i32, says: &[&str]) {
    let shown = format!("{:?} {:?} {says:?}", ended.code, ended.stderr);
    assert_eq!(ended.code, Some(code), "{shown}");
    assert_eq!(ended.stdout, "", "{shown}");
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{shown}");
    assert!(lines[0].starts_with("accredit: "), "{shown}");
    for text in says {
        assert!(lines[0].contains(text), "{shown}");
    }
}

fn written(folder: &Path, text: &str) -> String {
    let file = folder.join("accredit.yaml");
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

const VALID: &str = "issuers:\n  - issuer: https://a.test\n    audiences: [api]\n";

#[tokio::test]
async fn what_is_no_command_is_bad_usage_in_one_line() {
    for (arguments, says) in [
        (&["nonsense"][..], "nonsense"),
        (&["serve", "--nope"], "--nope"),
        (&["serve", "--isuer", "x"], "--issuer"),
        (&["serve", "--issuer"], "--issuer"),
        (&["serve", "one"], "one"),
        (&["serve", "--log-format", "xml"], "xml"),
        (&["serve", "--config", "a", "--config", "b"], "--config"),
        (&["check", "a\nb"], "a b"),
        (&["schema", "--x"], "--x"),
    ] {
        assert_complains(&run(arguments).await, 2, &[says]);
    }
    let nothing = run(&[]).await;
    assert_eq!((nothing.code, nothing.stdout.as_str()), (Some(2), ""));
    assert!(nothing.stderr.contains("Usage:"), "{}", nothing.stderr);
}

#[tokio::test]
async fn help_and_version_are_answers() {
    for (arguments, says) in [
        (
            &["--version"][..],
            concat!("accredit ", env!("CARGO_PKG_VERSION"), "\n"),
        ),
        (&["--help"], "Usage: accredit <COMMAND>"),
        (&["serve", "--help"], "--audience-absent"),
        (&["schema"], "\"issuers\""),
    ] {
        let ended = run(arguments).await;
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (Some(0), ""),
            "{arguments:?}"
        );
        assert!(
            ended.stdout.contains(says),
            "{arguments:?}: {}",
            ended.stdout
        );
    }
    let schema = run(&["schema"]).await.stdout;
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("is JSON");
    assert!(schema["properties"]["issuers"].is_object());
}

#[tokio::test]
async fn what_excludes_each_other_or_is_missing() {
    let one = ["--issuer", "https://a.test", "--audience", "a"];
    let serve = |more: &[&'static str]| [&["serve"], more].concat();
    let with_issuer = |more: &[&'static str]| [&["serve"], &one[..], more].concat();
    for (arguments, says) in [
        (
            serve(&["--config", "x", "--issuer", "https://a.test"]),
            ["--config", "--issuer"],
        ),
        (
            serve(&["--issuer", "https://a.test"]),
            ["--audience", "any"],
        ),
        (
            serve(&["--config", "x", "--audience", "a"]),
            ["--audience", "--issuer"],
        ),
        (
            serve(&["--jwks-uri", "https://a.test/k"]),
            ["--jwks-uri", "--issuer"],
        ),
        (
            serve(&["--issuer", "acme", "--audience", "a"]),
            ["issuer", "jwks.uri"],
        ),
        (with_issuer(&["--audience", "any"]), ["audiences", "any"]),
        (
            with_issuer(&["--audience-absent", "maybe"]),
            ["accept", "refuse"],
        ),
        (
            with_issuer(&["--jwks-uri", "http://a.test/k"]),
            ["jwks.uri", "https"],
        ),
        (with_issuer(&["--listen", "nowhere"]), ["listen", "nowhere"]),
        (
            with_issuer(&["--admin-listen", "unix:relative"]),
            ["admin_listen", "relative"],
        ),
        (
            serve(&["--config", "/nonexistent/a.yaml"]),
            ["/nonexistent/a.yaml", "--config FILE"],
        ),
        (
            vec!["check", "--config", "/nonexistent/a.yaml"],
            ["/nonexistent/a.yaml", "No such file"],
        ),
    ] {
        assert_complains(&run(&arguments).await, 2, &says);
    }
}

#[tokio::test]
async fn the_environment_stands_in_for_flags() {
    let folder = tempfile::tempdir().unwrap();
    let valid = written(folder.path(), VALID);
    let check = ended(accredit(&["check"]).env("ACCREDIT_CONFIG", &valid)).await;
    assert_eq!(check.code, Some(0), "{}", check.stderr);
    let beaten =
        ended(accredit(&["check", "--config", &valid]).env("ACCREDIT_CONFIG", "/nonexistent"))
            .await;
    assert_eq!(
        beaten.code,
        Some(0),
        "a flag beats the environment: {}",
        beaten.stderr
    );
    let both = ended(
        accredit(&["serve"])
            .env("ACCREDIT_CONFIG", &valid)
            .env("ACCREDIT_ISSUER", "https://a.test"),
    )
    .await;
    assert_complains(&both, 2, &["ACCREDIT_CONFIG", "ACCREDIT_ISSUER"]);
    let bad =
        ended(accredit(&["serve", "--config", &valid]).env("ACCREDIT_LISTEN", "nowhere")).await;
    assert_complains(&bad, 2, &["listen", "nowhere"]);
    let level = ended(accredit(&["serve", "--config", &valid]).env("ACCREDIT_LOG", "=loud=")).await;
    assert_complains(&level, 2, &["=loud="]);
}

#[tokio::test]
async fn check_says_whether_a_configuration_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    let valid = written(folder.path(), VALID);
    let good = run(&["check", "--config", &valid]).await;
    assert_eq!((good.code, good.stderr.as_str()), (Some(0), ""));
    assert!(good.stdout.contains("valid"), "{}", good.stdout);

    let unwise = written(
        folder.path(),
        "issuers:\n  - issuer: https://a.test\n    audiences: any\n",
    );
    let warned = run(&["check", "--config", &unwise]).await;
    assert_eq!(warned.code, Some(0));
    assert!(
        warned
            .stderr
            .contains("warning: issuers[0].audiences (line 3)"),
        "{}",
        warned.stderr
    );
    assert_eq!(warned.stderr.lines().count(), 1);

    let substituted = written(
        folder.path(),
        "issuers:\n  - issuer: ${IT_ISSUER}\n    audiences: [\"${IT_NONE:-api}\"]\n",
    );
    let unset = run(&["check", "--config", &substituted]).await;
    assert_complains(&unset, 2, &["issuers[0].issuer (line 2)", "IT_ISSUER"]);
    let set =
        ended(accredit(&["check", "--config", &substituted]).env("IT_ISSUER", "https://a.test"))
            .await;
    assert_eq!(set.code, Some(0), "{}", set.stderr);
}

#[tokio::test]
async fn every_problem_is_listed_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    for (text, places) in [
        (
            "listen: nowhere\nrealm: 'a\"b'\npayload_header: host\nissuers:\n  - issuer: acme\n    audiences: [any]\n    required_claims: [a..b]\n",
            &[
                "listen (line 1)",
                "realm (line 2)",
                "payload_header (line 3)",
                "issuers[0].issuer (line 5)",
                "issuers[0].audiences[0] (line 6)",
                "issuers[0].required_claims[0] (line 7)",
            ][..],
        ),
        (
            "lisen: x\nrevoked: []\nmetadata: {}\nissuers:\n  - issuer: https://a.test\n    algorithms: [HS256]\n    clock_skew: soon\n    audience: [a]\n",
            &[
                "lisen (line 1)",
                "revoked (line 2)",
                "metadata (line 3)",
                "issuers[0].audiences (line 5)",
                "issuers[0].algorithms[0] (line 6)",
                "issuers[0].clock_skew (line 7)",
                "issuers[0].audience (line 8)",
            ],
        ),
        ("issuers: [\n", &["line "]),
        ("", &[""]),
    ] {
        for command in ["check", "serve"] {
            let file = written(folder.path(), text);
            let ended = run(&[command, "--config", &file]).await;
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{text}");
            let lines: Vec<_> = ended.stderr.lines().collect();
            assert_eq!(lines.len(), places.len(), "{}", ended.stderr);
            for place in places {
                let named = lines
                    .iter()
                    .any(|line| line.starts_with(&format!("accredit: {place}")));
                assert!(named, "{place} is not in\n{}", ended.stderr);
            }
        }
    }
}

#[tokio::test]
async fn what_cannot_start_has_failed() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let in_the_way = written(folder.path(), "not a socket");
    let no_folder = "unix:/nonexistent/a.sock".to_owned();
    let not_a_socket = format!("unix:{in_the_way}");
    for (listen, admin, says) in [
        (taken.as_str(), "127.0.0.1:0", [taken.as_str(), "in use"]),
        ("127.0.0.1:0", taken.as_str(), [taken.as_str(), "in use"]),
        (&no_folder, "127.0.0.1:0", ["/nonexistent", "create it"]),
        (&not_a_socket, "127.0.0.1:0", [&in_the_way, "not a socket"]),
    ] {
        let ended = run(&[
            "serve",
            "--issuer",
            "https://a.test",
            "--audience",
            "a",
            "--listen",
            listen,
            "--admin-listen",
            admin,
        ])
        .await;
        assert_complains(&ended, 1, &says);
    }
    let text = format!(
        "{VALID}    jwks: {{ ca_file: /nonexistent/ca.pem }}\nlisten: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n"
    );
    let file = written(folder.path(), &text);
    // A file that the configuration names is a part of it.
    assert_complains(
        &run(&["serve", "--config", &file]).await,
        2,
        &["/nonexistent/ca.pem"],
    );
}

/// Flags, their twins, and a file say the same.
#[tokio::test]
async fn serve_answers_however_it_was_told() {
    let server = KeyServer::with_keys(set([rsa(0).jwk("k")])).await;
    let (issuer, uri) = (server.url(""), server.url("/keys"));
    let folder = tempfile::tempdir().unwrap();
    let file = written(
        folder.path(),
        &format!(
            "listen: 127.0.0.1:1\nadmin_listen: 127.0.0.1:0\nissuers:\n  - issuer: {issuer}\n    audiences: [first, api.test]\n    audience_absent: accept\n    jwks: {{ uri: '{uri}' }}\n"
        ),
    );
    let by_flags = accredit(&[
        "serve",
        "--issuer",
        &issuer,
        "--audience",
        "first",
        "--audience",
        "api.test",
        "--audience-absent",
        "accept",
        "--jwks-uri",
        &uri,
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
    ]);
    let mut by_environment = accredit(&["serve", "--audience-absent", "accept"]);
    by_environment.envs([
        ("ACCREDIT_ISSUER", issuer.as_str()),
        ("ACCREDIT_AUDIENCE", "first, api.test"),
        ("ACCREDIT_JWKS_URI", &uri),
        ("ACCREDIT_LISTEN", "127.0.0.1:0"),
        ("ACCREDIT_ADMIN_LISTEN", "127.0.0.1:0"),
    ]);
    let mut by_file = accredit(&["serve", "--config", &file, "--listen", "127.0.0.1:0"]);
    by_file.env("ACCREDIT_LISTEN", "127.0.0.1:1");
    for mut command in [by_flags, by_environment, by_file] {
        let mut process = Running::start(&mut command).await;
        process.says("\"ready\"").await;
        let address = accredit::server::listener::ListenAddr::Tcp(process.checks);
        let mut connection = RawConnection::open(&address).await;
        for (token, reason) in [
            (Token::of(&issuer), "allowed"),
            (Token::of(&issuer).claim("aud", "first"), "allowed"),
            (Token::of(&issuer).without("aud"), "allowed"),
            (Token::of(&issuer).claim("aud", "other"), "invalid_audience"),
        ] {
            let ask = Ask::bearer(&token.signed(rsa(0)));
            let answer = connection.send(call_of(whole(framed_check(ask)))).await;
            assert_eq!(answer.reason(), reason);
        }
        drop(connection);
        process.signal("TERM").await;
        assert_eq!(process.exit_code().await, Some(0));
    }
}
