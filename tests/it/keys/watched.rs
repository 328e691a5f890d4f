//! A file of keys that changes is read, whether a token asks for it or not.

use std::path::Path;

use crate::support::check_request::ClientRequest;
use crate::support::eventually::eventually;
use crate::support::http_get::get;
use crate::support::keys::{rsa, set};
use crate::support::service::Service;
use crate::support::token::Token;

const ISSUER: &str = "https://file.test";

fn configuration(file: &Path) -> String {
    format!(
        "issuers:\n  - issuer: {ISSUER}\n    audiences: [api.test]\n    jwks: {{ file: '{}' }}\n",
        file.display()
    )
}

/// Waits until the service holds that key and no other. No token is sent meanwhile, since that would have the file read.
async fn holds(service: &Service, kid: &str) {
    eventually(&format!("{kid} is held"), async || {
        let keys = service.issuers().await.remove(0).keys;
        let kids: Vec<_> = keys.iter().map(|key| key.kid()).collect();
        (kids == [kid]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_key_file_that_is_rewritten_or_replaced_is_read_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    std::fs::write(&file, set([rsa(0).jwk("k")])).unwrap();
    let service = Service::ready(&configuration(&file)).await;
    let old = ClientRequest::bearer(&Token::of(ISSUER).signed(rsa(0)));
    let envoy = service.envoy().await;
    assert!(envoy.check(old.clone()).await.is_admission());

    std::fs::write(&file, set([rsa(1).jwk("written")])).unwrap();
    holds(&service, "written").await;
    assert!(!envoy.check(old).await.is_admission(), "a cached token too");

    let beside = folder.path().join("other");
    std::fs::write(&beside, set([rsa(1).jwk("renamed")])).unwrap();
    std::fs::rename(&beside, &file).unwrap();
    holds(&service, "renamed").await;

    std::fs::remove_file(&file).unwrap();
    eventually("the loss is noticed", async || {
        let outcome = service.issuers().await.remove(0);
        (outcome.has_keys && outcome.last_error.contains("cannot be read")).then_some(())
    })
    .await;
    std::fs::write(&file, set([rsa(1).jwk("back")])).unwrap();
    holds(&service, "back").await;
}

/// A ConfigMap's file is a link through a folder that is itself a link, and that one is swapped.
#[tokio::test]
async fn a_key_file_in_a_swapped_config_map_is_read_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let version = |name: &str, kid: &'static str| {
        let version = folder.path().join(name);
        std::fs::create_dir(&version).unwrap();
        std::fs::write(version.join("keys.json"), set([rsa(0).jwk(kid)])).unwrap();
        let link = folder.path().join("..data_tmp");
        std::os::unix::fs::symlink(name, &link).unwrap();
        std::fs::rename(&link, folder.path().join("..data")).unwrap();
    };
    version("..2026_1", "first");
    let file = folder.path().join("keys.json");
    std::os::unix::fs::symlink("..data/keys.json", &file).unwrap();
    let service = Service::ready(&configuration(&file)).await;
    holds(&service, "first").await;
    version("..2026_2", "second");
    holds(&service, "second").await;
    std::fs::remove_dir_all(folder.path().join("..2026_1")).unwrap();
    version("..2026_3", "third");
    holds(&service, "third").await;
}

/// Else a log that is written beside the file would have it read for ever, and tell of it in that log each time.
#[tokio::test]
async fn changes_of_other_files_beside_a_key_file_cause_no_read() {
    let folder = tempfile::tempdir().unwrap();
    let (still, moving) = (folder.path().join("a.json"), folder.path().join("b.json"));
    std::fs::write(&still, set([rsa(0).jwk("still")])).unwrap();
    std::fs::write(&moving, set([rsa(0).jwk("0")])).unwrap();
    let other = "https://other.test";
    let configuration = format!(
        "{}  - issuer: {other}\n    audiences: [api.test]\n    jwks: {{ file: '{}' }}\n",
        configuration(&still),
        moving.display()
    );
    let service = Service::ready(&configuration).await;
    for kid in ["1", "2", "3"] {
        std::fs::write(&moving, set([rsa(0).jwk(kid)])).unwrap();
        eventually(&format!("{kid} is held"), async || {
            let keys = service.issuers().await.remove(1).keys;
            (keys.first()?.kid() == kid).then_some(())
        })
        .await;
    }
    let (_, text) = get(service.admin, "localhost", "/metrics").await;
    let reads = |issuer: &str| {
        let series =
            format!("accredit_jwks_fetches_total{{issuer=\"{issuer}\",result=\"success\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&series));
        line.unwrap_or_else(|| panic!("{text}"))
            .parse::<u64>()
            .unwrap()
    };
    assert_eq!(reads(ISSUER), 1);
    assert!(reads(other) >= 4);
}

/// The folder may come later than the service: then there is nothing to watch yet, and the retries find it.
#[tokio::test]
async fn a_key_file_in_a_folder_created_later_is_found_and_watched() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("later");
    let file = folder.join("keys.json");
    let service = Service::start(&configuration(&file));
    eventually("it was looked for", async || {
        let outcome = service.issuers().await.remove(0);
        outcome.last_error.contains("cannot be read").then_some(())
    })
    .await;
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(&file, set([rsa(0).jwk("first")])).unwrap();
    holds(&service, "first").await;
    std::fs::write(&file, set([rsa(0).jwk("second")])).unwrap();
    holds(&service, "second").await;
}
