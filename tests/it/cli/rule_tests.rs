//! `accredit test`

use std::path::Path;

use super::common::run;

const CONFIG: &str = "issuers:
  - issuer: https://one.test
    jwks: { uri: https://one.test/keys }
    audiences: [api.test]
    clock_skew: 0s
  - issuer: https://two.test
    audiences: [two.test]
    algorithms: [ALG]
rules:
  - { name: deploy, match: { methods: [POST] }, scopes: [deploy], when: 'env.STAGE == \"a\"' }
expression_env: [STAGE]
accept_warnings: [rule_evadable]
";

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn cases_pass_for_every_algorithm_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let cases = write(
        folder.path(),
        "cases.yaml",
        "config: config.yaml
env: { STAGE: a }
cases:
  - { name: allowed, claims: {}, expect: { decision: allow, reason: allowed, rule: default, headers: { x-jwt-sub: test-subject } } }
  - { name: second, claims: { iss: https://two.test }, expect: { reason: allowed } }
  - { name: forged, claims: { iss: https://two.test }, forged: true, expect: { reason: invalid_signature, status: 401 } }
  - { name: expired, now: '2026-01-01T00:05:00Z', claims: { exp: 1767225900 }, expect: { reason: expired } }
  - { name: in time, now: '2026-01-01T00:04:59Z', claims: { exp: 1767225900 }, expect: { reason: allowed } }
  - { name: scope, claims: { scope: deploy }, request: { method: POST }, expect: { rule: deploy, reason: allowed } }
  - { name: no scope, claims: {}, request: { method: POST }, expect: { decision: deny, reason: insufficient_scope, status: 403 } }
  - { name: no token, request: { headers: { x-a: [b, c] } }, expect: { reason: missing_token, absent_headers: [x-jwt-sub] } }
  - { name: no audience, claims: { aud: null }, expect: { reason: invalid_audience } }
  - { name: no jwt, token: abc, expect: { reason: malformed_token } }
",
    );
    for algorithm in [
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
    ] {
        write(
            folder.path(),
            "config.yaml",
            &CONFIG.replace("ALG", algorithm),
        );
        let ended = run(&["test", &cases]).await;
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(0), "10 passed\n"),
            "{algorithm}: {ended:?}"
        );
    }
}

#[tokio::test]
async fn differences_are_shown_and_written_as_junit_xml() {
    let folder = tempfile::tempdir().unwrap();
    let config = write(
        folder.path(),
        "config.yaml",
        &CONFIG.replace("ALG", "ES256"),
    );
    let cases = write(
        folder.path(),
        "cases.yaml",
        "env: { STAGE: b }
cases:
  - name: the stage is a
    claims: { scope: deploy }
    request: { method: POST }
    expect: { decision: allow, rule: deploy, headers: { x-jwt-sub: someone } }
  - { name: fine, expect: { reason: missing_token } }
",
    );
    let junit = folder.path().join("report.xml");
    let ended = run(&[
        "test",
        "--config",
        &config,
        "--junit",
        junit.to_str().unwrap(),
        &cases,
    ])
    .await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for part in [
        "cases.yaml: the stage is a\n",
        "  decision          allow     deny\n",
        "  header x-jwt-sub  someone   (absent)\n",
        "  cause: the condition is false\n",
        "1 passed, 1 failed\n",
    ] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    let report = std::fs::read_to_string(junit).unwrap();
    assert!(report.contains("tests=\"2\" failures=\"1\""), "{report}");
    assert!(report.contains("name=\"the stage is a\""), "{report}");
}

#[tokio::test]
async fn files_that_cannot_be_used_are_bad_usage() {
    let folder = tempfile::tempdir().unwrap();
    let good = "cases:\n  - { name: a, expect: { reason: missing_token } }\n";
    let config = write(
        folder.path(),
        "config.yaml",
        &CONFIG.replace("ALG", "ES256"),
    );
    let bad_config = write(folder.path(), "bad.yaml", "issuers: []\n");
    let alone = write(folder.path(), "alone.yaml", good);
    let typo = write(
        folder.path(),
        "typo.yaml",
        &good.replace("reason", "raeson"),
    );
    let absent = folder.path().join("absent.yaml");
    let absent = absent.to_str().unwrap();
    for (arguments, expected) in [
        (&["test"][..], "required"),
        (&["test", &alone], "it names no configuration"),
        (
            &["test", "--config", &config, &typo],
            "typo.yaml:2:34: error: cases[0].expect.raeson: unknown key",
        ),
        (
            &["test", "--config", &config, absent],
            "absent.yaml: No such file",
        ),
        (
            &["test", "--config", &bad_config, &alone],
            "bad.yaml:1:1: error: issuers: this list is empty",
        ),
        // STAGE is not set.
        (
            &["test", "--config", &config, &alone],
            "config.yaml:11:18: error: expression_env[0]",
        ),
    ] {
        let ended = run(arguments).await;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(
            ended.stderr.contains(expected),
            "{expected}: {}",
            ended.stderr
        );
    }
}
