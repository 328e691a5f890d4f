//! Stores of one source exchange the key sets that they fetch.

use std::time::{Duration, Instant};

use futures_util::FutureExt as _;

use super::{
    KeyLeases, MAX_STALE, entry, fetch_keys, holds, key_set, new, refreshed_every, with_credential,
};
use crate::keys::ledger::Purpose;
use crate::keys::store::lookup::KeyLookup;
use crate::keys::store::replacement::Unconfirmed;

/// CONTRACT 5.6.1: a key that an entry has seen withdrawn does not verify its tokens again after a reload.
#[test]
fn a_store_begins_with_the_key_set_that_was_confirmed_last() {
    let (a, b) = ("https://a.example", "https://b.example");
    let now = Instant::now();
    let later = now + Duration::from_secs(60);
    let latest = now + Duration::from_secs(120);
    for (old, latest_of, changed) in [(a, b, b), (a, b, a), (a, b, "https://c.example"), (a, a, a)]
    {
        for old_is_first in [true, false] {
            let mut leases = KeyLeases::default();
            let (old_entry, new_entry) =
                (refreshed_every(3600, old), refreshed_every(3, latest_of));
            let older = old_is_first.then(|| new(leases.lease(&old_entry, now)));
            let newer = new(leases.lease(&new_entry, now));
            let older = older.unwrap_or_else(|| new(leases.lease(&old_entry, now)));
            fetch_keys(older.store(), &["old"], now);
            fetch_keys(newer.store(), &["new"], later);
            let store = new(leases.lease(&refreshed_every(4, changed), latest));
            assert!(
                holds(store.store(), &["new"]),
                "{old} {latest_of} {changed} {old_is_first}"
            );
        }
    }
}

/// CONTRACT 5.6.1: whichever of the stores of one source fetches, and whichever of them has fetched before.
#[test]
fn stores_of_one_source_exchange_the_key_sets_that_they_fetch() {
    let began = Instant::now();
    let at = |seconds| began + Duration::from_secs(seconds);
    let mut leases = KeyLeases::default();
    let first = new(leases.lease(&entry(), began));
    fetch_keys(first.store(), &["old"], at(1));
    let second = new(leases.lease(&refreshed_every(60, "https://b.example"), at(2)));
    assert!(holds(second.store(), &["old"]));
    let generations = || [&first, &second].map(|lease| lease.store().usable_generation(at(9)));
    let before = generations();
    fetch_keys(first.store(), &["new"], at(3));
    assert!(holds(second.store(), &["new"]), "it has not fetched");
    // Cached tokens of the withdrawn key are verified again.
    assert!(
        generations()
            .iter()
            .zip(before)
            .all(|(now, before)| *now != before)
    );
    let saved = key_set(&["old"]).into();
    let restored = second
        .store()
        .restore(saved, Duration::ZERO, MAX_STALE, at(4));
    assert_eq!(restored, None);
    fetch_keys(second.store(), &["newer"], at(5));
    assert!(holds(first.store(), &["newer"]), "it has fetched");
    let before = generations();
    fetch_keys(first.store(), &["newer"], at(6));
    assert_eq!(generations(), before);
    assert_eq!(
        second.store().held().map(|held| held.confirmed),
        Some(at(6))
    );
    // A store that is released gives and gets nothing.
    let released = second.store().clone();
    drop(second);
    fetch_keys(first.store(), &["newest"], at(7));
    assert!(released.held().is_none());
    fetch_keys(&released, &["old"], at(8));
    assert!(holds(first.store(), &["newest"]));
}

/// A fetch that hung brings what the issuer published when it began. "Not modified" confirms the set that the own fetch brought.
#[test]
fn a_slow_fetch_does_not_replace_the_keys_of_a_later_one() {
    let began = Instant::now();
    let at = |seconds| began + Duration::from_secs(seconds);
    let mut leases = KeyLeases::default();
    let slow = new(leases.lease(&entry(), began));
    let fast = new(leases.lease(&refreshed_every(60, "https://b.example"), began));
    let answered = |keys: Option<&[&str]>, started: Instant| {
        slow.store()
            .succeed(keys.map(key_set), started, MAX_STALE, started)
    };
    let (started, _) = slow.store().begin(at(1), Purpose::Refresh);
    assert_eq!(answered(None, started), Err(Unconfirmed::NothingToConfirm));
    fetch_keys(fast.store(), &["new"], at(2));
    let old: Option<&[&str]> = Some(&["old"]);
    assert_eq!(answered(old, started), Err(Unconfirmed::Outdated));
    let error = std::io::Error::other("outdated");
    slow.store().fail(std::sync::Arc::new(error), at(3), None);
    assert!(holds(slow.store(), &["new"]) && holds(fast.store(), &["new"]));
    // The issuer has gone back to the set that it gave to the slow one.
    let (started, _) = slow.store().begin(at(4), Purpose::Refresh);
    assert!(answered(None, started).is_ok());
    assert!(holds(slow.store(), &["old"]) && holds(fast.store(), &["old"]));
}

