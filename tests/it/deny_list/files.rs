//! A deny list in a file: it takes effect at once, and a bad one changes nothing.

use crate::support::check_request::ClientRequest;
use crate::support::process::{Running, accredit};
use crate::support::service::Service;

use super::place::{ISSUER, Place, configuration, metric, token};

#[tokio::test]
async fn a_changed_list_takes_effect_for_cached_tokens_too() {
    let place = Place::with_list("[]").await;
    let sam = token("sub", "sam");
    assert_eq!(place.reason(&sam).await, "allowed");
    assert_eq!(place.reason(&sam).await, "allowed", "cached");

    place.replace(&format!("{{\"issuer\":\"{ISSUER}\",\"sub\":\"sam\"}}\n"));
    place.gets(&sam, "revoked").await;

    std::fs::write(&place.file, "[]").unwrap();
    place.gets(&sam, "allowed").await;
}

/// As a tool that copies files with their times does.
#[tokio::test]
async fn a_change_that_keeps_length_and_time_of_modification_takes_effect() {
    let list = |subject: &str| format!("- {{ issuer: '{ISSUER}', sub: {subject} }}\n");
    let place = Place::with_list(&list("sam")).await;
    let tom = token("sub", "tom");
    assert_eq!(place.reason(&tom).await, "allowed");
    let modified = std::fs::metadata(&place.file).unwrap().modified().unwrap();
    std::fs::write(&place.file, list("tom")).unwrap();
    let file = std::fs::File::options().write(true).open(&place.file);
    file.unwrap().set_modified(modified).unwrap();
    place.gets(&tom, "revoked").await;
}

#[tokio::test]
async fn a_bad_list_keeps_the_last_good_one_and_is_counted() {
    let place = Place::with_list(&format!("- {{ issuer: '{ISSUER}', sub: sam }}\n")).await;
    let (sam, other) = (token("sub", "sam"), token("sub", "other"));
    let mut failures = 0.0;
    for bad in [
        "",
        "- { sub: other }\n",
        "- { issuer: 'https://login.test/{tid}', sub: other }\n",
        "{\"issuer\":\"",
        "- {",
        "\u{0}",
    ] {
        place.replace(bad);
        let failed = "accredit_deny_list_loads_total{result=\"failure\"}";
        metric(&place.service, failed, |count| count > failures).await;
        failures += 1.0;
        assert_eq!(place.reason(&sam).await, "revoked", "{bad:?}");
        assert_eq!(place.reason(&other).await, "allowed", "{bad:?}");
    }
    std::fs::remove_file(&place.file).unwrap();
    assert_eq!(place.reason(&sam).await, "revoked");
    place.replace(&format!("- {{ issuer: '{ISSUER}', sub: other }}\n"));
    place.gets(&other, "revoked").await;
    assert_eq!(place.reason(&sam).await, "allowed");
    metric(&place.service, "accredit_deny_list_entries", |count| {
        count == 1.0
    })
    .await;
}

#[tokio::test]
async fn the_log_names_an_issuer_whose_entries_refuse_no_token() {
    const MESSAGE: &str = "names an issuer that no issuer entry accepts";
    let folder = tempfile::tempdir().unwrap();
    let [list, next, config] =
        ["revoked.yaml", "next", "accredit.yaml"].map(|name| folder.path().join(name));
    let entries = |issuers: &[&str]| -> String {
        let entry = |issuer: &&str| format!("- {{ issuer: '{issuer}', sub: a }}\n");
        issuers.iter().map(entry).collect()
    };
    std::fs::write(&list, entries(&[ISSUER, "https://first.test"])).unwrap();
    let lines = format!(
        "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\nrevoked: {{ file: '{}' }}\n",
        list.display()
    );
    std::fs::write(&config, configuration(&lines)).unwrap();
    let mut command = accredit(&["serve", "--config", config.to_str().unwrap()]);
    let mut running = Running::start(&mut command).await;
    let at_start = &running.logged_at_start;
    let line = at_start.iter().find(|line| line.contains(MESSAGE));
    assert!(line.unwrap().contains("https://first.test"), "{line:?}");

    std::fs::write(
        &next,
        entries(&["https://b.test", ISSUER, "https://c.test"]),
    )
    .unwrap();
    std::fs::rename(&next, &list).unwrap();
    let line = running.wait_for_line(MESSAGE).await.to_string();
    assert!(line.contains("https://b.test"), "{line}");
    assert!(line.contains("\"other_issuers\":1"), "{line}");
}

/// A list that is not judged is not a list without entries.
#[tokio::test]
async fn a_reload_can_add_change_and_remove_the_list() {
    let service = Service::ready(&configuration("")).await;
    let envoy = service.envoy().await;
    let folder = tempfile::tempdir().unwrap();
    let list = |name: &str, sub: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, format!("- {{ issuer: '{ISSUER}', sub: {sub} }}\n")).unwrap();
        configuration(&format!("revoked: {{ file: '{}' }}\n", file.display()))
    };
    let (sam, kim) = (token("sub", "sam"), token("sub", "kim"));
    let reasons = async || {
        let mut reasons = Vec::new();
        for token in [&sam, &kim] {
            reasons.push(envoy.check(ClientRequest::bearer(token)).await.reason());
        }
        reasons
    };
    assert_eq!(reasons().await, ["allowed", "allowed"]);
    service.reload(&list("one", "sam")).await;
    assert_eq!(reasons().await, ["revoked", "allowed"]);
    service.reload(&list("two", "kim")).await;
    assert_eq!(reasons().await, ["allowed", "revoked"]);
    let same = format!("realm: other\n{}", list("two", "kim"));
    service.reload(&same).await;
    assert_eq!(reasons().await, ["allowed", "revoked"]);
    service.reload(&configuration("")).await;
    assert_eq!(reasons().await, ["allowed", "allowed"]);
}
