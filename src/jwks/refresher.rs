//! Keeps one issuer's keys fresh: ahead of their age, when a token needs another key, and again after a failure.

use std::hash::{BuildHasher as _, RandomState};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::file_watch::FileWatch;
use crate::jwks::error::FetchError;
use crate::jwks::fetch::{Fetch, Fetched, Fetcher, LONGEST_RETRY_AFTER, Purpose};
use crate::jwks::keeper::Keeper;
use crate::jwks::key_set::KeySet;
use crate::jwks::source::{FetchSettings, KeySource};
use crate::jwks::store::KeyStore;
use crate::telemetry::traces::{Kind, Traces};

/// A server's `max-age` shortens the time between refreshes, but never to less than this.
const SHORTEST_MAX_AGE: Duration = Duration::from_secs(30);

/// The longest time between two attempts while the issuer fails, unless `refresh` is shorter.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// So many keys that are set aside are told of one by one.
const MOST_TOLD: usize = 8;

/// A first fetch that takes longer gives its place to the next one, and goes on.
const LONGEST_TURN: Duration = Duration::from_millis(100);

/// So long a folder may take to give the last good keys, once the first fetch has failed.
const LONGEST_RESTORE: Duration = Duration::from_secs(5);

/// A file's folder that is never quiet is looked at all the same.
const LONGEST_UNREST: Duration = Duration::from_secs(1);

/// The one who fetches for one store.
pub struct Refresher<F = Fetcher> {
    store: Arc<KeyStore>,
    fetcher: F,
    settings: FetchSettings,
    failures: u32,
    traces: Traces,
    keeper: Option<Keeper>,
    turns: Arc<Semaphore>,
    watch: Option<FileWatch>,
    watch_failed: bool,
}

impl<F: Fetch> Refresher<F> {
    /// A refresher for that store. The first fetches of those that share `turns` begin so many at a time.
    pub fn new(
        store: Arc<KeyStore>,
        fetcher: F,
        settings: FetchSettings,
        turns: Arc<Semaphore>,
    ) -> Refresher<F> {
        Refresher {
            store,
            fetcher,
            settings,
            failures: 0,
            traces: Traces::default(),
            keeper: None,
            turns,
            watch: None,
            watch_failed: false,
        }
    }

    /// Keeps the last good keys, and begins with those of an earlier process.
    #[must_use]
    pub fn keeping(self, keeper: Option<Keeper>) -> Refresher<F> {
        Refresher { keeper, ..self }
    }

    /// Makes a span of each fetch.
    #[must_use]
    pub fn traced(self, traces: Traces) -> Refresher<F> {
        Refresher { traces, ..self }
    }

    /// Fetches at once and from then on, until its owner drops it.
    pub async fn run(mut self) {
        let mut next_attempt = self.begin().await;
        loop {
            let purpose = tokio::select! {
                () = tokio::time::sleep_until(next_attempt) => Purpose::Refresh,
                () = self.store.demanded() => Purpose::Demand,
                () = file_changed(self.watch.as_mut()) => Purpose::Refresh,
            };
            next_attempt = self.attempt(purpose).await;
        }
    }

    /// The first fetch, and beside it the look for kept keys, which neither waits for the other.
    async fn begin(&mut self) -> Instant {
        let (store, keeper) = (self.store.clone(), self.keeper.clone());
        let max_stale = self.settings.max_stale;
        let mut restoring = pin!(async move {
            if let Some(keeper) = keeper {
                keeper.restore(&store, max_stale).await;
            }
        });
        let store = self.store.clone();
        let mut fetching = pin!(self.first_attempt());
        tokio::select! {
            next_attempt = &mut fetching => {
                if store.usable(Instant::now()).is_none() {
                    // Whoever is that late is not worth more of the next attempt's time.
                    let _ = tokio::time::timeout(LONGEST_RESTORE, restoring).await;
                }
                next_attempt
            }
            () = &mut restoring => fetching.await,
        }
    }

    /// Tokens wait from now on; the fetch waits for its turn.
    async fn first_attempt(&mut self) -> Instant {
        self.store.begin(Instant::now(), Purpose::Refresh);
        let turns = self.turns.clone();
        // Never closed.
        let turn = turns.acquire().await;
        let mut attempt = pin!(self.attempt(Purpose::Refresh));
        tokio::select! {
            next_attempt = &mut attempt => next_attempt,
            () = tokio::time::sleep(LONGEST_TURN) => {
                drop(turn);
                attempt.await
            }
        }
    }

    async fn attempt(&mut self, purpose: Purpose) -> Instant {
        let began = Instant::now();
        let (started, purpose) = self.store.begin(began, purpose);
        self.watch_file();
        // A panic while reading what a server sent must not end the refreshes for good.
        let fetched = AssertUnwindSafe(self.fetcher.fetch(purpose))
            .catch_unwind()
            .await;
        let now = Instant::now();
        let fetched = fetched.unwrap_or(Err(FetchError::Fault));
        self.trace(&fetched, now.saturating_duration_since(began));
        match fetched {
            Ok(fetched) => self.succeed(fetched, started, now),
            Err(error) => self.fail(error, now),
        }
    }

