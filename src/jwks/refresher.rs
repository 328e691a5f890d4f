//! Refreshes the keys of one issuer entry: before their age reaches `refresh`, when a token needs another key, and
//! again after a failure.

use std::convert::Infallible;
use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use accredit_core::keys::ledger::Purpose;
use accredit_core::keys::source::FetchSettings;
use accredit_core::keys::store::KeyStore;
use accredit_core::keys::store::replacement::Unconfirmed;
use futures_util::FutureExt as _;
use futures_util::future::OptionFuture;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::jwks::error::FetchError;
use crate::jwks::fetcher::{Fetch, FetchedKeySet, FetchedKeys, Fetcher};
use crate::jwks::key_report::KeyReport;
use crate::jwks::key_saver::KeySaver;
use crate::jwks::refresher::delay::{random_fraction, refresh_delay, retry_delay};
use crate::jwks::refresher::fetch_span::FetchOutcome;
use crate::jwks::refresher::key_file::KeyFileWatch;
use crate::supervision::keep_running;
use crate::telemetry::traces::Traces;

pub mod delay;
mod fetch_span;
mod first_attempt;
pub mod key_file;

/// The time limit for writing the last key set of a released store. A slow disk must not keep the task alive.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Fetches for one store.
pub struct Refresher<F = Fetcher> {
    store: Arc<KeyStore>,
    fetcher: F,
    settings: FetchSettings,
    /// The failures since the latest success.
    failures: u32,
    reported: Option<KeyReport>,
    traces: Traces,
    saver: Option<KeySaver>,
    first_fetches: Arc<Semaphore>,
    watch: KeyFileWatch,
    has_begun: bool,
}

impl<F: Fetch> Refresher<F> {
    /// A refresher for that store. `first_fetches` limits how many first fetches begin at the same time.
    pub fn new(
        store: Arc<KeyStore>,
        fetcher: F,
        settings: FetchSettings,
        first_fetches: Arc<Semaphore>,
    ) -> Refresher<F> {
        Refresher {
            store,
            fetcher,
            settings,
            failures: 0,
            reported: None,
            traces: Traces::default(),
            saver: None,
            first_fetches,
            watch: KeyFileWatch::default(),
            has_begun: false,
        }
    }

    /// Restores the keys that an earlier process saved, and saves those that are confirmed.
    #[must_use]
    pub fn saving(self, saver: Option<KeySaver>) -> Refresher<F> {
        Refresher { saver, ..self }
    }

    /// Makes a span of each fetch.
    #[must_use]
    pub fn traced(self, traces: Traces) -> Refresher<F> {
        Refresher { traces, ..self }
    }

    /// Fetches at once, and then refreshes until the store is released. At the release, a fetch in flight is abandoned,
    /// and the last key set is written, because the older file can contain keys that the issuer has withdrawn.
    ///
    /// From this call on, checks wait for the first fetch, also before a thread has run the future: with a new configuration inside
    /// Envoy, requests come at once.
    pub fn run(self) -> impl Future<Output = ()> + Send + use<F> {
        self.store
            .begin(Instant::now().into_std(), Purpose::Refresh);
        self.refresh_until_released()
    }

    async fn refresh_until_released(mut self) {
        let store = self.store.clone();
        let writer = self.saver.as_ref().map(KeySaver::writer);
        let mut writer = pin!(OptionFuture::from(writer));
        tokio::select! {
            biased;
            () = store.released() => {}
            never = keep_running("key refresh", &mut self, |own| own.refresh().boxed()) => match never {},
            // The writer does not end before the saver is dropped.
            Some(()) = &mut writer => {}
        }
        let held_last = store.take_held_last();
        if let (Some(saver), Some(held)) = (&mut self.saver, held_last) {
            saver.save(&held, Instant::now());
        }
        drop(self);
        if tokio::time::timeout(FLUSH_TIMEOUT, writer).await.is_err() {
            tracing::warn!(
                source = %store.source(),
                "the last key set of a former configuration is not saved: state_dir is too slow"
            );
        }
    }

    async fn refresh(&mut self) -> Infallible {
        let mut next_attempt = match std::mem::replace(&mut self.has_begun, true) {
            false => self.begin().await,
            true => {
                // After a panic, the key set that was fetched last may not be in use.
                self.fetcher.forget();
                self.attempt(Purpose::Refresh).await
            }
        };
        loop {
            let purpose = tokio::select! {
                () = tokio::time::sleep_until(next_attempt) => Purpose::Refresh,
                () = self.store.demanded() => Purpose::Demand,
                () = self.watch.changed() => Purpose::Refresh,
                () = supplied(&self.store, self.saver.as_ref()) => {
                    self.save(Instant::now());
                    continue;
                }
            };
            next_attempt = self.attempt(purpose).await;
        }
    }

