//! `check` with valid configurations: their warnings, and the codes of these, which can be accepted or denied.

use crate::support::process::{accredit, ended};

use super::common::{VALID, run, written};

#[tokio::test]
async fn check_accepts_valid_configurations_and_prints_warnings() {
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
    let place = format!("{unwise}:3:16: warning[audiences_any]: issuers[0].audiences: ");
    assert!(warned.stderr.starts_with(&place), "{}", warned.stderr);
    assert_eq!(warned.stderr.lines().count(), 1);

    let substituted = written(
        folder.path(),
        "issuers:\n  - issuer: ${IT_ISSUER}\n    audiences: [\"${IT_NONE:-api}\"]\n",
    );
    let unset = run(&["check", "--config", &substituted]).await;
    assert_eq!(unset.code, Some(2));
    let place = format!("{substituted}:2:13: error: issuers[0].issuer: ");
    assert!(
        unset.stderr.starts_with(&place) && unset.stderr.contains("IT_ISSUER"),
        "{}",
        unset.stderr
    );
    let set =
        ended(accredit(&["check", "--config", &substituted]).env("IT_ISSUER", "https://a.test"))
            .await;
    assert_eq!(set.code, Some(0), "{}", set.stderr);
}

/// CONTRACT 2.4.5 to 2.4.7
#[tokio::test]
async fn warnings_have_codes_that_can_be_accepted_or_denied() {
    let folder = tempfile::tempdir().unwrap();
    let any = "issuers:\n  - issuer: https://a.test\n    audiences: any\n";
    let file = written(folder.path(), any);
    let denied = run(&["check", "--deny-warnings", "--config", &file]).await;
    assert_eq!((denied.code, denied.stdout.as_str()), (Some(2), ""));
    assert!(
        denied.stderr.contains("warning[audiences_any]"),
        "{}",
        denied.stderr
    );

    let file = written(
        folder.path(),
        &format!("{any}accept_warnings: [audiences_any]\n"),
    );
    let accepted = run(&["check", "--deny-warnings", "--config", &file]).await;
    assert_eq!((accepted.code, accepted.stderr.as_str()), (Some(0), ""));

    let file = written(
        folder.path(),
        &format!("{any}accept_warnings: [no_such_code]\n"),
    );
    let unknown = run(&["check", "--config", &file]).await;
    assert_eq!(unknown.code, Some(2));
    assert!(
        unknown.stderr.contains(":4:") && unknown.stderr.contains("error: accept_warnings[0]: "),
        "{}",
        unknown.stderr
    );
}

/// Warnings that the operator accepted took the room of the others, and `--deny-warnings` passed.
#[tokio::test]
async fn accepted_warnings_do_not_hide_a_warning_that_is_not_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from("accept_warnings: [audiences_any]\nissuers:\n");
    for number in 0..1_100 {
        text.push_str(&format!(
            "  - {{ issuer: 'https://{number}.test', audiences: any }}\n"
        ));
    }
    let accepted = run(&[
        "check",
        "--deny-warnings",
        "--config",
        &written(folder.path(), &text),
    ])
    .await;
    assert_eq!((accepted.code, accepted.stderr.as_str()), (Some(0), ""));
    text.push_str("  - { issuer: https://z.test, audiences: [a], clock_skew: 1h }\n");
    let file = written(folder.path(), &text);
    let denied = run(&["check", "--deny-warnings", "--config", &file]).await;
    assert_eq!(denied.code, Some(2), "{}", denied.stderr);
    assert!(
        denied.stderr.contains("warning[clock_skew_large]"),
        "{}",
        denied.stderr
    );
    // The number of warnings beyond the limit of the list is printed, and `--deny-warnings` counts them too.
    let many = text.replace("[audiences_any]", "[http_keys]");
    let file = written(folder.path(), &many);
    let denied = run(&["check", "--deny-warnings", "--config", &file]).await;
    assert_eq!(denied.code, Some(2), "{}", denied.stderr);
    let line = format!(
        "{file}: warning[audiences_any]: 101 more problems are not listed; correct the problems above first"
    );
    assert!(
        denied.stderr.lines().any(|own| own == line),
        "{}",
        denied.stderr
    );
}

/// CONTRACT 3.9.6a
#[tokio::test]
async fn check_warns_of_a_path_that_looks_like_a_regular_expression() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "{VALID}rules:\n  - match:\n      paths:\n        - /acme.*/x\n        - /v.+\n  - access: deny\n"
    );
    let file = written(folder.path(), &text);
    let ended = run(&["check", "--config", &file]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ended.stderr);
    for (line, (row, place)) in lines.iter().zip([(7, "paths[0]"), (8, "paths[1]")]) {
        let start =
            format!("{file}:{row}:11: warning[path_looks_like_regex]: rules[0].match.{place}: ");
        assert!(line.starts_with(&start) && line.contains("`**`"), "{line}");
    }
}
