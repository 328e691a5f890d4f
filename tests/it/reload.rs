//! Another configuration for a service that runs: at once, whole, and only if it is right.

use std::path::Path;
use std::time::Duration;

use tokio::process::Command;
use tokio::task::JoinSet;

use crate::support::answer::Answer;
use crate::support::check_request::ClientRequest;
use crate::support::connection::Envoy;
use crate::support::eventually::eventually;
use crate::support::http_get::get;
use crate::support::issuer::KeyServer;
use crate::support::keys::{rsa, set};
use crate::support::process::{Running, accredit};
use crate::support::service::inline_issuer;
use crate::support::token::Token;

const ISSUER: &str = "https://one.test";

fn configuration(realm: &str, rules: &str) -> String {
    let issuer = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "");
    format!(
        "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\nrealm: {realm}\nissuers:\n{issuer}{rules}"
    )
}

async fn serve(file: &Path) -> (Running, Envoy) {
    let mut command: Command = accredit(&["serve", "--config", file.to_str().unwrap()]);
    let mut running = Running::start(&mut command).await;
    running.wait_for_line("ready").await;
    let envoy = Envoy::at(running.checks).await;
    (running, envoy)
}

fn realm(answer: &Answer) -> String {
    answer
        .header("www-authenticate")
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn a_changed_configuration_takes_effect_and_an_invalid_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    std::fs::write(&file, configuration("first", "")).unwrap();
    let (mut running, envoy) = serve(&file).await;
    assert!(realm(&envoy.check(ClientRequest::plain()).await).contains("first"));

    std::fs::write(
        &file,
        configuration("second", "rules:\n  - { name: all, access: deny }\n"),
    )
    .unwrap();
    running.wait_for_line("configuration reloaded").await;
    let answer = envoy.check(ClientRequest::plain()).await;
    assert_eq!(answer.reason(), "denied_by_rule");

    std::fs::write(&file, "issuers: [").unwrap();
    // Each problem is a line of the log (CONTRACT 6.5.1).
    let line = running.wait_for_line("configuration is invalid").await;
    assert!(line["problem"].is_string(), "{line}");
    running
        .wait_for_line("the previous configuration stays active")
        .await;
    assert_eq!(
        envoy.check(ClientRequest::plain()).await.reason(),
        "denied_by_rule"
    );

    std::fs::write(&file, configuration("third", "")).unwrap();
    running.wait_for_line("configuration reloaded").await;
    assert!(realm(&envoy.check(ClientRequest::plain()).await).contains("third"));
    running.signal("HUP").await;
    running.wait_for_line("configuration reloaded").await;
    running.signal("TERM").await;
    assert_eq!(running.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_reload_logs_the_keys_that_need_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    std::fs::write(&file, configuration("first", "")).unwrap();
    let (mut running, envoy) = serve(&file).await;
    let state = format!("state_dir: '{}'\n", folder.path().display());
    for more in ["drain: 7s\n", "probe_listen: 127.0.0.1:0\n", &state] {
        std::fs::write(&file, configuration("second", "") + more).unwrap();
        running.wait_for_line("take effect at the next start").await;
        running.wait_for_line("configuration reloaded").await;
        // The rest of it is in force.
        assert!(realm(&envoy.check(ClientRequest::plain()).await).contains("second"));
    }
}

/// Kubernetes swaps a link beside the file, and the file itself is a link to a link that never changes.
#[tokio::test]
async fn a_config_map_swap_reloads_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let version = |name: &str, realm: &str| {
        let data = folder.path().join(name);
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("accredit.yaml"), configuration(realm, "")).unwrap();
    };
    version("..one", "first");
    std::os::unix::fs::symlink("..one", folder.path().join("..data")).unwrap();
    std::os::unix::fs::symlink("..data/accredit.yaml", folder.path().join("accredit.yaml"))
        .unwrap();
    let (mut running, envoy) = serve(&folder.path().join("accredit.yaml")).await;
    version("..two", "second");
    std::os::unix::fs::symlink("..two", folder.path().join("..data_tmp")).unwrap();
    std::fs::rename(
        folder.path().join("..data_tmp"),
        folder.path().join("..data"),
    )
    .unwrap();
    running.wait_for_line("configuration reloaded").await;
    assert!(realm(&envoy.check(ClientRequest::plain()).await).contains("second"));
}

