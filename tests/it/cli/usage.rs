//! Bad usage, help, version and environment variables.

use crate::support::process::{accredit, ended};

use super::common::{VALID, assert_complains, run, written};

#[tokio::test]
async fn a_bad_command_line_is_one_error_line() {
    for (arguments, expected) in [
        (&["nonsense"][..], "nonsense"),
        (&["serve", "--nope"], "--nope"),
        (&["serve", "--isuer", "x"], "--issuer"),
        (&["serve", "--issuer"], "--issuer"),
        (&["serve", "one"], "one"),
        (&["serve", "--log-format", "xml"], "xml"),
        (&["serve", "--config", "a", "--config", "b"], "--config"),
        (&["schema", "a\nb"], "a b"),
        (&["schema", "--x"], "--x"),
    ] {
        assert_complains(&run(arguments).await, 2, &[expected]);
    }
    let nothing = run(&[]).await;
    assert_eq!((nothing.code, nothing.stdout.as_str()), (Some(2), ""));
    assert!(nothing.stderr.contains("Usage:"), "{}", nothing.stderr);
}

#[tokio::test]
async fn help_and_version_succeed() {
    for (arguments, expected) in [
        (
            &["--version"][..],
            concat!(
                "accredit ",
                env!("CARGO_PKG_VERSION"),
                " (commit ",
                env!("ACCREDIT_COMMIT"),
                ")\n"
            ),
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
            ended.stdout.contains(expected),
            "{arguments:?}: {}",
            ended.stdout
        );
    }
    let schema = run(&["schema"]).await.stdout;
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("is JSON");
    assert!(schema["properties"]["issuers"].is_object());
}

#[tokio::test]
async fn conflicting_and_missing_flags_are_bad_usage() {
    let one = ["--issuer", "https://a.test", "--audience", "a"];
    let serve = |more: &[&'static str]| [&["serve"], more].concat();
    let with_issuer = |more: &[&'static str]| [&["serve"], &one[..], more].concat();
    for (arguments, expected) in [
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
        assert_complains(&run(&arguments).await, 2, &expected);
    }
}

#[tokio::test]
async fn each_command_has_help_with_examples_and_the_same_from_the_help_command() {
    for command in ["serve", "check", "explain", "tail", "keys"] {
        let flag = run(&[command, "--help"]).await.stdout;
        for text in ["Examples:\n  ", "Exit status:\n  0  "] {
            assert!(flag.contains(text), "{command}: {flag}");
        }
        assert_eq!(run(&["help", command]).await.stdout, flag);
    }
}

#[tokio::test]
async fn completions_and_man_pages_name_every_command() {
    let help = run(&["--help"]).await.stdout;
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let (commands, _) = commands.split_once("\n\n").unwrap();
    let commands: Vec<_> = commands
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(commands.len() > 7, "{commands:?}");
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell]).await;
        assert_eq!((script.code, script.stderr.as_str()), (Some(0), ""));
        for command in &commands {
            assert!(script.stdout.contains(command), "{shell}: {command}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man");
    let written = run(&["man", pages.to_str().unwrap()]).await;
    assert_eq!((written.code, written.stderr.as_str()), (Some(0), ""));
    for command in commands.iter().filter(|command| **command != "help") {
        let page = std::fs::read_to_string(pages.join(format!("accredit-{command}.1"))).unwrap();
        assert!(page.contains(".SH OPTIONS"), "{command}: {page}");
    }
    let whole = std::fs::read_to_string(pages.join("accredit.1")).unwrap();
    assert!(whole.contains(".SH SUBCOMMANDS"), "{whole}");
    let refused = run(&["man", "/dev/null/man"]).await;
    assert_complains(&refused, 1, &["/dev/null/man"]);
}

#[tokio::test]
async fn the_log_level_of_a_flag_has_precedence_over_its_variable() {
    let bad = [
        "serve",
        "--issuer",
        "https://a.test",
        "--audience",
        "a",
        "--log-level",
        "loud",
    ];
    let flag = ended(accredit(&bad).env("ACCREDIT_LOG", "info")).await;
    assert_complains(&flag, 2, &["`loud` is not a log level"]);
}

#[tokio::test]
async fn environment_variables_replace_flags() {
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
        "a flag takes precedence over its variable: {}",
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
