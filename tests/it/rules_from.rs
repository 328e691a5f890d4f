//! Rules of other files: bounded, watched, and kept while they are invalid (CONTRACT 3.13).

use std::path::PathBuf;
use std::sync::Arc;

use notify::Watcher as _;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::support::check_request::ClientRequest;
use crate::support::eventually::{eventually, within};
use crate::support::http_get::get;
use crate::support::issuer::{Answer, KeyServer, Reply};
use crate::support::keys::{rsa, set};
use crate::support::process::{Running, accredit, ended};
use crate::support::service::{inline_issuer, issuer_at};
use crate::support::token::Token;

const ISSUER: &str = "https://issuer.test";

const SHOP: &str = "- { name: read, match: { methods: [GET] }, any_scope: [shop] }\n- { name: rest, access: deny }\n";

/// A folder with a configuration and with the folders of two teams.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let place = Place {
            folder: tempfile::tempdir().unwrap(),
        };
        for team in ["shop", "pay"] {
            std::fs::create_dir(place.path(team)).unwrap();
        }
        place.write("shop/shop.yaml", SHOP);
        place.write("accredit.yaml", &place.configuration(""));
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        // As a ConfigMap is: a reader sees the old text or the new one.
        let next = self.path("next");
        std::fs::write(&next, text).unwrap();
        std::fs::rename(next, self.path(name)).unwrap();
    }

    fn configuration(&self, more: &str) -> String {
        let issuer = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "");
        let folder = self.folder.path().display();
        format!(
            "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\nissuers:\n{issuer}rules:\n  \
             - {{ name: health, match: {{ paths: [/shop/health] }}, access: anonymous }}\nrules_from:\n  \
             - {{ files: '{folder}/shop/*.yaml', hosts: [shop.test], paths: [/shop/**] }}\n  \
             - {{ files: '{folder}/pay/*.yaml', hosts: ['*.pay.test'] }}\n{more}"
        )
    }

    async fn serve(&self) -> Running {
        let config = self.path("accredit.yaml");
        let mut command = accredit(&["serve", "--config", config.to_str().unwrap()]);
        let mut running = Running::start(&mut command).await;
        running.wait_for_line("\"ready\"").await;
        running
    }
}

fn request(host: &str, path: &str, scope: &str) -> ClientRequest {
    let token = Token::of(ISSUER).claim("scope", scope).signed(rsa(0));
    ClientRequest::bearer(&token).at(host).path(path)
}

/// The rule that decides, and the reason.
async fn decision(running: &Running, request: ClientRequest) -> (String, String) {
    let answer = running.check(request).await;
    (answer.text("rule").unwrap(), answer.reason())
}

async fn decides(running: &Running, host: &str, path: &str, rule: &str, reason: &str) {
    let found = decision(running, request(host, path, "shop")).await;
    assert_eq!(found, (rule.to_owned(), reason.to_owned()), "{host}{path}");
}

#[tokio::test]
async fn a_file_decides_about_its_hosts_and_paths_only() {
    let place = Place::new();
    // Each rule of this file would match every request.
    place.write(
        "pay/all.yaml",
        "- { match: { paths: [/**, /shop/**], hosts: ['*.test', shop.test] }, access: anonymous }\n",
    );
    let running = place.serve().await;
    for (host, path, rule, reason) in [
        ("shop.test", "/shop/a", "shop:read", "allowed"),
        ("SHOP.test.:8443", "/%73hop/a/?x", "shop:read", "allowed"),
        ("shop.test", "/shop/health", "health", "anonymous"),
        ("shop.test", "/Shop/a", "default", "allowed"),
        ("shop.test", "/", "default", "allowed"),
        ("shop.test", "/shopping", "default", "allowed"),
        ("x.shop.test", "/shop/a", "default", "allowed"),
        ("eu.pay.test", "/shop/a", "all:rules[0]", "anonymous"),
        ("pay.test", "/shop/a", "default", "allowed"),
        ("shop.test", "/shop/../x", "default", "invalid_request"),
        ("shop.test", "/shop/%2e%2e/x", "default", "invalid_request"),
        ("a b", "/x", "default", "invalid_request"),
    ] {
        decides(&running, host, path, rule, reason).await;
    }
    let no_scope = decision(&running, request("shop.test", "/shop/a", "other")).await;
    assert_eq!(no_scope.1, "insufficient_scope");
    let post = request("shop.test", "/shop/a", "shop").to("POST", "/shop/a");
    assert_eq!(decision(&running, post).await.0, "shop:rest");
    let (_, metrics) = get(running.admin, "localhost", "/metrics").await;
    assert!(metrics.contains("rule=\"shop:read\""));
}

