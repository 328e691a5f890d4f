//! `check` and `explain` with a deny list.

use std::path::Path;

use crate::support::issuer::{Answer, KeyServer};
use crate::support::process::{Ended, accredit, ended};

use super::place::{ISSUER, configuration, token};

async fn run(arguments: &[&str]) -> Ended {
    ended(&mut accredit(arguments)).await
}

fn written(folder: &Path, list: &str) -> String {
    let file = folder.join("revoked.yaml");
    std::fs::write(&file, list).unwrap();
    config(
        folder,
        &format!("revoked: {{ file: '{}' }}\n", file.display()),
    )
}

fn config(folder: &Path, lines: &str) -> String {
    let config = folder.join("accredit.yaml");
    std::fs::write(&config, configuration(lines)).unwrap();
    config.display().to_string()
}

#[tokio::test]
async fn check_reports_each_fault_of_the_list_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let list = format!(
        "- {{ issuer: '{ISSUER}', sub: a }}\n- {{ issuer: '{ISSUER}' }}\n- {{ issuer: '{ISSUER}', sub: secret-1, jti: b }}\n"
    );
    let config = written(folder.path(), &list);
    let ended = run(&["check", "--config", &config]).await;
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].contains("revoked.yaml`, line 2: the entry has none of"),
        "{lines:?}"
    );
    assert!(
        lines[1].contains("revoked.yaml`, line 3: the entry has both"),
        "{lines:?}"
    );
    assert!(!ended.stderr.contains("secret-1"));
    // A service does not start without a list.
    let serve = run(&["serve", "--config", &config]).await;
    assert_eq!(serve.code, Some(2), "{}", serve.stderr);
    assert!(
        serve.stderr.contains("line 2: the entry has none of"),
        "{}",
        serve.stderr
    );
}

#[tokio::test]
async fn check_warns_of_an_issuer_that_is_not_configured() {
    let folder = tempfile::tempdir().unwrap();
    let config = written(
        folder.path(),
        &format!("- {{ issuer: '{ISSUER}/', sub: a }}\n"),
    );
    let ended = run(&["check", "--config", &config]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let expected = format!("names the issuer \"{ISSUER}/\", which no issuer entry has");
    assert!(
        ended.stderr.contains("warning[revoked_issuer_unknown]"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
}

#[tokio::test]
async fn check_online_fetches_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let server = KeyServer::start().await;
    let entry = format!("{{\"issuer\":\"{ISSUER}\",\"sub\":\"a\"}}\n");
    let config = config(
        folder.path(),
        &format!("revoked: {{ uri: '{}' }}\n", server.url("/list?secret")),
    );
    for (answer, code, said) in [
        (Answer::of(200, entry), 0, "/list): 1 entries"),
        (
            Answer::of(200, "{}"),
            1,
            "/list: line 1: the entry has none of",
        ),
        (Answer::of(404, ""), 1, "/list: status 404"),
    ] {
        server.serve("/list?secret", answer);
        let ended = run(&["check", "--online", "--config", &config]).await;
        let shown = format!("{}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.code, Some(code), "{shown}");
        assert!(shown.contains(said) && !shown.contains("secret"), "{shown}");
    }
}

#[tokio::test]
async fn explain_names_the_entry_that_revokes_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let list =
        format!("# none\n- {{ issuer: '{ISSUER}', sub: other }}\n- issuer: {ISSUER}\n  jti: t-1\n");
    let config = written(folder.path(), &list);
    let file = folder.path().join("token");
    std::fs::write(&file, token("jti", "t-1")).unwrap();
    let file = file.display().to_string();
    let explain = ["explain", "--config", &config, "--token-file", &file];
    let ended = run(&explain).await;
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let line = ended
        .stdout
        .lines()
        .find(|line| line.contains("line 3 of the deny list"));
    let line = line.unwrap_or_else(|| panic!("{}", ended.stdout));
    assert!(
        line.contains("revoked") && line.contains("its `jti`"),
        "{line}"
    );
}