/// A check that waits for keys of its own issuer entry does not wait longer than until another entry brings them.
#[test]
fn keys_from_another_entry_end_the_wait_for_any_key_only() {
    let now = Instant::now();
    let mut leases = KeyLeases::default();
    let waiting = new(leases.lease(&entry(), now));
    let other = new(leases.lease(&refreshed_every(60, "https://b.example"), now));
    waiting.store().begin(now, Purpose::Refresh);
    let KeyLookup::Wait(any_key) = waiting.store().look_up_any_key(now, None) else {
        panic!("a check waits for the fetch in flight");
    };
    fetch_keys(other.store(), &["k"], now);
    assert_eq!(any_key.ended().now_or_never(), Some(()));
    let generation = waiting.store().usable_generation(now).expect("has keys");
    let lookup = waiting
        .store()
        .look_up_unknown_key("next", generation, now, None);
    let KeyLookup::Wait(unknown_key) = lookup else {
        panic!("a check waits for the fetch in flight");
    };
    fetch_keys(other.store(), &["k", "l"], now + Duration::from_secs(1));
    assert_eq!(unknown_key.ended().now_or_never(), None);
}

/// CONTRACT 5.6.1: a reload that changes only the credentials. The changed entry's own fetch hangs, and the old entry sees
/// meanwhile that a key is withdrawn, or the other way round.
#[test]
fn a_change_of_credentials_does_not_bring_a_withdrawn_key_back() {
    let began = Instant::now();
    let at = |seconds| began + Duration::from_secs(seconds);
    for changed_has_fetched in [false, true] {
        for changed_fetches_last in [false, true] {
            let mut leases = KeyLeases::default();
            let old = new(leases.lease(&with_credential(&entry(), "/one"), began));
            fetch_keys(old.store(), &["k"], at(1));
            let changed = new(leases.lease(&with_credential(&entry(), "/two"), at(2)));
            assert!(holds(changed.store(), &["k"]));
            if changed_has_fetched {
                fetch_keys(changed.store(), &["k"], at(3));
            }
            let (fetching, other) = match changed_fetches_last {
                true => (&changed, &old),
                false => (&old, &changed),
            };
            fetch_keys(fetching.store(), &["next"], at(4));
            assert!(holds(other.store(), &["next"]));
            let saved = key_set(&["k"]).into();
            let restored = other
                .store()
                .restore(saved, Duration::ZERO, MAX_STALE, at(5));
            assert_eq!(restored, None);
            // A third credential begins with the latest.
            let third = new(leases.lease(&with_credential(&entry(), "/three"), at(6)));
            assert!(holds(third.store(), &["next"]));
        }
    }
}

/// Another entry's fetch with the old credentials saw that the key is withdrawn.
#[test]
fn a_withdrawal_reaches_entries_with_other_credentials_through_an_entry_for_the_same_issuers() {
    let began = Instant::now();
    let at = |seconds| began + Duration::from_secs(seconds);
    let mut leases = KeyLeases::default();
    let of = |issuer: &str, file: &str| with_credential(&refreshed_every(60, issuer), file);
    let (a, b) = ("https://a.example", "https://b.example");
    let fetching = new(leases.lease(&of(a, "/one"), began));
    let _same_issuers = new(leases.lease(&of(b, "/one"), began));
    fetch_keys(fetching.store(), &["k"], at(1));
    let changed = new(leases.lease(&of(b, "/two"), at(2)));
    assert!(holds(changed.store(), &["k"]));
    fetch_keys(fetching.store(), &["next"], at(3));
    assert!(holds(changed.store(), &["next"]));
}

/// Cached tokens keep a released store in memory. Its configuration is gone, and with it what it says about the credentials of an
/// issuer: the keys of one issuer would replace those of another one at each refresh.
#[test]
fn a_released_store_connects_no_entries_with_different_credentials() {
    let began = Instant::now();
    let at = |seconds| began + Duration::from_secs(seconds);
    let mut leases = KeyLeases::default();
    let of = |issuer: &str, file: &str| with_credential(&refreshed_every(60, issuer), file);
    let (a, b) = ("https://a.example", "https://b.example");
    let first = new(leases.lease(&of(a, "/one"), began));
    let before = new(leases.lease(&of(b, "/one"), began));
    let changed = new(leases.lease(&of(b, "/two"), began));
    let in_memory = before.store().clone();
    drop(before);
    fetch_keys(changed.store(), &["b"], at(1));
    fetch_keys(first.store(), &["a"], at(2));
    assert!(holds(changed.store(), &["b"]));
    assert!(holds(first.store(), &["a"]));
    assert!(in_memory.is_released());
}

/// A server can give each of its clients other keys, and so another issuer's to another client.
#[test]
fn keys_that_were_fetched_with_other_credentials_verify_no_tokens_of_other_issuers() {
    let began = Instant::now();
    let at = |seconds| began + Duration::from_secs(seconds);
    let of = |issuer: &str, file: &str| with_credential(&refreshed_every(60, issuer), file);
    let (a, b) = ("https://a.example", "https://b.example");
    let mut leases = KeyLeases::default();
    let first = new(leases.lease(&of(a, "/one"), began));
    fetch_keys(first.store(), &["k"], at(1));
    // The entry for the same issuers uses the keys until it has fetched, and passes them to no other issuer.
    let changed = new(leases.lease(&of(a, "/two"), at(2)));
    let other = new(leases.lease(&of(b, "/two"), at(2)));
    assert!(holds(changed.store(), &["k"]));
    assert!(other.store().held().is_none());
    fetch_keys(first.store(), &["l"], at(3));
    assert!(holds(changed.store(), &["l"]));
    assert!(other.store().held().is_none());
    fetch_keys(changed.store(), &["m"], at(4));
    assert!(holds(other.store(), &["m"]));
    let later = new(leases.lease(&of("https://c.example", "/two"), at(5)));
    assert!(holds(later.store(), &["m"]));
}