/// A client without a token could stop the checks of every host with a long path, because a valid file of one team had many patterns.
#[tokio::test]
async fn a_path_that_is_too_long_for_the_patterns_of_a_file_is_denied_within_its_bounds_only() {
    let place = Place::new();
    let patterns: Vec<String> = (0..1_000)
        .map(|number| format!("'/*q{number:x}*'"))
        .collect();
    let searching = format!(
        "- {{ name: searching, match: {{ paths: [{}] }} }}\n- {{ name: rest, access: anonymous }}\n",
        patterns.join(", ")
    );
    place.write("pay/all.yaml", &searching);
    let running = place.serve().await;
    let long = format!("/{}", "q".repeat(50_000));
    for (host, path, rule, reason) in [
        ("eu.pay.test", long.as_str(), "default", "invalid_request"),
        ("eu.pay.test", "/q", "all:rest", "anonymous"),
        ("eu.pay.test", "/aq1b", "all:searching", "allowed"),
        ("shop.test", long.as_str(), "default", "allowed"),
    ] {
        decides(&running, host, path, rule, reason).await;
    }
    let answer = running.check(request("eu.pay.test", &long, "shop")).await;
    assert_eq!(answer.http, 400);
    assert!(
        answer
            .body
            .contains("comparing the request with the rules takes too many steps")
    );
}

#[tokio::test]
async fn an_ambiguous_path_is_left_to_the_rules_of_the_configuration() {
    let place = Place::new();
    let more =
        "ambiguous_paths: [encoded_slash, dot_segments]\naccept_warnings: [ambiguous_paths]\n";
    place.write("accredit.yaml", &place.configuration(more));
    let running = place.serve().await;
    for (path, rule, reason) in [
        ("/shop/%2e%2e/admin", "default", "invalid_request"),
        ("/shop/../admin", "default", "invalid_request"),
        ("/shop/a%2Fb", "default", "invalid_request"),
        ("/other/a%2Fb", "default", "allowed"),
        ("/shop/a", "shop:read", "allowed"),
    ] {
        decides(&running, "shop.test", path, rule, reason).await;
    }
}

/// CONTRACT 3.13.4. The keys of a new issuer are awaited meanwhile, so that no configuration with the valid rules is active when their
/// file becomes invalid.
#[tokio::test]
async fn an_invalid_file_keeps_rules_that_were_valid_and_not_active_yet() {
    let place = Place::new();
    let mut running = place.serve().await;
    let gate = Arc::new(Semaphore::new(0));
    let keys = Answer::of(200, set([rsa(1).jwk("l")]));
    let server = KeyServer::with_keys(Reply::When(gate.clone(), keys)).await;
    let further = issuer_at(&server, "").replace("issuers:\n", "");
    let text = place
        .configuration("")
        .replace("rules:\n", &format!("{further}rules:\n"));
    place.write("accredit.yaml", &text);
    server.wait_for_requests("/keys", 1).await;
    // The warning shows when the file was read.
    place.write(
        "shop/shop.yaml",
        "- { name: closed, access: deny }\n- { name: never }\n",
    );
    running.wait_for_line("rule_unreachable").await;
    place.write("shop/shop.yaml", "- { name: open, acess: anonymous }\n");
    running.wait_for_line("rules file is invalid").await;
    decides(&running, "shop.test", "/shop/a", "shop:read", "allowed").await;
    gate.add_permits(9);
    eventually("the last configuration is active", async || {
        let (_, metrics) = get(running.admin, "localhost", "/metrics").await;
        let is_failed = metrics.contains("accredit_config_last_reload_successful 0");
        is_failed.then_some(())
    })
    .await;
    decides(
        &running,
        "shop.test",
        "/shop/a",
        "shop:closed",
        "denied_by_rule",
    )
    .await;
}

