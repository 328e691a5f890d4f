//! How many checks wait for keys, in one issuer entry and in the whole process (CONTRACT 5.3.2, 5.3.11). The count of the
//! process is shared by all tests of a process, so this file has one test and a process of its own.

#![allow(clippy::expect_used, reason = "a panic fails the test")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use accredit_core::keys::key_set::KeySet;
use accredit_core::keys::ledger::{MissingKey, Purpose};
use accredit_core::keys::source::{KeyAddress, KeySource, Transport};
use accredit_core::keys::store::KeyStore;
use accredit_core::keys::store::lookup::{KeyLookup, KeyWait};

const MAX_WAITERS: usize = 64;
const MAX_WAITERS_OF_PROCESS: usize = 1024;

const KEYS: &[u8] = br#"{"keys":[{"kid":"a","kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

/// A key that is first seen later can be newer than the fetch in flight.
const MOMENT: Duration = Duration::from_millis(1);

/// A store whose next fetch is in flight.
fn fetching(now: Instant) -> Arc<KeyStore> {
    let address = KeyAddress::parse("https://a.example/keys", Transport::Https);
    let source = KeySource::Uri(address.expect("is an address"));
    let store = Arc::new(KeyStore::new(source, now));
    store.begin(now, Purpose::Refresh);
    store
}

/// A store that holds keys, and whose next fetch is in flight.
fn refreshing(now: Instant) -> Arc<KeyStore> {
    let store = fetching(now);
    let keys = KeySet::parse(KEYS).expect("is a key set");
    let hour = Duration::from_secs(3600);
    assert!(store.succeed(Some(keys), now, hour, now + hour).is_ok());
    store.begin(now + MOMENT, Purpose::Refresh);
    store
}

fn wait(lookup: KeyLookup) -> Result<KeyWait, MissingKey> {
    match lookup {
        KeyLookup::Wait(wait) => Ok(wait),
        KeyLookup::Missing(missing) => Err(missing),
        KeyLookup::Changed => panic!("the keys did not change"),
    }
}

#[test]
fn a_process_has_1024_waiting_checks_and_an_issuer_entry_64_of_each_kind() {
    let now = Instant::now();
    let mut waits = Vec::new();
    // 16 entries of 64 checks each fill the process. The 65th check of an entry does not wait.
    for _ in 0..MAX_WAITERS_OF_PROCESS / MAX_WAITERS {
        let store = fetching(now);
        for _ in 0..MAX_WAITERS {
            waits.push(wait(store.look_up_any_key(now, None)).expect("may wait"));
        }
        let refused = wait(store.look_up_any_key(now, None)).expect_err("64 wait");
        assert!(matches!(refused, MissingKey::NoKeys { .. }), "{refused:?}");
    }
    assert_eq!(waits.len(), MAX_WAITERS_OF_PROCESS);

    // One more does not wait, whatever its issuer entry, the reason for its wait, and the keys of the entry.
    let without_keys = fetching(now);
    let refused = wait(without_keys.look_up_any_key(now, None)).expect_err("1024 wait");
    assert!(matches!(refused, MissingKey::NoKeys { .. }), "{refused:?}");
    let with_keys = refreshing(now);
    let generation = with_keys.usable_generation(now).expect("has keys");
    let later = now + 2 * MOMENT;
    let lookup = with_keys.look_up_unknown_key("b", generation, later, None);
    let refused = wait(lookup).expect_err("1024 wait");
    assert!(matches!(refused, MissingKey::Pending { .. }), "{refused:?}");
    // CONTRACT 5.4.4: the first verification stands.
    assert!(
        with_keys
            .look_up_newer_keys(generation, later, None)
            .is_none()
    );

    // A check that stops waiting gives its place to one other check.
    waits.pop();
    waits.push(wait(without_keys.look_up_any_key(now, None)).expect("a place is free"));
    assert!(wait(without_keys.look_up_any_key(now, None)).is_err());
    waits.clear();
    let waits: Vec<KeyWait> = (0..MAX_WAITERS)
        .map(|_| wait(without_keys.look_up_any_key(now, None)).expect("every place is free"))
        .collect();
    assert_eq!(waits.len(), MAX_WAITERS);
}
