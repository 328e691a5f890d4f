//! What a configuration is read from, and every problem with its place.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use crate::support::certificates::Certified;
use crate::support::process::{accredit, ended};

use super::common::{VALID, assert_complains, run, written};

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
            "lisen: x\nsurprise: []\nanother: {}\nissuers:\n  - issuer: https://a.test\n    algorithms: [HS256]\n    clock_skew: soon\n    audience: [a]\n",
            &[
                "lisen (line 1)",
                "surprise (line 2)",
                "another (line 3)",
                "issuers[0].audiences (line 5)",
                "issuers[0].algorithms[0] (line 6)",
                "issuers[0].clock_skew (line 7)",
                "issuers[0].audience (line 8)",
            ],
        ),
        (
            // The name of the issuer is known although its entry has problems.
            "issuers:\n  - issuer: https://a.test\n    audiences: [a]\n    clock_skew: soon\n    bogus: 1\nrules:\n  - issuers: [https://a.test, https://b.test]\n",
            &[
                "issuers[0].clock_skew (line 4)",
                "issuers[0].bogus (line 5)",
                "rules[0].issuers[1] (line 7)",
            ],
        ),
        (
            "issuers:\n  - issuer: 5\n    audiences: [a]\nrules:\n  - issuers: [https://b.test]\n",
            &["issuers[0].issuer (line 2)"],
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
                let named = lines.iter().any(|line| match command {
                    "check" => is_at(line, &file, place),
                    _ => line.starts_with(&format!("accredit: {place}")),
                });
                assert!(named, "{place} is not in\n{}", ended.stderr);
            }
        }
    }
}

/// Whether a line of `check` is an error of `place`, written as `KEY (line N)`.
fn is_at(line: &str, file: &str, place: &str) -> bool {
    let Some((key, number)) = place.split_once(" (line ") else {
        return line.starts_with(&format!("{file}:"));
    };
    let start = format!("{file}:{}:", number.trim_end_matches(')'));
    let rest = line.strip_prefix(&start);
    let rest = rest.and_then(|rest| rest.split_once(": error: "));
    rest.is_some_and(|(column, rest)| {
        column.parse::<usize>().is_ok() && rest.starts_with(&format!("{key}: "))
    })
}

#[tokio::test]
async fn check_reports_problems_as_json_and_takes_the_file_without_a_flag() {
    let folder = tempfile::tempdir().unwrap();
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let unwise = "issuers:\n  - issuer: https://a.test\n    audiences: any\n";
    let file = written(folder.path(), unwise);
    let warned = run(&["check", "--json", &file]).await;
    assert_eq!(warned.code, Some(0), "{}", warned.stderr);
    let report = json(&warned.stdout);
    assert_eq!(
        (&report["file"], &report["valid"], &report["warnings"]),
        (&file.as_str().into(), &true.into(), &1.into())
    );
    let problem = &report["problems"][0];
    assert_eq!(problem["code"], "audiences_any");
    assert_eq!(problem["severity"], "warning");
    assert_eq!(problem["path"], "issuers[0].audiences");
    assert_eq!(
        (&problem["line"], &problem["column"]),
        (&3.into(), &16.into())
    );
    assert!(problem["advice"].as_str().unwrap().len() > 10, "{report}");

    let denied = run(&["check", "--json", "--deny-warnings", &file]).await;
    assert_eq!(denied.code, Some(2));
    assert_eq!(json(&denied.stdout)["valid"], true);

    let file = written(folder.path(), "issuers: 5\nrealm: 5\n");
    let refused = run(&["check", "--json", &file]).await;
    assert_eq!(refused.code, Some(2));
    let report = json(&refused.stdout);
    assert_eq!(
        (&report["valid"], &report["errors"]),
        (&false.into(), &2.into())
    );
    assert_eq!(report["problems"][1]["code"], serde_json::Value::Null);
    assert_eq!(refused.stderr.lines().count(), 2, "{}", refused.stderr);

    let missing = run(&["check", "--json", "/nonexistent/a.yaml"]).await;
    assert_eq!(missing.code, Some(2));
    assert_eq!(json(&missing.stdout)["errors"], 1);
    let both = run(&["check", "--config", &file, &file]).await;
    assert_complains(&both, 2, &["--config"]);
    let input = ended(accredit(&["check", "-"]).stdin(std::fs::File::open(&file).unwrap())).await;
    assert!(input.stderr.starts_with("<stdin>:1:"), "{}", input.stderr);
}

