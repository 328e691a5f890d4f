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

/// CONTRACT 4.8.1: an issuer that published an empty key set has withdrawn its keys, also after a reload.
#[test]
fn a_store_begins_with_an_empty_key_set_and_ignores_saved_keys() {
    let now = Instant::now();
    let mut leases = KeyLeases::default();
    let first = new(leases.lease(&entry(), now));
    fetch_keys(first.store(), &[], now);
    let later = now + Duration::from_secs(60);
    let second = new(leases.lease(&refreshed_every(60, "https://a.example"), later));
    let why = || second.store().why_no_keys(later);
    assert!(matches!(why(), MissingKey::EmptyKeySet { .. }));
    // By a clock that was set back, the saved keys can look newer than they are.
    for age in [Duration::ZERO, Duration::from_secs(300)] {
        let saved = key_set(&["old"]).into();
        let restored = second.store().restore(saved, age, MAX_STALE, later);
        assert_eq!(restored, None);
        assert!(matches!(why(), MissingKey::EmptyKeySet { .. }));
    }
    // Once it is older than max_stale, it is not known what the issuer publishes.
    let third = new(leases.lease(
        &refreshed_every(90, "https://a.example"),
        now + 2 * MAX_STALE,
    ));
    let why = third.store().why_no_keys(now + 2 * MAX_STALE);
    assert!(matches!(why, MissingKey::NoKeys { .. }));
}

#[test]
fn saved_keys_replace_those_of_another_entry_only_if_they_are_newer() {
    let now = Instant::now();
    let later = now + Duration::from_secs(600);
    for (age, expected) in [(599, "saved"), (600, "held"), (601, "held")] {
        let mut leases = KeyLeases::default();
        let other = new(leases.lease(&entry(), now));
        fetch_keys(other.store(), &["held"], now);
        let lease = new(leases.lease(&refreshed_every(60, "https://b.example"), later));
        let store = lease.store();
        let before = store.usable_generation(later);
        let saved = key_set(&["saved"]).into();
        let restored = store
            .restore(saved, Duration::from_secs(age), MAX_STALE, later)
            .is_some();
        assert_eq!(restored, expected == "saved", "{age}");
        assert!(holds(store, &[expected]), "{age}");
        // Cached tokens of the replaced keys are verified again.
        assert_eq!(store.usable_generation(later) != before, restored, "{age}");
        // The issuer's answer ends it.
        fetch_keys(store, &["fetched"], later);
        let saved = key_set(&["saved"]).into();
        let restored = store.restore(saved, Duration::ZERO, MAX_STALE, later + MAX_STALE);
        assert_eq!(restored, None);
        assert!(holds(store, &["fetched"]), "{age}");
    }
}

/// The age of saved keys is measured with the wall clock, which can be set back.
#[test]
fn saved_keys_never_count_as_newer_than_a_fetch() {
    let now = Instant::now();
    let lease = new(KeyLeases::default().lease(&entry(), now));
    let store = lease.store();
    let (started, _) = store.begin(now, Purpose::Refresh);
    let later = now + Duration::from_secs(1);
    let saved = key_set(&["saved"]).into();
    assert!(
        store
            .restore(saved, Duration::ZERO, MAX_STALE, later)
            .is_some()
    );
    let fetched = Some(key_set(&["fetched"]));
    assert!(store.succeed(fetched, started, MAX_STALE, later).is_ok());
    assert!(holds(store, &["fetched"]));
}

/// CONTRACT 5.6.1: an entry that holds keys can have seen that a key of the saved set is withdrawn, also if its own keys are not for
/// the new entry.
#[test]
fn saved_keys_are_ignored_if_an_entry_for_one_of_the_issuers_holds_keys() {
    let now = Instant::now();
    let of = |issuers: &[&str], file: &str| {
        let mut entry = with_credential(&entry(), file);
        entry.issuers = issuers.iter().map(|&issuer| issuer.into()).collect();
        entry
    };
    let (a, b, c) = (
        "https://a.example",
        "https://b.example",
        "https://c.example",
    );
    for (before, after, has_fetched, is_restored) in [
        (&[a, b][..], &[a][..], true, false),
        (&[a], &[a, b], true, false),
        (&[a, b], &[b, c], true, false),
        (&[a, b], &[a], false, true),
        (&[a, b], &[c], true, true),
    ] {
        let mut leases = KeyLeases::default();
        let other = new(leases.lease(&of(before, "/one"), now));
        if has_fetched {
            fetch_keys(other.store(), &["next"], now);
        }
        let later = now + Duration::from_secs(60);
        let lease = new(leases.lease(&of(after, "/two"), later));
        assert!(lease.store().held().is_none(), "{before:?} {after:?}");
        // By a clock that was set back, the saved keys can look newer than they are.
        let saved = key_set(&["withdrawn"]).into();
        let restored = lease
            .store()
            .restore(saved, Duration::ZERO, MAX_STALE, later);
        assert_eq!(restored.is_some(), is_restored, "{before:?} {after:?}");
        assert_eq!(lease.store().has_keys(later), is_restored);
    }
}

/// The file of saved keys names the issuers and not the credentials, so an earlier process can have fetched them with others, and
/// a server can give each of its clients another issuer's keys.
#[test]
fn restored_keys_verify_no_tokens_of_other_issuers() {
    let began = Instant::now();
    let at = |seconds| began + Duration::from_secs(seconds);
    let (a, b) = ("https://a.example", "https://b.example");
    for file in [None, Some("/one")] {
        let of = |issuer: &str, refresh| {
            let mut entry = refreshed_every(refresh, issuer);
            entry.settings.access.bearer_file = file.map(Into::into);
            entry
        };
        let mut leases = KeyLeases::default();
        let first = new(leases.lease(&of(a, 300), began));
        let saved = key_set(&["saved"]).into();
        let restored = first
            .store()
            .restore(saved, Duration::ZERO, MAX_STALE, at(1));
        assert!(restored.is_some());
        // An entry for the same issuer begins with them, and passes them to no other issuer either.
        let changed = new(leases.lease(&of(a, 60), at(2)));
        assert!(holds(changed.store(), &["saved"]));
        let other = new(leases.lease(&of(b, 60), at(3)));
        assert!(other.store().held().is_none(), "{file:?}");
        // The same keys, fetched with the credentials of the entry.
        fetch_keys(changed.store(), &["saved"], at(4));
        assert!(holds(other.store(), &["saved"]), "{file:?}");
    }
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
        store
            .look_up_newer_keys(1, later)
            .expect("the keys changed"),
    ];
    for lookup in lookups {
        assert!(matches!(lookup, KeyLookup::Changed));
    }
    let KeyLookup::Wait(wait) = store.look_up_any_key(later) else {
        panic!("waits");
    };
    assert_eq!(wait.ended().now_or_never(), Some(()));
    assert_eq!(store.refresh_now(later).now_or_never(), Some(()));
}
