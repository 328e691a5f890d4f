//! The rules that stay in force while a file is invalid, cannot be read, or is named twice.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Semaphore;

use super::place::{Place, SHOP, decides, decision, request};
use crate::support::eventually::eventually;
use crate::support::http_get::get;
use crate::support::issuer::{Answer, KeyServer, Reply};
use crate::support::keys::{rsa, set};
use crate::support::service::issuer_at;

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

/// CONTRACT 3.13.4
#[tokio::test]
async fn too_many_new_files_of_one_author_do_not_block_the_changes_of_another() {
    let place = Place::new();
    let mut running = place.serve().await;
    decides(&running, "shop.test", "/shop/a", "shop:read", "allowed").await;

    for number in 0..300 {
        place.write(&format!("shop/flood-{number:03}.yaml"), "[]\n");
    }
    // One file is the team's own.
    let left_out = "flood-255.yaml: the file is not read: an entry can have 256 files, and there are more. It is the first by name of 45 that are left out";
    running.wait_for_line(left_out).await;

    place.write("shop/shop.yaml", "- { name: closed, access: deny }\n");
    eventually("the change of the other file is in force", async || {
        let (rule, _) = decision(&running, request("shop.test", "/shop/a", "shop")).await;
        (rule == "shop:closed").then_some(())
    })
    .await;
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
