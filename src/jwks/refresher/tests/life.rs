//! One store over time: the times of its fetches, and the keys that verify tokens meanwhile.

use std::sync::Arc;
use std::time::Duration;

use accredit_core::keys::ledger::MissingKey;
use accredit_core::keys::store::KeyStore;
use accredit_core::keys::store::lookup::KeyLookup;
use accredit_test_support::panicking_log::PanickingLog;
use tokio::time::Instant;

use super::scripted::{GOOD, Given, RefreshedStore, Reply, ScriptedSource, pass, set, store};

const DAY: f64 = 24.0 * 60.0 * 60.0;

/// The pauses between the times when the source was asked, in seconds.
fn pauses(source: &ScriptedSource) -> Vec<f64> {
    let asked = source.request_times();
    asked
        .windows(2)
        .map(|two| (two[1] - two[0]).as_secs_f64())
        .collect()
}

fn serves(store: &KeyStore, keys: &[(&'static str, usize)]) -> bool {
    store
        .usable(Instant::now().into_std())
        .is_some_and(|snapshot| snapshot.key_set.judges_as(&set(keys)))
}

#[tokio::test(start_paused = true)]
async fn keys_are_refreshed_before_their_refresh_age_and_not_too_often() {
    for (max_age, bounds) in [
        (None, 240.0..=285.0),
        (Some(60), 48.0..=57.0),
        (Some(0), 24.0..=28.5),
        (Some(86_400), 240.0..=285.0),
    ] {
        let source = ScriptedSource::of(&[("a", 0)]);
        source.replies(Reply::Set {
            after: Duration::ZERO,
            max_age,
        });
        let _kept = RefreshedStore::from(&source, store());
        pass(3000.0).await;
        let pauses = pauses(&source);
        assert!(pauses.len() >= 9, "{pauses:?}");
        let inside = |pause: &f64| bounds.contains(&(pause - 0.001)) || bounds.contains(pause);
        assert!(pauses.iter().all(inside), "{max_age:?}: {pauses:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn failed_refreshes_are_retried_with_a_delay_of_up_to_a_minute() {
    for (reply, taken) in [
        (Reply::Status(500, None), 0.0),
        (Reply::Rubbish, 0.0),
        (Reply::Hang, 5.0),
        (Reply::Panic, 0.0),
    ] {
        let source = ScriptedSource::of(&[("a", 0)]);
        source.replies(reply.clone());
        let _kept = RefreshedStore::from(&source, store());
        pass(1200.0).await;
        let pauses = pauses(&source);
        for (number, pause) in pauses.iter().enumerate() {
            let doubled = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0][number.min(6)];
            let bounds = doubled * 0.75..=doubled * 1.25 + 0.01;
            assert!(bounds.contains(&(pause - taken)), "{reply:?}: {pauses:?}");
        }
        assert!(pauses.len() > 12, "{pauses:?}");
    }
}

/// CONTRACT 5.5.3: `Retry-After` is obeyed, for token-triggered fetches too, but for at most `refresh`.
#[tokio::test(start_paused = true)]
async fn retry_after_is_obeyed_for_at_most_refresh() {
    for (retry_after, bounds) in [
        (100, 100.0..=100.1),
        (3600, 300.0..=300.1),
        (604_800, 300.0..=300.1),
    ] {
        let source = ScriptedSource::of(&[("a", 0)]);
        let kept = RefreshedStore::from(&source, store());
        pass(1.0).await;
        source.replies(Reply::Status(429, Some(retry_after)));
        pass(299.0).await;
        assert_eq!(source.request_times().len(), 2);
        for number in 0..50 {
            let now = Instant::now();
            let lookup =
                kept.store
                    .look_up_unknown_key(&format!("z{number}"), 1, now.into_std(), None);
            let KeyLookup::Missing(MissingKey::Unavailable { retry_after }) = lookup else {
                panic!("no fetch starts for a token");
            };
            assert!(retry_after > Duration::from_secs(20));
        }
        pass(3600.0).await;
        let second = pauses(&source)[1];
        assert!(bounds.contains(&second), "{second}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_known_good_keys_verify_tokens_until_max_stale() {
    let source = ScriptedSource::of(&[("a", 0)]);
    let kept = RefreshedStore::from(&source, store());
    pass(1.0).await;
    source.replies(Reply::Hang);
    pass(DAY - 2.0).await;
    assert!(serves(&kept.store, &[("a", 0)]));
    pass(2.0).await;
    assert!(kept.store.usable(Instant::now().into_std()).is_none());
    source.replies(GOOD);
    pass(80.0).await;
    assert!(serves(&kept.store, &[("a", 0)]));
}

#[tokio::test(start_paused = true)]
async fn an_answer_304_confirms_the_held_keys() {
    let source = ScriptedSource::of(&[("a", 0)]);
    let kept = RefreshedStore::from(&source, store());
    pass(1.0).await;
    source.replies(Reply::Unchanged);
    pass(3.0 * DAY).await;
    assert!(serves(&kept.store, &[("a", 0)]));
    assert_eq!(
        kept.store.usable_generation(Instant::now().into_std()),
        Some(1)
    );
}

/// An empty set is probably a mistake that is corrected soon, also if the issuer answers "not modified".
#[tokio::test(start_paused = true)]
async fn an_empty_set_is_requested_again_soon_also_after_304() {
    let source = ScriptedSource::of(&[]);
    let _kept = RefreshedStore::from(&source, store());
    pass(1.0).await;
    source.replies(Reply::Unchanged);
    pass(600.0).await;
    let pauses = pauses(&source);
    assert!(pauses.len() >= 9, "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause < 30.0), "{pauses:?}");
}

/// The issuer answers "not modified" although this store has fetched nothing that it could confirm.
#[tokio::test(start_paused = true)]
async fn an_answer_that_confirms_nothing_is_retried_with_a_growing_delay() {
    let source = ScriptedSource::of(&[]);
    source.replies(Reply::Unchanged);
    let kept = RefreshedStore::from(&source, store());
    pass(600.0).await;
    let pauses = pauses(&source);
    assert!(
        pauses.first().is_some_and(|first| *first < 2.0),
        "{pauses:?}"
    );
    assert!(pauses.last().is_some_and(|last| *last > 40.0), "{pauses:?}");
    assert_eq!(kept.store.fetches().0, 0);
}

/// CONTRACT 5.3.8.
#[tokio::test(start_paused = true)]
async fn a_token_starts_a_fetch_at_once_and_the_next_after_the_cooldown() {
    let source = ScriptedSource::of(&[("a", 0)]);
    let kept = RefreshedStore::from(&source, store());
    pass(1.0).await;
    let began = Instant::now();
    source.has(&[("a", 0), ("b", 1)]);
    let KeyLookup::Wait(wait) = kept
        .store
        .look_up_unknown_key("b", 1, began.into_std(), None)
    else {
        panic!("waits");
    };
    tokio::time::timeout(Duration::from_secs(1), wait.ended())
        .await
        .expect("the fetch ends");
    assert!(serves(&kept.store, &[("a", 0), ("b", 1)]));
    let mut fetches = Vec::new();
    for number in 0..600 {
        pass(0.1).await;
        let now = Instant::now();
        let generation = kept
            .store
            .usable_generation(now.into_std())
            .expect("serves");
        let lookup =
            kept.store
                .look_up_unknown_key(&format!("z{number}"), generation, now.into_std(), None);
        if let KeyLookup::Wait(_) = lookup {
            fetches.push(now);
        }
    }
    let since: Vec<f64> = fetches
        .iter()
        .map(|now| (*now - began).as_secs_f64().round())
        .collect();
    assert_eq!(since, [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
}

/// Otherwise a request directly after a new configuration would be denied, although its keys are about to be fetched.
#[tokio::test(start_paused = true)]
async fn a_token_waits_for_the_first_fetch_before_the_refresher_has_run() {
    let kept = RefreshedStore::from(&ScriptedSource::of(&[("a", 0)]), store());
    let KeyLookup::Wait(wait) = kept.store.look_up_any_key(Instant::now().into_std(), None) else {
        panic!("waits");
    };
    wait.ended().await;
    assert!(serves(&kept.store, &[("a", 0)]));
}

/// Restored keys verify tokens from the start, and the first answer of the issuer replaces them at once.
#[tokio::test(start_paused = true)]
async fn keys_of_an_earlier_process_verify_tokens_until_the_issuer_answers() {
    let source = ScriptedSource::of(&[("b", 1)]);
    source.replies(Reply::Hang);
    let store = store();
    let kept = RefreshedStore::from(&source, store.clone());
    // Checks wait for the fetch in flight, and end their wait when keys are restored.
    pass(0.01).await;
    let waiting = {
        let KeyLookup::Wait(wait) = store.look_up_any_key(Instant::now().into_std(), None) else {
            panic!("waits");
        };
        wait
    };
    let age = Duration::from_secs(3600);
    let before = Instant::now();
    store.restore(
        Arc::new(set(&[("a", 0)])),
        age,
        Duration::from_secs(7200),
        before.into_std(),
    );
    store
        .until(|store| store.has_keys(Instant::now().into_std()))
        .await;
    waiting.ended().await;
    assert_eq!(Instant::now(), before, "neither has waited for the fetch");
    assert!(serves(&store, &[("a", 0)]));
    assert_eq!(store.usable_generation(before.into_std()), Some(0));

    pass(3599.0).await;
    assert!(serves(&store, &[("a", 0)]));
    pass(1.5).await;
    assert!(
        store.usable(Instant::now().into_std()).is_none(),
        "their time goes on"
    );
    source.replies(GOOD);
    pass(80.0).await;
    assert!(serves(&store, &[("b", 1)]));
    // Keys that are restored later than that are ignored.
    store.restore(
        Arc::new(set(&[("a", 0)])),
        Duration::ZERO,
        Duration::from_secs(7200),
        Instant::now().into_std(),
    );
    assert!(serves(&store, &[("b", 1)]));
    drop(kept);
}

#[tokio::test(start_paused = true)]
async fn a_restored_key_that_was_withdrawn_is_gone_after_the_first_fetch() {
    let source = ScriptedSource::of(&[("b", 1)]);
    let store = store();
    store.restore(
        Arc::new(set(&[("a", 0), ("b", 1)])),
        Duration::ZERO,
        Duration::from_secs(7200),
        Instant::now().into_std(),
    );
    source.gave_before(Given {
        asked: Instant::now(),
        keys: Vec::new(),
    });
    let kept = RefreshedStore::from(&source, store);
    pass(0.01).await;
    assert!(serves(&kept.store, &[("b", 1)]));
    assert_eq!(
        kept.store.usable_generation(Instant::now().into_std()),
        Some(1)
    );
}

/// The panic is outside the fetch: those of a fetch count as failed fetches.
#[tokio::test(start_paused = true)]
async fn a_refresher_that_panics_begins_again() {
    let (log, _guard) = PanickingLog::panicking_at("key refresh failed");
    let source = ScriptedSource::of(&[("a", 0)]);
    source.replies(Reply::Status(500, None));
    let kept = RefreshedStore::from(&source, store());
    pass(1.0).await;
    assert_eq!(log.count(&["a task panicked", "key refresh"]), 1);
    assert!(!serves(&kept.store, &[("a", 0)]));
    source.replies(GOOD);
    pass(10.0).await;
    assert!(serves(&kept.store, &[("a", 0)]));
    assert_eq!(source.request_times().len(), 2);
}
