//! Bad usage, help, version and environment variables.

use crate::support::process::{accredit, ended};

use super::common::{VALID, assert_complains, run, written};

#[tokio::test]
async fn a_bad_command_line_is_one_error_line() {
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
async fn help_and_version_succeed() {
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
async fn conflicting_and_missing_flags_are_bad_usage() {
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
