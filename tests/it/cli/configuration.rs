//! `check`: valid configurations, warnings, and every problem with its place.

use crate::support::process::{accredit, ended};

use super::common::{VALID, assert_complains, run, written};

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
