//! A thousand issuers at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::scripted::{Reply, Source, pass, settings, store};
use crate::jwks::refresher::Refresher;
use crate::jwks::store::KeyStore;

const MANY: usize = 1000;
const AT_A_TIME: usize = 32;

/// So many issuers of one source, and one more of another, the last in line.
fn line(many: &Source, last: &Source) -> (Arc<KeyStore>, JoinSet<()>) {
    let turns = Arc::new(Semaphore::new(AT_A_TIME));
    let mut refreshing = JoinSet::new();
    for _ in 0..MANY {
        let refresher = Refresher::new(store(), many.clone(), settings(), turns.clone());
        refreshing.spawn(refresher.run());
    }
    let store = store();
    let refresher = Refresher::new(store.clone(), last.clone(), settings(), turns);
    refreshing.spawn(refresher.run());
    (store, refreshing)
}

#[tokio::test(start_paused = true)]
async fn their_first_fetches_do_not_all_begin_at_once() {
    let many = Source::of(&[("a", 0)]);
    many.replies(Reply::Set {
        after: Duration::from_millis(50),
        max_age: None,
    });
    let (_, _refreshing) = line(&many, &many);
    pass(60.0).await;
    assert_eq!(many.asked().len(), MANY + 1);
    assert_eq!(many.most_in_flight(), AT_A_TIME);
}

#[tokio::test(start_paused = true)]
async fn those_that_hang_hold_up_the_last_in_line_for_seconds_at_most() {
    let hung = Source::of(&[]);
    hung.replies(Reply::Hang);
    let good = Source::of(&[("a", 0)]);
    let began = Instant::now();
    let (last, _refreshing) = line(&hung, &good);
    last.first_keys().await;
    let waited = began.elapsed();
    assert!(waited <= Duration::from_secs(4), "{waited:?}");
    // Tokens of the last were told to wait all the while, and once it has keys nobody else's fetch is in its way.
    pass(600.0).await;
    assert!(good.asked().len() >= 3);
}

#[tokio::test(start_paused = true)]
async fn their_refreshes_are_spread() {
    let many = Source::of(&[("a", 0)]);
    let (_, _refreshing) = line(&many, &many);
    let began = Instant::now();
    pass(299.0).await;
    let mut in_one_second: HashMap<u64, usize> = HashMap::new();
    let refreshes = many.asked().into_iter().skip(MANY + 1);
    for asked in refreshes {
        *in_one_second.entry((asked - began).as_secs()).or_default() += 1;
    }
    assert_eq!(in_one_second.values().sum::<usize>(), MANY + 1);
    // 22 on average; all of them at once were 1,001.
    let most = in_one_second.values().max();
    assert!(most < Some(&80), "{in_one_second:?}");
}
