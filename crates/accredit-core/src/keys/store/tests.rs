//! Checks that look a key up while a fetch ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;

use super::KeyStore;
use super::lookup::{KeyLookup, KeyWait};
use crate::keys::key_set::KeySet;
use crate::keys::ledger::Purpose;
use crate::keys::source::{KeyAddress, KeySource, Transport};
use crate::trace::{CheckTrace, TraceParent};

const ROUNDS: usize = 5_000;

fn store(now: Instant) -> Arc<KeyStore> {
    let address = KeyAddress::parse("http://127.0.0.1:1/keys", Transport::Https);
    Arc::new(KeyStore::new(
        KeySource::Uri(address.expect("is an address")),
        now,
    ))
}

fn fetch(store: &KeyStore, key_ids: &[&str], now: Instant) {
    let keys: Vec<String> = key_ids
        .iter()
        .map(|key_id| format!(r#"{{"kid":"{key_id}","kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}"#))
        .collect();
    let set = KeySet::parse(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes());
    let (started, _) = store.begin(now, Purpose::Refresh);
    let next = now + Duration::from_secs(300);
    let succeeded = store.succeed(
        Some(set.expect("is a set")),
        started,
        Duration::from_secs(3600),
        next,
    );
    assert!(succeeded.is_ok());
}

fn waiting(lookup: KeyLookup) -> Option<KeyWait> {
    match lookup {
        KeyLookup::Wait(wait) => Some(wait),
        KeyLookup::Missing(_) | KeyLookup::Changed => None,
    }
}

/// A fetch ends while a check looks a key up. In either order, the check waits for the right fetch: it does not take the
/// end of an earlier fetch for the end of its own, and does not miss the latter.
fn race(look_up: impl Fn(&Arc<KeyStore>, Instant) -> Option<KeyWait>) {
    let began = Instant::now();
    let asked = began + Duration::from_millis(1);
    for _ in 0..ROUNDS {
        let store = store(began);
        fetch(&store, &["a"], began);
        store.begin(began, Purpose::Refresh);
        let start = Barrier::new(2);
        let wait = std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                let error = std::io::Error::other("no answer");
                store.fail(Arc::new(error), asked, None);
            });
            start.wait();
            look_up(&store, asked)
        });
        let Some(wait) = wait else { continue };
        let heard = wait.ended().now_or_never().is_some();
        let waits_for_another = store.ledger().is_in_flight();
        assert_eq!(heard, !waits_for_another);
    }
}

#[test]
fn a_check_with_an_unknown_key_sees_the_end_of_its_fetch() {
    race(|store, now| waiting(store.look_up_unknown_key("k", 1, now, None)));
}

#[test]
fn a_second_verification_sees_the_end_of_its_fetch() {
    race(|store, now| store.look_up_newer_keys(1, now, None).and_then(waiting));
}

/// A check of the trace with this number.
#[derive(Debug)]
struct Numbered(usize);

impl CheckTrace for Numbered {
    fn trace_parent(&self) -> Option<TraceParent> {
        Some(TraceParent {
            traceparent: self.0.to_string(),
            tracestate: None,
        })
    }
}

fn latest_trace(store: &KeyStore) -> Option<String> {
    store.take_latest_trace().map(|trace| trace.traceparent)
}

/// The fetch begins as soon as the check asks for it, and can end before the check's thread continues.
#[test]
fn a_fetch_has_the_trace_of_the_check_that_asked_for_it() {
    let began = Instant::now();
    let asked = began + Duration::from_millis(1);
    for round in 0..ROUNDS {
        let store = store(began);
        fetch(&store, &["a"], began);
        let has_asked = AtomicBool::new(false);
        let trace = std::thread::scope(|scope| {
            let refresher = scope.spawn(|| {
                while !store.ledger().is_in_flight() && !has_asked.load(Ordering::Acquire) {
                    std::thread::yield_now();
                }
                fetch(&store, &["a", "b"], asked);
                latest_trace(&store)
            });
            store.look_up_unknown_key("b", 1, asked, Some(&Numbered(round)));
            has_asked.store(true, Ordering::Release);
            refresher.join().expect("does not panic")
        });
        assert_eq!(trace, Some(round.to_string()));
    }
}

#[test]
fn a_fetch_has_the_first_trace_and_leaves_none_to_the_next() {
    let began = Instant::now();
    let asked = began + Duration::from_millis(1);
    let store = store(began);
    fetch(&store, &["a"], began);
    assert_eq!(latest_trace(&store), None);
    let look_up = |number| store.look_up_unknown_key("b", 1, asked, Some(&Numbered(number)));
    let waits = [waiting(look_up(1)), waiting(look_up(2))];
    assert!(waits.iter().all(Option::is_some));
    fetch(&store, &["a"], asked);
    assert_eq!(latest_trace(&store), Some("1".to_owned()));
    fetch(&store, &["a"], asked);
    assert_eq!(latest_trace(&store), None);
}

#[test]
fn an_empty_set_is_accepted_and_has_no_keys() {
    let now = Instant::now();
    let store = store(now);
    let mut first_keys = std::pin::pin!(store.until(|store| store.has_keys(now)));
    fetch(&store, &[], now);
    assert!(first_keys.as_mut().now_or_never().is_none());
    assert!(!store.has_keys(now));
    fetch(&store, &["a"], now);
    assert!(first_keys.now_or_never().is_some());
    assert!(store.has_keys(now));
}

/// The keys changed between the verification and the lookup: what the ledger says is about the new keys.
#[test]
fn a_token_that_older_keys_did_not_verify_is_verified_again() {
    let began = Instant::now();
    let store = store(began);
    let later = |seconds| began + Duration::from_secs(seconds);
    let has_changed = |lookup| matches!(lookup, KeyLookup::Changed);
    fetch(&store, &["a"], began);
    assert!(has_changed(store.look_up_any_key(later(1), None)));
    assert!(waiting(store.look_up_unknown_key("b", 1, later(1), None)).is_some());
    fetch(&store, &["a"], later(2));
    fetch(&store, &["a", "b"], later(3));
    assert!(has_changed(store.look_up_unknown_key(
        "b",
        1,
        later(4),
        None
    )));
    assert!(
        store
            .look_up_newer_keys(1, later(4), None)
            .is_some_and(has_changed)
    );
    assert!(!has_changed(store.look_up_unknown_key(
        "c",
        2,
        later(4),
        None
    )));
}