/// CONTRACT 2.4.1, 2.4.4
#[tokio::test]
async fn check_reports_each_file_that_cannot_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for name in ["one", "two"] {
        Certified::self_signed("a.test").write(folder.path(), name);
    }
    std::fs::write(path("keys.json"), "{}").unwrap();
    std::fs::write(path("empty.pem"), "").unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(path("fifo"))
        .status()
        .unwrap();
    assert!(made.success());
    let text = |listen_key: &str, ca: &str, admin_ca: &str, keys: &str, ca_file: &str| {
        format!(
            "tls: {{ certificate: {}, private_key: {}, client_ca: {} }}\n\
             admin_tls: {{ certificate: {}, private_key: {}, client_ca: {} }}\n\
             issuers:\n  - issuer: https://a.test\n    audiences: [a]\n    jwks: {{ file: {} }}\n  - issuer: https://b.test\n    audiences: [a]\n    jwks: {{ ca_file: {} }}\n",
            path("one.crt"),
            path(listen_key),
            path(ca),
            path("one.crt"),
            path("one.key"),
            path(admin_ca),
            path(keys),
            path(ca_file),
        )
    };
    let bad = text("two.key", "empty.pem", "fifo", "keys.json", "missing.pem");
    let file = written(folder.path(), &format!("{bad}realm: 5\n"));
    let ended = run(&["check", "--config", &file]).await;
    assert_eq!(ended.code, Some(2));
    for (place, words) in [
        ("tls.private_key (line 1)", "does not belong"),
        ("tls.client_ca (line 1)", "empty.pem"),
        ("admin_tls.client_ca (line 2)", "not a regular file"),
        ("issuers[0].jwks.file (line 6)", "is not a key set"),
        ("issuers[1].jwks.ca_file (line 9)", "missing.pem"),
        ("realm (line 10)", "this is a number"),
    ] {
        let line = ended.stderr.lines().find(|line| is_at(line, &file, place));
        assert!(
            line.is_some_and(|line| line.contains(words)),
            "{place}: {words}\n{}",
            ended.stderr
        );
    }
    assert_eq!(ended.stderr.lines().count(), 6, "{}", ended.stderr);
    std::fs::write(path("good.json"), "{\"keys\":[]}").unwrap();
    let good = text("one.key", "two.crt", "two.crt", "good.json", "two.crt");
    let ended = run(&["check", "--config", &written(folder.path(), &good)]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

/// No key shows a value that came from the environment: neither one that cannot be read, nor a file that cannot be used.
#[tokio::test]
async fn values_from_the_environment_are_in_no_error_and_no_warning() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = "issuers:\n  - issuer: https://a.test\n    audiences: [a]\n";
    for text in [
        "listen: ${IT_SECRET}\n",
        "listen: unix:${IT_SECRET}\n",
        "admin_listen: 'x${IT_SECRET}'\n",
        "probe_listen: ${IT_SECRET}\n",
        "admin_hosts: ['a b ${IT_SECRET}']\n",
        "max_token_size: ${IT_SECRET}\n",
        "expression_env: ['${IT_SECRET}']\n",
        "expression_env: ['${IT_SECRET} x']\n",
        "payload_header: 'a ${IT_SECRET}'\nstrip_headers: ['a:${IT_SECRET}']\n",
        "tls: { certificate: '${IT_SECRET}', private_key: '/${IT_SECRET}', client_ca: '${IT_SECRET}' }\n",
        "rules: [{ name: '${IT_SECRET}' }, { name: b }, { name: '${IT_SECRET}' }]\n",
        "rules: [{ match: { paths: ['/${IT_SECRET}/{id}'], hosts: ['${IT_SECRET}/'] } }, { access: deny }]\n",
        "rules: [{ name: '${IT_SECRET}' }, { name: b, access: deny }]\n",
        "x: 1\nissuers:\n  - issuer: https://b.test\n    audiences: [a]\n    jwks: { file: '${IT_SECRET}' }\n",
        "x: 1\nissuers:\n  - issuer: https://b.test\n    audiences: [a]\n    jwks: { ca_file: '${IT_SECRET}' }\n",
        "x: 1\nissuers:\n  - issuer: https://b.test\n    audiences: [a]\n    jwks: { inline: '{\"keys\": [{\"kid\": \"${IT_SECRET}\"}]}' }\n",
        "x: 1\nissuers:\n  - issuer: https://b.test\n    audiences: [a]\n    jwks: { uri: 'ftp://${IT_SECRET}' }\n",
    ] {
        let text = match text.contains("issuers:") {
            true => text.to_owned(),
            false => format!("{text}{issuer}"),
        };
        let file = written(folder.path(), &text);
        let mut commands = vec![vec!["check", "--deny-warnings", "--config", &file]];
        // The service runs with a configuration that only causes warnings, and opens the files of `tls` itself.
        let is_refused = !text.contains("tls:") && !text.contains("name: b, access: deny");
        if is_refused {
            commands.push(vec!["serve", "--config", &file]);
        }
        for command in commands {
            let ended = ended(accredit(&command).env("IT_SECRET", "hunter2")).await;
            assert_eq!(ended.code, Some(2), "{text}{}", ended.stderr);
            let shown = format!("{}{}", ended.stdout, ended.stderr);
            assert!(!shown.contains("hunter2"), "{text}{shown}");
        }
    }
}

