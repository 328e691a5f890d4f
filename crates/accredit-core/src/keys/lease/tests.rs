//! Which entries share a store, what a new store begins with, and what the end of the last lease means to those who wait.

use std::time::{Duration, Instant};

use futures_util::FutureExt as _;

use super::{KeyEntry, KeyLease, KeyLeases, Leased};
use crate::keys::access::KeyAccess;
use crate::keys::key_set::KeySet;
use crate::keys::ledger::{MissingKey, Purpose};
use crate::keys::source::{FetchSettings, KeyAddress, KeySource, Transport};
use crate::keys::store::KeyStore;
use crate::keys::store::lookup::KeyLookup;

mod exchanged;
mod saved;

fn entry() -> KeyEntry {
    let address = KeyAddress::parse("https://a.example/keys", Transport::Https);
    KeyEntry {
        issuers: vec!["https://a.example".into()],
        source: KeySource::Uri(address.expect("is an address")),
        settings: FetchSettings {
            refresh: Duration::from_secs(300),
            max_stale: Duration::from_secs(3600),
            timeout: Duration::from_secs(5),
            ca_file: None,
            access: KeyAccess::default(),
        },
    }
}

fn new(leased: Leased) -> KeyLease {
    match leased {
        Leased::New(lease) => lease,
        Leased::Shared(lease) => panic!("{lease:?} is shared"),
    }
}

fn shared(leased: Leased) -> KeyLease {
    match leased {
        Leased::Shared(lease) => lease,
        Leased::New(lease) => panic!("{lease:?} is new"),
    }
}

const MAX_STALE: Duration = Duration::from_secs(3600);

fn key_set(key_ids: &[&str]) -> KeySet {
    let jwk = |key_id: &&str| {
        format!(
            r#"{{"kid":"{key_id}","kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}"#
        )
    };
    let keys: Vec<String> = key_ids.iter().map(jwk).collect();
    KeySet::parse(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes()).expect("is a key set")
}

fn fetch_keys(store: &KeyStore, key_ids: &[&str], now: Instant) {
    let (started, _) = store.begin(now, Purpose::Refresh);
    let next_attempt = now + Duration::from_secs(300);
    let succeeded = store.succeed(Some(key_set(key_ids)), started, MAX_STALE, next_attempt);
    assert!(succeeded.is_ok());
}

fn fetch(store: &KeyStore, now: Instant) {
    fetch_keys(store, &["k"], now);
}

fn refreshed_every(seconds: u64, issuer: &str) -> KeyEntry {
    let mut entry = entry();
    entry.issuers = vec![issuer.into()];
    entry.settings.refresh = Duration::from_secs(seconds);
    entry
}

/// The same entry, fetched with a credential.
fn with_credential(entry: &KeyEntry, file: &str) -> KeyEntry {
    let mut entry = entry.clone();
    entry.settings.access.bearer_file = Some(file.into());
    entry
}

fn holds(store: &KeyStore, key_ids: &[&str]) -> bool {
    store
        .held()
        .is_some_and(|held| held.key_set.judges_as(&key_set(key_ids)))
}

#[test]
fn equal_entries_share_a_store_until_the_last_lease_is_dropped() {
    let now = Instant::now();
    let mut leases = KeyLeases::default();
    let first = new(leases.lease(&entry(), now));
    let second = shared(leases.lease(&entry(), now));
    let store = first.store().clone();
    assert!(std::ptr::eq(&*store, &**second.store()));
    drop(first);
    assert!(!store.is_released());
    let third = shared(leases.lease(&entry(), now));
    drop(second);
    assert!(!store.is_released());
    drop(third);
    assert!(store.is_released());
    let again = new(leases.lease(&entry(), now));
    assert!(!std::ptr::eq(&*store, &**again.store()));
    assert!(!again.store().is_released());
}

