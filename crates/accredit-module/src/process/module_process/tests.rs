//! What configurations share.

use std::fs;
use std::path::Path;

use accredit_test_support::eventually::eventually;
use accredit_test_support::issuer::KeyServer;
use accredit_test_support::keys::{rsa, set};

use super::ModuleProcess;
use crate::process::configuration::FilterConfiguration;

fn files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).expect("is a folder");
    let names = entries.map(|entry| entry.expect("is there").file_name());
    names
        .filter(|name| name.to_string_lossy().ends_with(".jwks"))
        .count()
}

/// Otherwise a key that one configuration saw withdrawn could come back from the folder of another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_configuration_saves_its_keys_in_the_first_state_dir() {
    let process = ModuleProcess::of_a_test(true);
    let keys = KeyServer::with_keys(set([rsa(0).jwk("k")])).await;
    let (first, second) = (tempfile::tempdir(), tempfile::tempdir());
    let (first, second) = (first.expect("a folder"), second.expect("a folder"));
    let start = |issuer: &str, folder: &Path| {
        let (folder, uri) = (folder.display(), keys.url("/keys"));
        let text = format!(
            "state_dir: '{folder}'\nissuers: [{{ issuer: '{issuer}', audiences: [b], jwks: {{ uri: '{uri}' }} }}]\n"
        );
        FilterConfiguration::start(&text, process).expect("is valid")
    };
    let one = start(&keys.url("/one"), first.path());
    eventually("the keys of the first are saved", async || {
        (files(first.path()) == 1).then_some(())
    })
    .await;
    let two = start(&keys.url("/two"), second.path());
    eventually("the keys of the second are saved", async || {
        (files(first.path()) == 2).then_some(())
    })
    .await;
    assert_eq!(files(second.path()), 0);
    drop((one, two));
}