    /// The span is made once the fetch has ended: only then is it known which check waited for it.
    fn trace(&self, fetched: &Result<Fetched, FetchError>, took: Duration) {
        let parent = self.store.take_waiting_trace().unwrap_or_default();
        let Some(mut span) = self.traces.begin("jwks.fetch", Kind::Client, &parent, took) else {
            return;
        };
        span.set("accredit.jwks.source", self.store.source().to_string());
        match fetched {
            Ok(fetched) => {
                span.set("accredit.jwks.result", "success");
                if let Some(key_set) = &fetched.key_set {
                    let keys = i64::try_from(key_set.key_set.keys().len()).unwrap_or(i64::MAX);
                    span.set("accredit.jwks.keys", keys);
                }
            }
            Err(error) => {
                span.set("accredit.jwks.result", "failure");
                span.fail(error.to_string());
            }
        }
        span.end();
    }

    fn succeed(&mut self, fetched: Fetched, started: Instant, now: Instant) -> Instant {
        self.failures = 0;
        let source = self.store.source();
        if let Some(fetched) = &fetched.key_set {
            tell_of(&fetched.key_set, source);
        }
        // An empty set refuses everyone, and is most likely a slip that is mended soon.
        let is_empty = fetched
            .key_set
            .as_ref()
            .is_some_and(|fetched| fetched.key_set.keys().is_empty());
        let max_age = if is_empty {
            Some(Duration::ZERO)
        } else {
            fetched.max_age
        };
        let next_attempt = now + refresh_delay(self.settings.refresh, max_age, random_fraction());
        let (key_set, text) = match fetched.key_set {
            Some(fetched) => (Some(fetched.key_set), Some(fetched.text)),
            None => (None, None),
        };
        let confirmed = self
            .store
            .succeed(key_set, started, self.settings.max_stale, next_attempt);
        if let (Some(keeper), Some(generation)) = (&mut self.keeper, confirmed) {
            keeper.keep(text, generation, started, now);
        }
        next_attempt
    }

    fn fail(&mut self, error: FetchError, now: Instant) -> Instant {
        self.failures = self.failures.saturating_add(1);
        let source = self.store.source();
        tracing::warn!(%source, issuer = source.issuer(), %error, failures = self.failures, "fetching keys failed");
        if matches!(error, FetchError::Unreadable(_)) {
            // The folder may be gone, and the watch with it.
            self.watch = None;
        }
        let asked = error
            .retry_after()
            .map(|asked| asked.min(LONGEST_RETRY_AFTER));
        let backoff = retry_delay(self.failures, self.settings.refresh, random_fraction());
        let next_attempt = now + backoff.max(asked.unwrap_or_default());
        self.store
            .fail(error, next_attempt, asked.map(|asked| now + asked));
        next_attempt
    }

    /// Before the file is read, so that no change is missed between the two.
    fn watch_file(&mut self) {
        let KeySource::File(file) = self.store.source() else {
            return;
        };
        if self.watch.is_some() {
            return;
        }
        match FileWatch::of(file) {
            Ok(watch) => {
                self.watch = Some(watch);
                self.watch_failed = false;
            }
            Err(error) if !self.watch_failed => {
                self.watch_failed = true;
                tracing::warn!(file = %file.display(), %error, "the folder of a key set cannot be watched; it is read again every `refresh` alone");
            }
            Err(_) => {}
        }
    }
}

async fn file_changed(watch: Option<&mut FileWatch>) {
    match watch {
        Some(watch) => watch.settled_within(LONGEST_UNREST).await,
        None => std::future::pending().await,
    }
}

/// Says what the issuer should set right. The issuer decides how many keys there are, not how much is logged.
fn tell_of(key_set: &KeySet, source: &KeySource) {
    let issuer = source.issuer();
    if key_set.keys().is_empty() {
        tracing::error!(%source, issuer, "the issuer publishes an empty key set: none of its tokens can be admitted");
    }
    let published = key_set.published_private_keys();
    if published > 0 {
        tracing::error!(%source, issuer, keys = published, "the issuer publishes private keys: whoever reads them can make its tokens");
    }
    for aside in key_set.set_aside().iter().take(MOST_TOLD) {
        tracing::warn!(%source, issuer, reason = %aside.reason, "a key of the set is set aside");
    }
    let untold = key_set.set_aside().len().saturating_sub(MOST_TOLD);
    if untold > 0 {
        tracing::warn!(%source, issuer, keys = untold, "further keys of the set are set aside");
    }
}

/// Ahead of the age, and not at the same moment in every replica.
fn refresh_delay(refresh: Duration, max_age: Option<Duration>, fraction: f64) -> Duration {
    let age = max_age.map_or(refresh, |max_age| {
        refresh.min(max_age.max(SHORTEST_MAX_AGE))
    });
    age.mul_f64(0.8 + 0.15 * fraction)
}

fn retry_delay(failures: u32, refresh: Duration, fraction: f64) -> Duration {
    let doubled = Duration::from_secs(1 << failures.saturating_sub(1).min(6));
    doubled
        .min(LONGEST_BACKOFF)
        .min(refresh)
        .mul_f64(0.75 + 0.5 * fraction)
}

fn random_fraction() -> f64 {
    // Each `RandomState` is keyed anew; spreading load needs no better chance than that.
    (RandomState::new().hash_one(0_u8) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests;
