//! Which entries share a store, and what the end of the last lease means to those who wait.

use std::time::{Duration, Instant};

use futures_util::FutureExt as _;

use super::{KeyEntry, KeyLease, KeyLeases, Leased};
use crate::keys::key_set::KeySet;
use crate::keys::ledger::{MissingKey, Purpose};
use crate::keys::source::{FetchSettings, KeyAddress, KeySource, Transport};
use crate::keys::store::KeyStore;
use crate::keys::store::lookup::KeyLookup;

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

fn fetch(store: &KeyStore, now: Instant) {
    const KEYS: &[u8] = br#"{"keys":[{"kid":"k","kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    let key_set = KeySet::parse(KEYS).expect("is a key set");
    let (started, _) = store.begin(now, Purpose::Refresh);
    let max_stale = Duration::from_secs(3600);
    let next_attempt = now + Duration::from_secs(300);
    let succeeded = store.succeed(Some(key_set), started, max_stale, next_attempt);
    assert!(succeeded.is_ok());
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

#[test]
fn the_end_of_the_last_lease_ends_every_wait() {
    let now = Instant::now();
    let mut leases = KeyLeases::default();
    let lease = new(leases.lease(&entry(), now));
    let store = lease.store().clone();
    store.begin(now, Purpose::Refresh);
    let KeyLookup::Wait(wait) = store.look_up_any_key(now) else {
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
        store.look_up_unknown_key("other", 1, later),
        store.look_up_newer_keys(1, later).expect("joins the fetch"),
    ];
    for lookup in lookups {
        let KeyLookup::Wait(wait) = lookup else {
            panic!("waits");
        };
        assert_eq!(wait.ended().now_or_never(), Some(()));
    }
    assert_eq!(store.refresh_now(later).now_or_never(), Some(()));
}