/// CONTRACT 3.13.4
#[tokio::test]
async fn files_are_watched_and_an_invalid_one_keeps_its_last_valid_rules() {
    let place = Place::new();
    let mut running = place.serve().await;
    decides(&running, "shop.test", "/shop/a", "shop:read", "allowed").await;

    place.write("shop/shop.yaml", "- { name: closed, access: deny }\n");
    running.wait_for_line("configuration reloaded").await;
    decides(
        &running,
        "shop.test",
        "/shop/a",
        "shop:closed",
        "denied_by_rule",
    )
    .await;

    place.write(
        "shop/shop.yaml",
        "# a mistake\n- { name: open, acess: anonymous }\n",
    );
    let line = running.wait_for_line("rules file is invalid").await;
    let problem = line["problem"].as_str().unwrap();
    assert!(
        problem.contains("shop/shop.yaml: [0].acess (line 2): unknown key"),
        "{problem}"
    );
    running.wait_for_line("configuration reloaded").await;
    decides(
        &running,
        "shop.test",
        "/shop/a",
        "shop:closed",
        "denied_by_rule",
    )
    .await;
    let (_, metrics) = get(running.admin, "localhost", "/metrics").await;
    let gauge = metrics
        .lines()
        .find(|line| line.starts_with("accredit_rules_file_current{"));
    let gauge = gauge.expect("is there");
    assert!(gauge.contains("shop/shop.yaml\"} 0"), "{gauge}");
    eventually("the reload counts as failed", async || {
        let (_, metrics) = get(running.admin, "localhost", "/metrics").await;
        let is_failed = metrics.contains("accredit_config_last_reload_successful 0");
        is_failed.then_some(())
    })
    .await;
    let (_, ready) = get(running.admin, "localhost", "/readyz").await;
    let ready: Value = serde_json::from_str(&ready).unwrap();
    assert_eq!(ready["rules_files"][0]["state"], "outdated");

    // The others go on.
    place.write("pay/new.yaml", "- { name: all, access: deny }\n");
    running.wait_for_line("configuration reloaded").await;
    decides(&running, "eu.pay.test", "/x", "new:all", "denied_by_rule").await;
    decides(
        &running,
        "shop.test",
        "/shop/a",
        "shop:closed",
        "denied_by_rule",
    )
    .await;

    std::fs::remove_file(place.path("pay/new.yaml")).unwrap();
    running.wait_for_line("configuration reloaded").await;
    decides(&running, "eu.pay.test", "/x", "default", "allowed").await;

    place.write("shop/shop.yaml", SHOP);
    running.wait_for_line("configuration reloaded").await;
    decides(&running, "shop.test", "/shop/a", "shop:read", "allowed").await;
}

/// CONTRACT 3.3.6
#[tokio::test]
async fn a_reload_with_the_same_files_in_two_entries_changes_nothing() {
    let place = Place::new();
    let mut running = place.serve().await;
    let folder = place.folder.path().display();
    let twice = format!("  - {{ files: '{folder}/shop/*.yaml', hosts: [other.test] }}\n");
    place.write("accredit.yaml", &place.configuration(&twice));
    let line = running
        .wait_for_line("rules_from[0] has the same files")
        .await;
    assert!(
        line["problem"]
            .as_str()
            .unwrap()
            .contains("rules_from[2].files")
    );
    running.wait_for_line("configuration reload failed").await;
    decides(&running, "shop.test", "/shop/a", "shop:read", "allowed").await;
    decides(&running, "other.test", "/shop/a", "default", "allowed").await;
}

