//! Which key set is in the file when a store is released.

use std::sync::Arc;

use accredit_core::keys::lease::KeyLease;
use accredit_core::keys::store::KeyStore;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::scripted::{ScriptedSource, settings, store};
use crate::jwks::key_saver::KeySaver;
use crate::jwks::refresher::Refresher;
use crate::jwks::saved_keys::KeySetOwner;
use crate::jwks::state_dir::StateDir;

/// CONTRACT 5.6.1: after a reload and a restart, the file must not bring back a key that was withdrawn before the reload.
#[tokio::test]
async fn the_last_key_set_of_a_released_store_is_saved_although_the_disk_is_slow() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = StateDir::new(folder.path().into());
    let source = ScriptedSource::of(&[("old", 0)]);
    let key_source = store().source().clone();
    let owner = KeySetOwner::of(&["a".into()], &key_source, &settings()).expect("is fetched");
    let file = folder.path().join(owner.file_name());
    let lease = KeyLease::new(KeyStore::new(key_source, Instant::now().into_std()));
    let store = lease.store().clone();
    let permits = Arc::new(Semaphore::new(1));
    let refresher = Refresher::new(store.clone(), source.clone(), settings(), permits)
        .saving(Some(KeySaver::new(dir.clone(), owner)));
    let slow_disk = dir.hold_writes().await;
    let mut refreshing = JoinSet::new();
    refreshing.spawn(refresher.run());
    store.until(|store| store.fetches().0 == 1).await;
    source.has(&[("new", 1)]);
    store.refresh_now(Instant::now().into_std()).await;
    assert_eq!(store.fetches().0, 2);
    drop(lease);
    drop(slow_disk);
    let ended = refreshing.join_next().await.expect("one task");
    ended.expect("no panic");
    let saved = std::fs::read_to_string(file).expect("was written");
    assert!(
        saved.contains("\"new\"") && !saved.contains("\"old\""),
        "{saved}"
    );
}
