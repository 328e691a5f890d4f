//! Changes of files, links and folders that the service follows, and a signal while it reads a large file.

use notify::Watcher as _;

use super::place::{Place, SHOP, decides};
use crate::support::eventually::within;

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