    async fn attempt(&mut self, purpose: Purpose) -> Instant {
        let began = Instant::now();
        let (started, purpose) = self.store.begin(began.into_std(), purpose);
        let started = Instant::from_std(started);
        self.watch.begin(self.store.source());
        // A panic while an answer is read must not end the refreshes.
        let fetched = AssertUnwindSafe(self.fetcher.fetch(purpose))
            .catch_unwind()
            .await;
        let now = Instant::now();
        let fetched = fetched.unwrap_or(Err(FetchError::Internal));
        let mut outcome = FetchOutcome::of(&fetched);
        let next_attempt = match fetched {
            Ok(fetched) => match self.succeed(fetched, started, now) {
                Ok(next_attempt) => next_attempt,
                Err(unconfirmed) => {
                    outcome = FetchOutcome::Failed(unconfirmed.to_string());
                    self.retry(unconfirmed, None, now)
                }
            },
            Err(error) => self.fail(error, now),
        };
        fetch_span::make(&self.traces, &self.store, outcome, began.elapsed());
        next_attempt
    }

    /// Holds the fetched keys, and plans the next refresh.
    ///
    /// # Errors
    /// [`Unconfirmed`]: the answer is of no use, and the fetch counts as failed.
    fn succeed(
        &mut self,
        fetched: FetchedKeys,
        started: Instant,
        now: Instant,
    ) -> Result<Instant, Unconfirmed> {
        let FetchedKeys { key_set, max_age } = fetched;
        let report = key_set
            .as_ref()
            .map(|fetched| KeyReport::of(&fetched.key_set));
        if let Some(report) = report
            && self.reported.as_ref() != Some(&report)
        {
            report.log(self.store.source());
            self.reported = Some(report);
        }
        // An empty set refuses every token, and is probably a mistake that is corrected soon.
        let is_empty = match &key_set {
            Some(fetched) => fetched.key_set.keys().is_empty(),
            None => {
                let confirmed = self.store.last_fetched();
                confirmed.is_some_and(|key_set| key_set.keys().is_empty())
            }
        };
        let max_age = if is_empty {
            Some(Duration::ZERO)
        } else {
            max_age
        };
        let next_attempt = now + refresh_delay(self.settings.refresh, max_age, random_fraction());
        let is_saved = self.saver.is_some();
        let key_set = key_set.map(|FetchedKeySet { key_set, text }| {
            if is_saved {
                key_set.with_text(&text)
            } else {
                key_set
            }
        });
        let max_stale = self.settings.max_stale;
        self.store.succeed(
            key_set,
            started.into_std(),
            max_stale,
            next_attempt.into_std(),
        )?;
        self.failures = 0;
        self.save(now);
        Ok(next_attempt)
    }

    /// Saves the held key set, whether this refresher fetched it, or another one of the same source.
    fn save(&mut self, now: Instant) {
        if let (Some(saver), Some(held)) = (&mut self.saver, self.store.held()) {
            saver.save(&held, now);
        }
    }

    fn fail(&mut self, error: FetchError, now: Instant) -> Instant {
        if matches!(error, FetchError::File { .. }) {
            // The folder may have been removed, which also ends its watch.
            self.watch.end();
        }
        // `Retry-After` is obeyed for at most `refresh` (CONTRACT 5.5.3). With a longer pause, a withdrawn key would
        // continue to verify tokens.
        let retry_after = error
            .retry_after()
            .map(|asked| asked.min(self.settings.refresh));
        self.retry(error, retry_after, now)
    }

    /// Reports a failed fetch, and plans the next one: at `retry_after` at the earliest.
    fn retry(
        &mut self,
        error: impl Error + Send + Sync + 'static,
        retry_after: Option<Duration>,
        now: Instant,
    ) -> Instant {
        self.failures = self.failures.saturating_add(1);
        let backoff = retry_delay(self.failures, self.settings.refresh, random_fraction());
        let retry_in = backoff.max(retry_after.unwrap_or_default());
        let source = self.store.source();
        tracing::warn!(
            %source, issuer = source.issuer(), %error, failures = self.failures, ?retry_in,
            "key refresh failed"
        );
        let next_attempt = now + retry_in;
        let retry_after_until = retry_after.map(|asked| now + asked);
        self.store.fail(
            Arc::new(error),
            next_attempt.into_std(),
            retry_after_until.map(Instant::into_std),
        );
        next_attempt
    }
}

/// Resolves when another store of the same source brought a key set that is to be saved.
async fn supplied(store: &KeyStore, saver: Option<&KeySaver>) {
    let Some(saver) = saver else {
        return std::future::pending().await;
    };
    let is_due = |store: &KeyStore| {
        let held = store.held();
        held.is_some_and(|held| saver.is_due(&held, Instant::now()))
    };
    store.until(is_due).await;
    if store.is_released() {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests;