/// CONTRACT 3.1.9
#[tokio::test]
async fn a_configuration_is_read_from_a_regular_file_or_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo").display().to_string();
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    for command in ["check", "serve", "explain"] {
        let ended = run(&[command, "--config", &fifo]).await;
        assert_eq!(ended.code, Some(2), "{command}");
        assert!(
            ended.stderr.contains("not a regular file"),
            "{command}: {}",
            ended.stderr
        );
    }
    let valid = written(folder.path(), VALID);
    let input = || std::fs::File::open(&valid).unwrap();
    let checked = ended(accredit(&["check", "--config", "-"]).stdin(input())).await;
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    let no_token = ended(accredit(&["explain", "--config", "-"]).stdin(input())).await;
    assert_complains(&no_token, 2, &["--token-file"]);
    let served = run(&["serve", "--config", "-"]).await;
    assert_complains(&served, 2, &["--config -"]);
    // The variable is equivalent (CONTRACT 2.2.4).
    for (command, complaint) in [("explain", "--token-file"), ("serve", "--config -")] {
        let mut command = accredit(&[command]);
        let by_variable = ended(command.env("ACCREDIT_CONFIG", "-").stdin(input())).await;
        assert_complains(&by_variable, 2, &[complaint, "ACCREDIT_CONFIG=-"]);
    }

    let token = folder.path().join("token").display().to_string();
    std::fs::write(&token, "not-a-token\n").unwrap();
    let explained =
        ended(accredit(&["explain", "--config", "-", "--token-file", &token]).stdin(input())).await;
    assert_eq!(explained.code, Some(3), "{}", explained.stderr);
    assert!(
        explained.stdout.contains("malformed_token"),
        "{}",
        explained.stdout
    );
}

/// CONTRACT 2.2.1
#[tokio::test]
async fn the_algorithms_flag_needs_an_issuer_and_known_names() {
    let folder = tempfile::tempdir().unwrap();
    let valid = written(folder.path(), VALID);
    let with_file = run(&["serve", "--config", &valid, "--algorithms", "ES256"]).await;
    assert_complains(&with_file, 2, &["--algorithms"]);
    let unknown = run(&[
        "serve",
        "--issuer",
        "https://a.test",
        "--audience",
        "a",
        "--algorithms",
        "RS256,HS256",
    ])
    .await;
    assert_complains(&unknown, 2, &["--algorithms", "HS256"]);
}

/// The value that accredit assumes for a key with a mistake names no file.
#[tokio::test]
async fn a_mistake_in_rules_from_reads_no_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("placeholder"), "- { foo: 1 }\n").unwrap();
    for (entry, problems) in [
        ("{ hosts: [a.test] }", 1),
        ("{ hosts: [a.test], files: 5 }", 1),
        ("{ hosts: ['a test'], files: 5 }", 2),
        ("5", 1),
    ] {
        let file = written(folder.path(), &format!("{VALID}rules_from: [{entry}]\n"));
        let ended = ended(accredit(&["check", &file]).current_dir(folder.path())).await;
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), problems, "{}", ended.stderr);
        assert!(ended.stderr.contains("rules_from[0]"), "{}", ended.stderr);
    }
}

/// CONTRACT 3.2.1
#[tokio::test]
async fn a_variable_that_is_not_utf_8_does_not_count_as_unset() {
    let folder = tempfile::tempdir().unwrap();
    for reference in ["${REALM_OF_API}", "${REALM_OF_API:-default}"] {
        let file = written(folder.path(), &format!("{VALID}realm: {reference}\n"));
        let value = OsStr::from_bytes(b"caf\xe9");
        let ended = ended(accredit(&["check", &file]).env("REALM_OF_API", value)).await;
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("`REALM_OF_API` is not UTF-8"),
            "{}",
            ended.stderr
        );
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_reported_with_its_cause() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    let path = file.display().to_string();
    let missing = run(&["check", "--config", &path]).await;
    assert_complains(&missing, 2, &["No such file", "--config FILE"]);
    std::fs::write(&file, b"realm: a\nrealm: \xff\n").unwrap();
    let garbled = run(&["check", "--config", &path]).await;
    assert_complains(&garbled, 2, &["the text is not UTF-8 in line 2"]);
    let a_folder = folder.path().display().to_string();
    let not_a_file = run(&["check", "--config", &a_folder]).await;
    assert_complains(&not_a_file, 2, &["not a regular file"]);
    for ended in [garbled, not_a_file] {
        assert!(!ended.stderr.contains("--config FILE"), "{}", ended.stderr);
    }
}