/// A link to a file in another folder, as configuration management tools make it: the file is changed in place, replaced, and
/// the links on the way to it are changed.
#[tokio::test]
async fn a_configuration_file_behind_links_into_other_folders_is_watched() {
    let outer = tempfile::tempdir().unwrap();
    let folder = |name: &str| {
        let folder = outer.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    };
    let (etc, current, releases) = (folder("etc"), folder("current"), folder("releases/1"));
    let link = |target: &str, at: &Path| {
        let new = at.with_extension("new");
        std::os::unix::fs::symlink(target, &new).unwrap();
        std::fs::rename(new, at).unwrap();
    };
    let target = releases.join("accredit.yaml");
    std::fs::write(&target, configuration("first", "")).unwrap();
    link("../releases/1", &current.join("release"));
    let behind = outer.path().join("current/release/accredit.yaml");
    link(behind.to_str().unwrap(), &etc.join("accredit.yaml"));
    let (mut running, envoy) = serve(&etc.join("accredit.yaml")).await;
    let mut takes_effect = async |wanted: &str| {
        running.wait_for_line("configuration reloaded").await;
        let challenge = realm(&envoy.check(ClientRequest::plain()).await);
        assert!(challenge.contains(wanted), "{challenge}");
    };

    std::fs::write(&target, configuration("in-place", "")).unwrap();
    takes_effect("in-place").await;
    std::fs::write(releases.join("beside"), configuration("replaced", "")).unwrap();
    std::fs::rename(releases.join("beside"), &target).unwrap();
    takes_effect("replaced").await;

    let second = folder("releases/2").join("accredit.yaml");
    std::fs::write(&second, configuration("linked", "")).unwrap();
    link("../releases/2", &current.join("release"));
    takes_effect("linked").await;
    // The folder behind the new link is watched too.
    std::fs::write(&second, configuration("in-place-again", "")).unwrap();
    takes_effect("in-place-again").await;

    // A folder that is missing for a while.
    std::fs::remove_dir_all(second.parent().unwrap()).unwrap();
    std::fs::create_dir(second.parent().unwrap()).unwrap();
    std::fs::write(&second, configuration("back", "")).unwrap();
    takes_effect("back").await;
}

/// Such as those of a log file that a program keeps beside the configuration.
#[tokio::test]
async fn constant_changes_in_the_folder_do_not_delay_a_reload() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    std::fs::write(&file, configuration("first", "")).unwrap();
    let (mut running, envoy) = serve(&file).await;
    let log = folder.path().join("accredit.log");
    let mut pace = tokio::time::interval(Duration::from_millis(5));
    let mut writer = JoinSet::new();
    writer.spawn(async move {
        loop {
            pace.tick().await;
            std::fs::write(&log, "a line\n").unwrap();
        }
    });
    std::fs::write(&file, configuration("second", "")).unwrap();
    running.wait_for_line("configuration reloaded").await;
    assert!(realm(&envoy.check(ClientRequest::plain()).await).contains("second"));
}

/// A configuration that both adds a rule and changes the realm: every answer is the old one's or the new one's.
#[tokio::test]
async fn no_answer_mixes_two_configurations() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    let configurations = [
        configuration(
            "first",
            "rules:\n  - { name: one, match: { paths: [/things] }, scopes: [one] }\n",
        ),
        configuration(
            "second",
            "rules:\n  - { name: two, match: { paths: [/things] }, scopes: [two] }\n",
        ),
    ];
    std::fs::write(&file, &configurations[0]).unwrap();
    let (mut running, envoy) = serve(&file).await;
    let token = Token::of(ISSUER).signed(rsa(0));
    let mut asking = JoinSet::new();
    asking.spawn({
        let (envoy, token) = (envoy.clone(), token.clone());
        async move {
            let mut seen = [0, 0];
            while seen[0] == 0 || seen[1] < 50 {
                let answer = envoy.check(ClientRequest::bearer(&token)).await;
                let challenge = realm(&answer);
                let whole =
                    [("first", "one"), ("second", "two")]
                        .iter()
                        .position(|(realm, scope)| {
                            challenge.contains(&format!("realm=\"{realm}\""))
                                && challenge.contains(&format!("scope=\"{scope}\""))
                        });
                seen[whole.unwrap_or_else(|| panic!("of neither: {challenge}"))] += 1;
            }
        }
    });
    assert!(realm(&envoy.check(ClientRequest::bearer(&token)).await).contains("first"));
    std::fs::write(&file, &configurations[1]).unwrap();
    running.wait_for_line("configuration reloaded").await;
    asking.join_next().await.unwrap().unwrap();
}