#[test]
fn an_entry_that_differs_has_a_store_of_its_own() {
    let now = Instant::now();
    let mut leases = KeyLeases::default();
    let _first = new(leases.lease(&entry(), now));
    let mut other_times = entry();
    other_times.settings.refresh = Duration::from_secs(60);
    let mut other_issuers = entry();
    other_issuers.issuers.push("https://b.example".into());
    let other_address = KeyAddress::parse("https://b.example/keys", Transport::Https);
    let other_source = KeyEntry {
        source: KeySource::Uri(other_address.expect("is an address")),
        ..entry()
    };
    for other in [other_times, other_issuers, other_source] {
        new(leases.lease(&other, now));
    }
}

#[test]
fn a_store_begins_with_the_keys_of_a_leased_store_of_the_same_source_only() {
    let now = Instant::now();
    let mut leases = KeyLeases::default();
    let first = new(leases.lease(&entry(), now));
    fetch(first.store(), now);
    let mut slower = entry();
    slower.settings.refresh = Duration::from_secs(600);
    let mut of_other_authority = slower.clone();
    of_other_authority.settings.ca_file = Some("/ca.crt".into());
    assert!(
        !new(leases.lease(&of_other_authority, now))
            .store()
            .has_keys(now)
    );
    assert!(new(leases.lease(&slower, now)).store().has_keys(now));
    drop(first);
    // The other lease was dropped at once, so no refresher confirms those keys.
    assert!(!new(leases.lease(&slower, now)).store().has_keys(now));
}

/// Cached tokens keep a store in memory, and a key set can have 1 MiB.
#[test]
fn a_released_store_holds_no_key_set() {
    let now = Instant::now();
    let mut leases = KeyLeases::default();
    let lease = new(leases.lease(&entry(), now));
    let store = lease.store().clone();
    fetch(&store, now);
    drop(lease);
    assert!(store.held().is_none());
    // The refresher can end a fetch, or read saved keys, while the last lease is dropped.
    fetch(&store, now);
    let restored = store.restore(key_set(&["k"]).into(), Duration::ZERO, MAX_STALE, now);
    assert_eq!(restored, None);
    assert!(store.held().is_none());
}

#[test]
fn the_end_of_the_last_lease_ends_every_wait() {
    let now = Instant::now();
    let mut leases = KeyLeases::default();
    let lease = new(leases.lease(&entry(), now));
    let store = lease.store().clone();
    store.begin(now, Purpose::Refresh);
    let KeyLookup::Wait(wait) = store.look_up_any_key(now, None) else {
        panic!("a check waits for the fetch in flight");
    };
    let mut ready = Box::pin(wait.ended());
    let mut refreshed = Box::pin(store.refresh_now(now));
    let mut refresher = Box::pin(store.released());
    let mut first_fetch = Box::pin(store.until(KeyStore::was_attempted));
    assert_eq!(ready.as_mut().now_or_never(), None);
    assert_eq!(refreshed.as_mut().now_or_never(), None);
    assert_eq!(refresher.as_mut().now_or_never(), None);
    assert_eq!(first_fetch.as_mut().now_or_never(), None);
    drop(lease);
    for ended in [
        ready.now_or_never(),
        refreshed.now_or_never(),
        refresher.now_or_never(),
        first_fetch.now_or_never(),
    ] {
        assert_eq!(ended, Some(()));
    }
    assert!(matches!(
        store.settle(&wait, now),
        MissingKey::Pending { .. }
    ));
}

/// A cached token, or a check of a configuration that has gone, can still look a key up.
#[test]
fn no_check_waits_for_a_released_store() {
    let now = Instant::now();
    let lease = KeyLease::new(KeyStore::new(entry().source, now));
    let store = lease.store().clone();
    fetch(&store, now);
    let later = now + Duration::from_secs(1);
    store.begin(later, Purpose::Refresh);
    drop(lease);
    let lookups = [
        store.look_up_unknown_key("other", 1, later, None),
        store
            .look_up_newer_keys(1, later, None)
            .expect("the keys changed"),
    ];
    for lookup in lookups {
        assert!(matches!(lookup, KeyLookup::Changed));
    }
    let KeyLookup::Wait(wait) = store.look_up_any_key(later, None) else {
        panic!("waits");
    };
    assert_eq!(wait.ended().now_or_never(), Some(()));
    assert_eq!(store.refresh_now(later).now_or_never(), Some(()));
}
