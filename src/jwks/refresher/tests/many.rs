//! A thousand issuers at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use accredit_core::keys::store::KeyStore;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::scripted::{Reply, ScriptedSource, pass, settings, store};
use crate::jwks::refresher::Refresher;

const MANY: usize = 1000;
const MAX_FIRST_FETCHES: usize = 32;

/// [`MANY`] issuers with one source, and a last one with another.
fn line(many: &ScriptedSource, last: &ScriptedSource) -> (Arc<KeyStore>, JoinSet<()>) {
    let first_fetches = Arc::new(Semaphore::new(MAX_FIRST_FETCHES));
    let mut refreshing = JoinSet::new();
    for _ in 0..MANY {
        let refresher = Refresher::new(store(), many.clone(), settings(), first_fetches.clone());
        refreshing.spawn(refresher.run());
    }
    let store = store();
    let refresher = Refresher::new(store.clone(), last.clone(), settings(), first_fetches);
    refreshing.spawn(refresher.run());
    (store, refreshing)
}

#[tokio::test(start_paused = true)]
async fn first_fetches_of_many_issuers_start_32_at_a_time() {
    let many = ScriptedSource::of(&[("a", 0)]);
    many.replies(Reply::Set {
        after: Duration::from_millis(50),
        max_age: None,
    });
    let (_, _refreshing) = line(&many, &many);
    pass(60.0).await;
    assert_eq!(many.request_times().len(), MANY + 1);
    assert_eq!(many.most_in_flight(), MAX_FIRST_FETCHES);
}

#[tokio::test(start_paused = true)]
async fn issuers_that_hang_delay_the_first_fetch_of_others_by_seconds_only() {
    let hung = ScriptedSource::of(&[]);
    hung.replies(Reply::Hang);
    let good = ScriptedSource::of(&[("a", 0)]);
    let began = Instant::now();
    let (last, _refreshing) = line(&hung, &good);
    last.until(|store| store.has_keys(Instant::now().into_std()))
        .await;
    let waited = began.elapsed();
    assert!(waited <= Duration::from_secs(4), "{waited:?}");
    pass(600.0).await;
    assert!(good.request_times().len() >= 3);
}

#[tokio::test(start_paused = true)]
async fn refreshes_are_spread_over_time() {
    let many = ScriptedSource::of(&[("a", 0)]);
    let (_, _refreshing) = line(&many, &many);
    let began = Instant::now();
    pass(299.0).await;
    let mut in_one_second: HashMap<u64, usize> = HashMap::new();
    let refreshes = many.request_times().into_iter().skip(MANY + 1);
    for asked in refreshes {
        *in_one_second.entry((asked - began).as_secs()).or_default() += 1;
    }
    assert_eq!(in_one_second.values().sum::<usize>(), MANY + 1);
    // 22 on average; all of them at once were 1,001.
    let most = in_one_second.values().max();
    assert!(most < Some(&80), "{in_one_second:?}");
}