#[tokio::test]
async fn a_reload_keeps_the_keys_of_unchanged_issuers_and_fetches_new_ones_first() {
    let server = KeyServer::with_keys(set([rsa(0).jwk("k")])).await;
    let other = KeyServer::with_keys(set([rsa(1).jwk("k")])).await;
    let entry = |server: &KeyServer| {
        format!(
            "  - {{ issuer: '{}', audiences: [api.test], jwks: {{ uri: '{}' }} }}\n",
            server.url(""),
            server.url("/keys")
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    let head = "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\nissuers:\n";
    std::fs::write(&file, format!("{head}{}", entry(&server))).unwrap();
    let (mut running, envoy) = serve(&file).await;
    let reason = async |server: &KeyServer, key| {
        envoy
            .check(ClientRequest::bearer(
                &Token::of(&server.url("")).signed(rsa(key)),
            ))
            .await
            .reason()
    };
    assert_eq!(reason(&server, 0).await, "allowed");
    assert_eq!(reason(&other, 1).await, "unknown_issuer");

    std::fs::write(&file, format!("{head}{}{}", entry(&other), entry(&server))).unwrap();
    running.wait_for_line("configuration reloaded").await;
    assert_eq!(
        reason(&other, 1).await,
        "allowed",
        "its keys were fetched before it was known"
    );
    assert_eq!(reason(&server, 0).await, "allowed");
    assert_eq!((server.count("/keys"), other.count("/keys")), (1, 1));

    std::fs::write(&file, format!("{head}{}", entry(&other))).unwrap();
    running.wait_for_line("configuration reloaded").await;
    assert_eq!(reason(&server, 0).await, "unknown_issuer");
    eventually("the other one stays", async || {
        (reason(&other, 1).await == "allowed").then_some(())
    })
    .await;
}

/// A reload that does not change an issuer entry does not verify its tokens again; one that changes the entry does.
#[tokio::test]
async fn cached_tokens_outlive_a_reload_of_the_same_issuer_entry() {
    let entry = |audience: &str| {
        let issuer = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "");
        issuer.replace("api.test", audience)
    };
    let text = |realm: &str, audience: &str| {
        format!(
            "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\nrealm: {realm}\nissuers:\n{}",
            entry(audience)
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    std::fs::write(&file, text("first", "api.test")).unwrap();
    let (mut running, envoy) = serve(&file).await;
    let token = Token::of(ISSUER).signed(rsa(0));
    let admin = running.admin;
    let hits = async || {
        let (_, metrics) = get(admin, "localhost", "/metrics").await;
        let line = metrics
            .lines()
            .find(|line| line.starts_with("accredit_token_cache_hits_total"));
        line.expect("is counted").ends_with(" 1")
    };
    assert!(
        envoy
            .check(ClientRequest::bearer(&token))
            .await
            .is_admission()
    );
    assert!(!hits().await);

    std::fs::write(&file, text("second", "api.test")).unwrap();
    running.wait_for_line("configuration reloaded").await;
    assert!(
        envoy
            .check(ClientRequest::bearer(&token))
            .await
            .is_admission()
    );
    assert!(hits().await, "the token was verified before the reload");

    std::fs::write(&file, text("second", "other.test")).unwrap();
    running.wait_for_line("configuration reloaded").await;
    let answer = envoy.check(ClientRequest::bearer(&token)).await;
    assert_eq!(answer.reason(), "invalid_audience");
}

/// A cached token was verified by the values of claims that its issuer entry had then.
#[tokio::test]
async fn a_reload_that_changes_claims_of_an_issuer_entry_verifies_cached_tokens_again() {
    let text = |claims: &str, rules: &str| {
        let issuer = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), claims);
        format!("listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\nissuers:\n{issuer}{rules}")
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    std::fs::write(&file, text("claims: { tier: [gold, silver] }", "")).unwrap();
    let (mut running, envoy) = serve(&file).await;
    let token = Token::of(ISSUER).claim("tier", "silver").signed(rsa(0));
    assert_eq!(
        envoy.check(ClientRequest::bearer(&token)).await.reason(),
        "allowed"
    );
    let rule = "rules:\n  - { claims: { tier: gold } }\n";
    for (claims, rules, reason) in [
        ("claims: { tier: gold }", "", "invalid_claim"),
        ("claims: { tier: silver }", "", "allowed"),
        ("claims: { tier: silver }", rule, "claim_mismatch"),
        ("claims: { tier: silver, other: 1 }", "", "invalid_claim"),
        ("", "", "allowed"),
    ] {
        std::fs::write(&file, text(claims, rules)).unwrap();
        running.wait_for_line("configuration reloaded").await;
        let answer = envoy.check(ClientRequest::bearer(&token)).await;
        assert_eq!(answer.reason(), reason, "{claims} {rules}");
    }
}
