//! `check` and `explain` with a deny list.

use std::path::Path;

use crate::support::issuer::{Answer, KeyServer};
use crate::support::keys::{rsa, set};
use crate::support::process::{Ended, accredit, ended};

use super::place::{ISSUER, configuration, token};

const TEMPLATE: &str = "https://login.test/{tid}/v2.0";

async fn run(arguments: &[&str]) -> Ended {
    let mut command = accredit(arguments);
    // Another process can listen on the default ports.
    for port in ["ACCREDIT_LISTEN", "ACCREDIT_ADMIN_LISTEN"] {
        command.env(port, "127.0.0.1:0");
    }
    ended(&mut command).await
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
    let expected = format!("names the issuer \"{ISSUER}/\", which no issuer entry accepts");
    assert!(
        ended.stderr.contains("warning[revoked_issuer_unknown]"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
}

/// An entry names one issuer (CONTRACT 8.4.2): that of one tenant.
#[tokio::test]
async fn check_refuses_a_placeholder_in_an_entry_and_warns_of_a_tenant_that_is_not_listed() {
    let folder = tempfile::tempdir().unwrap();
    let [list, config] = ["revoked.yaml", "accredit.yaml"].map(|name| folder.path().join(name));
    let keys = set([rsa(0).jwk("k")]);
    let text = format!(
        "issuers:\n  - issuer: '{TEMPLATE}'\n    tenants: [t-1]\n    audiences: [api.test]\n    \
         jwks: {{ inline: '{keys}' }}\nrevoked: {{ file: '{}' }}\n",
        list.display()
    );
    std::fs::write(&config, text).unwrap();
    let of = |tenant: &str| TEMPLATE.replace("{tid}", tenant);
    let warning = "warning[revoked_issuer_unknown]";
    for (issuer, code, said) in [
        (
            TEMPLATE.to_owned(),
            2,
            Some("revoked.yaml`, line 1: `issuer` has a placeholder"),
        ),
        (of("t-2"), 0, Some(warning)),
        (of("t-1"), 0, None),
    ] {
        std::fs::write(&list, format!("- {{ issuer: '{issuer}', kid: k }}\n")).unwrap();
        let ended = run(&["check", "--config", config.to_str().unwrap()]).await;
        assert_eq!(ended.code, Some(code), "{issuer}: {}", ended.stderr);
        match said {
            Some(said) => assert!(ended.stderr.contains(said), "{issuer}: {}", ended.stderr),
            None => assert_eq!(ended.stderr, "", "{issuer}"),
        }
    }
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
        (Answer::of(200, entry.as_str()), 0, "/list): 1 entries"),
        (
            Answer::of(200, entry.replace(ISSUER, "https://other.test")),
            0,
            "/list) names the issuer \"https://other.test\", which no issuer entry accepts",
        ),
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
