//! Tokens that ask while fetches end.

use std::sync::Barrier;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::Instant;

use super::KeyStore;
use super::desk::{Desk, Wait};
use crate::jwks::error::FetchError;
use crate::jwks::key_set::KeySet;
use crate::jwks::ledger::Purpose;
use crate::jwks::source::{KeyAddress, KeySource, Transport};

const ROUNDS: usize = 5_000;

fn store(now: Instant) -> KeyStore {
    let address = KeyAddress::parse("http://127.0.0.1:1/keys", Transport::Https);
    KeyStore::new(KeySource::Uri(address.expect("is an address")), now)
}

fn fetch(store: &KeyStore, key_ids: &[&str], now: Instant) {
    let keys: Vec<String> = key_ids
        .iter()
        .map(|key_id| format!(r#"{{"kid":"{key_id}","kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}"#))
        .collect();
    let set = KeySet::parse(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes());
    let (started, _) = store.begin(now, Purpose::Refresh);
    let next = now + Duration::from_secs(300);
    store.succeed(
        Some(set.expect("is a set")),
        started,
        Duration::from_secs(3600),
        next,
    );
}

fn waiting(desk: Desk<'_>) -> Option<Wait<'_>> {
    match desk {
        Desk::Wait(wait) => Some(wait),
        Desk::Answer(_) | Desk::JudgeAgain => None,
    }
}

/// A fetch ends while a token asks for it. Whichever comes first, the token waits for the fetch that it was told
/// of: it neither hears of one that had ended before, nor misses the end of its own.
fn race(ask: impl for<'a> Fn(&'a KeyStore, Instant) -> Option<Wait<'a>>) {
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
                store.fail(FetchError::Internal, asked, None);
            });
            start.wait();
            ask(&store, asked)
        });
        let Some(wait) = wait else { continue };
        let heard = wait.completions.has_changed().expect("the store lives");
        let waits_for_another = store.ledger().is_in_flight();
        assert_eq!(heard, !waits_for_another);
    }
}

#[test]
fn a_token_with_an_unknown_key_hears_of_the_fetch_that_it_waits_for() {
    race(|store, now| waiting(store.ask_for_unknown_key("k", 1, now)));
}

#[test]
fn a_token_that_asks_once_more_hears_of_the_fetch_that_it_waits_for() {
    race(|store, now| store.ask_once_more(1, now).and_then(waiting));
}

#[tokio::test]
async fn an_empty_set_is_believed_and_is_not_the_first_keys() {
    let now = Instant::now();
    let store = store(now);
    let mut first_keys = std::pin::pin!(store.first_keys());
    fetch(&store, &[], now);
    assert!(first_keys.as_mut().now_or_never().is_none());
    assert!(!store.has_keys(now));
    fetch(&store, &["a"], now);
    assert!(first_keys.now_or_never().is_some());
    assert!(store.has_keys(now));
}

/// The keys came between a token's judgement and its question: what the ledger says is of those, not of the ones that
/// it was judged by.
#[test]
fn a_token_that_was_judged_by_older_keys_is_judged_again() {
    let began = Instant::now();
    let store = store(began);
    let later = |seconds| began + Duration::from_secs(seconds);
    let judge_again = |desk| matches!(desk, Desk::JudgeAgain);
    fetch(&store, &["a"], began);
    assert!(judge_again(store.ask_for_any_keys(later(1))));
    assert!(waiting(store.ask_for_unknown_key("b", 1, later(1))).is_some());
    fetch(&store, &["a"], later(2));
    fetch(&store, &["a", "b"], later(3));
    assert!(judge_again(store.ask_for_unknown_key("b", 1, later(4))));
    assert!(store.ask_once_more(1, later(4)).is_some_and(judge_again));
    assert!(!judge_again(store.ask_for_unknown_key("c", 2, later(4))));
}