/// A link is followed to the folder, and from the folder to a file: rules that were withdrawn there must not admit any longer.
#[tokio::test]
async fn links_to_a_folder_of_rules_files_and_links_in_it_are_watched() {
    let place = Place::new();
    let closed = "- { name: closed, access: deny }\n";
    for release in ["one", "two"] {
        std::fs::create_dir(place.path(release)).unwrap();
    }
    place.write("one/shop.yaml", SHOP);
    place.write("two/shop.yaml", closed);
    place.write("source.yaml", SHOP);
    let link = |target: &str, name: &str| {
        let next = place.path("next");
        std::os::unix::fs::symlink(target, &next).unwrap();
        std::fs::rename(next, place.path(name)).unwrap();
    };
    std::fs::remove_dir_all(place.path("shop")).unwrap();
    link("one", "shop");
    link("../source.yaml", "pay/all.yaml");
    let mut running = place.serve().await;
    decides(&running, "shop.test", "/shop/a", "shop:read", "allowed").await;
    decides(&running, "eu.pay.test", "/x", "all:read", "allowed").await;

    link("two", "shop");
    running.wait_for_line("configuration reloaded").await;
    let denied = "denied_by_rule";
    decides(&running, "shop.test", "/shop/a", "shop:closed", denied).await;
    place.write("two/shop.yaml", SHOP);
    running.wait_for_line("configuration reloaded").await;
    decides(&running, "shop.test", "/shop/a", "shop:read", "allowed").await;

    place.write("source.yaml", closed);
    running.wait_for_line("configuration reloaded").await;
    decides(&running, "eu.pay.test", "/x", "all:closed", denied).await;
}

/// The cause of a failed reload can end without another change of the file.
#[tokio::test]
async fn a_file_that_could_not_be_read_is_read_again() {
    let place = Place::new();
    let mut running = place.serve().await;
    // Every port needs file descriptors before it serves.
    decides(&running, "shop.test", "/shop/a", "shop:read", "allowed").await;
    get(running.admin, "localhost", "/livez").await;
    running.set_open_files(0);
    place.write("shop/shop.yaml", "- { name: closed, access: deny }\n");
    place.write("accredit.yaml", &place.configuration("realm: changed\n"));
    running.wait_for_line("configuration reload failed").await;
    running.set_open_files(1024);
    running.wait_for_line("configuration reloaded").await;
    let denied = "denied_by_rule";
    decides(&running, "shop.test", "/shop/a", "shop:closed", denied).await;
}

