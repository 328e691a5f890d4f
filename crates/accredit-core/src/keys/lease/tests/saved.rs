//! Keys that an earlier process saved, and the keys of other stores.

use std::time::{Duration, Instant};

use super::{MAX_STALE, entry, fetch_keys, holds, key_set, new, refreshed_every, with_credential};
use crate::keys::lease::KeyLeases;
use crate::keys::ledger::{MissingKey, Purpose};

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
    // A client that blocks the key server for max_stale must not turn the withdrawal into an outage.
    let third = new(leases.lease(
        &refreshed_every(90, "https://a.example"),
        now + 2 * MAX_STALE,
    ));
    let why = third.store().why_no_keys(now + 2 * MAX_STALE);
    assert!(matches!(why, MissingKey::EmptyKeySet { .. }));
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