/// CONTRACT 7.2.1. Each rule of the large file causes a warning, which is logged when the file was read.
#[tokio::test]
async fn a_stop_signal_is_handled_while_a_large_configuration_is_read() {
    let place = Place::new();
    let mut running = place.serve().await;
    let large = place.path("pay/large.yaml");
    let (sender, mut opened) = tokio::sync::mpsc::unbounded_channel();
    let of_large = large.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let event = event.unwrap();
        if event.kind.is_access() && event.paths.contains(&of_large) {
            let _ = sender.send(());
        }
    })
    .unwrap();
    watcher
        .watch(&place.path("pay"), notify::RecursiveMode::NonRecursive)
        .unwrap();
    let rule = |number: u32| {
        let names: Vec<String> = (0..40).map(|name| format!("'{number}-{name}'")).collect();
        format!(
            "- {{ when: \"claims.sub in [{}] && claims.sub.matches('x{number}[a-z]+')\" }}\n",
            names.join(", ")
        )
    };
    let rules: String = (0..1000).map(rule).collect();
    place.write("pay/large.yaml", &rules);
    within("the file is opened", opened.recv()).await;
    running.signal("TERM").await;
    let lines = running.lines_to_the_end().await;
    let place_of = |text: &str| lines.iter().position(|line| line.contains(text));
    let draining = place_of("draining").expect("the drain begins");
    assert!(
        place_of("warning").is_none_or(|warned| draining < warned),
        "the drain began after the reading"
    );
    assert_eq!(running.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_new_entry_is_watched_after_the_reload_that_adds_it() {
    let place = Place::new();
    let mut running = place.serve().await;
    std::fs::create_dir(place.path("more")).unwrap();
    place.write("more/one.yaml", "- { name: a, access: deny }\n");
    let folder = place.folder.path().display();
    let more = format!("  - {{ files: '{folder}/more/one.yaml', hosts: [more.test] }}\n");
    place.write("accredit.yaml", &place.configuration(&more));
    running.wait_for_line("configuration reloaded").await;
    decides(&running, "more.test", "/x", "one:a", "denied_by_rule").await;
    place.write("more/one.yaml", "- { name: b, access: deny }\n");
    running.wait_for_line("configuration reloaded").await;
    decides(&running, "more.test", "/x", "one:b", "denied_by_rule").await;
}

/// Kubernetes swaps a link beside the files.
#[tokio::test]
async fn the_swap_of_a_config_map_reloads_rules_files() {
    let place = Place::new();
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(target, place.path(name)).unwrap();
    };
    for (version, rule) in [("..one", "first"), ("..two", "second")] {
        std::fs::create_dir(place.path("pay").join(version)).unwrap();
        let text = format!("- {{ name: {rule}, access: deny }}\n");
        place.write(&format!("pay/{version}/pay.yaml"), &text);
    }
    link("..one", "pay/..data");
    link("..data/pay.yaml", "pay/pay.yaml");
    let mut running = place.serve().await;
    decides(&running, "a.pay.test", "/", "pay:first", "denied_by_rule").await;
    link("..two", "pay/..next");
    std::fs::rename(place.path("pay/..next"), place.path("pay/..data")).unwrap();
    running.wait_for_line("configuration reloaded").await;
    decides(&running, "a.pay.test", "/", "pay:second", "denied_by_rule").await;
}

#[tokio::test]
async fn commands_read_the_files_and_name_them() {
    let place = Place::new();
    let config = place.path("accredit.yaml");
    let config = config.to_str().unwrap();
    let checked = ended(&mut accredit(&["check", "--config", config])).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let explained = ended(&mut accredit(&[
        "explain",
        "--config",
        config,
        "--host",
        "shop.test",
        "--path",
        "/shop/a",
        "--method",
        "POST",
    ]))
    .await;
    assert_eq!(explained.code, Some(3), "{explained:?}");
    assert!(
        explained.stdout.contains("shop:rest"),
        "{}",
        explained.stdout
    );
    let outside = ended(&mut accredit(&[
        "explain",
        "--config",
        config,
        "--host",
        "other.test",
        "--path",
        "/shop/a",
    ]))
    .await;
    assert!(
        outside.stdout.contains("outside the hosts and paths"),
        "{}",
        outside.stdout
    );

    place.write("shop/shop.yaml", "- { name: a }\n- { name: a }\n");
    place.write("pay/b.yaml", "- { when: 1 }\n");
    for (command, places) in [
        (
            "check",
            [
                "shop/shop.yaml:2:11: error: [1].name: ",
                "pay/b.yaml:1:11: error: [0].when: ",
            ],
        ),
        (
            "serve",
            [
                "shop/shop.yaml: [1].name (line 2): ",
                "pay/b.yaml: [0].when (line 1): ",
            ],
        ),
    ] {
        let ended = ended(&mut accredit(&[command, "--config", config])).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        for place in places {
            assert!(ended.stderr.contains(place), "{place}: {}", ended.stderr);
        }
    }
    std::fs::remove_dir_all(place.path("pay")).unwrap();
    let checked = ended(&mut accredit(&["check", "--config", config])).await;
    assert!(
        checked.stderr.contains("cannot be listed"),
        "{}",
        checked.stderr
    );
}
