//! Keeps one issuer's keys fresh: ahead of their age, when a token needs another key, and again after a failure.

use std::hash::{BuildHasher as _, RandomState};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::Instant;

use crate::jwks::error::FetchError;
use crate::jwks::fetch::{Fetched, Fetcher, Http, Purpose};
use crate::jwks::key_set::KeySet;
use crate::jwks::source::{FetchSettings, KeySource};
use crate::jwks::store::KeyStore;
use crate::telemetry::traces::{Kind, Traces};

/// A server's `max-age` shortens the time between refreshes, but never to less than this.
const SHORTEST_MAX_AGE: Duration = Duration::from_secs(30);

/// The longest time between two attempts while the issuer fails, unless `refresh` is shorter.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// `Retry-After` is obeyed up to this.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// So many keys that are set aside are told of one by one.
const MOST_TOLD: usize = 8;

/// The one who fetches for one store.
pub struct Refresher {
    store: Arc<KeyStore>,
    fetcher: Fetcher,
    settings: FetchSettings,
    failures: u32,
    traces: Traces,
}

impl Refresher {
    /// A refresher for that store.
    pub fn new(
        store: Arc<KeyStore>,
        settings: FetchSettings,
        http: Http,
        traces: Traces,
    ) -> Refresher {
        let fetcher = Fetcher::new(store.source(), &settings, http);
        Refresher {
            store,
            fetcher,
            settings,
            failures: 0,
            traces,
        }
    }

    /// Fetches at once and from then on, until its owner drops it.
    pub async fn run(mut self) {
        let mut purpose = Purpose::Refresh;
        loop {
            let next_attempt = self.attempt(purpose).await;
            tokio::select! {
                () = tokio::time::sleep_until(next_attempt) => purpose = Purpose::Refresh,
                () = self.store.demanded() => purpose = Purpose::Demand,
            }
        }
    }

    async fn attempt(&mut self, purpose: Purpose) -> Instant {
        let began = Instant::now();
        let started = self.store.begin(began);
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
                    let keys = i64::try_from(key_set.keys().len()).unwrap_or(i64::MAX);
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
        if let Some(key_set) = &fetched.key_set {
            tell_of(key_set, source);
        }
        let next_attempt =
            now + refresh_delay(self.settings.refresh, fetched.max_age, random_fraction());
        self.store.succeed(
            fetched.key_set,
            started,
            self.settings.max_stale,
            next_attempt,
        );
        next_attempt
    }

    fn fail(&mut self, error: FetchError, now: Instant) -> Instant {
        self.failures = self.failures.saturating_add(1);
        tracing::warn!(source = %self.store.source(), %error, failures = self.failures, "fetching keys failed");
        let asked = error
            .retry_after()
            .map(|asked| asked.min(LONGEST_RETRY_AFTER));
        let backoff = retry_delay(self.failures, self.settings.refresh, random_fraction());
        let next_attempt = now + backoff.max(asked.unwrap_or_default());
        self.store
            .fail(error, next_attempt, asked.map(|asked| now + asked));
        next_attempt
    }
}

/// Says what the issuer should set right. The issuer decides how many keys there are, not how much is logged.
fn tell_of(key_set: &KeySet, source: &KeySource) {
    if key_set.keys().is_empty() {
        tracing::error!(%source, "the issuer publishes an empty key set: none of its tokens can be admitted");
    }
    let published = key_set.published_private_keys();
    if published > 0 {
        tracing::error!(%source, keys = published, "the issuer publishes private keys: whoever reads them can make its tokens");
    }
    for aside in key_set.set_aside().iter().take(MOST_TOLD) {
        tracing::warn!(%source, reason = %aside.reason, "a key of the set is set aside");
    }
    let untold = key_set.set_aside().len().saturating_sub(MOST_TOLD);
    if untold > 0 {
        tracing::warn!(%source, keys = untold, "further keys of the set are set aside");
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
mod tests {
    use std::time::Duration;

    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::{refresh_delay, retry_delay, tell_of};
    use crate::jwks::key_set::KeySet;
    use crate::jwks::source::KeySource;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("is whole").write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn told_of(text: &str) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        let set = KeySet::parse(text.as_bytes()).expect("is a set");
        let source = KeySource::File("keys.json".into());
        tracing::subscriber::with_default(subscriber, || tell_of(&set, &source));
        let lines = lines.0.lock().expect("is whole");
        String::from_utf8_lossy(&lines).into_owned()
    }

    const KEY: &str =
        r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;

    #[test]
    fn a_set_of_very_many_bad_keys_fills_no_log() {
        let told = told_of(&format!("{{\"keys\":[{{{KEY}}}{}]}}", ",0".repeat(100_000)));
        assert_eq!(told.lines().count(), 9, "{told}");
        assert!(told.contains("keys=99992"), "{told}");
    }

    #[test]
    fn a_published_private_key_is_told_of_and_not_shown() {
        let told = told_of(&format!(
            r#"{{"keys":[{{{KEY},"d":"c2VjcmV0"}},{{{KEY}}}]}}"#
        ));
        assert!(
            told.contains("ERROR") && told.contains("private keys"),
            "{told}"
        );
        assert!(
            told.contains("keys=1") && !told.contains("c2VjcmV0"),
            "{told}"
        );
        assert_eq!(told_of(&format!(r#"{{"keys":[{{{KEY}}}]}}"#)), "");
    }

    fn seconds(delay: Duration) -> f64 {
        (delay.as_secs_f64() * 1000.0).round() / 1000.0
    }

    #[test]
    fn a_refresh_comes_ahead_of_the_age() {
        let five_minutes = Duration::from_secs(300);
        let delay = |max_age: Option<u64>, fraction| {
            seconds(refresh_delay(
                five_minutes,
                max_age.map(Duration::from_secs),
                fraction,
            ))
        };
        assert_eq!(delay(None, 0.0), 240.0);
        assert_eq!(delay(None, 1.0), 285.0);
        assert_eq!(delay(Some(100), 0.0), 80.0);
        assert_eq!(delay(Some(0), 1.0), 28.5, "never under 30 s of age");
        assert_eq!(delay(Some(86_400), 0.0), 240.0, "the shorter one wins");
        assert_eq!(
            seconds(refresh_delay(
                Duration::from_secs(10),
                Some(Duration::ZERO),
                0.0
            )),
            8.0
        );
    }

    #[test]
    fn retries_back_off_up_to_a_bound() {
        let five_minutes = Duration::from_secs(300);
        let delays: Vec<f64> = [1, 2, 3, 7, 8, 1000]
            .map(|failures| seconds(retry_delay(failures, five_minutes, 0.5)))
            .to_vec();
        assert_eq!(delays, [1.0, 2.0, 4.0, 60.0, 60.0, 60.0]);
        assert_eq!(seconds(retry_delay(1, five_minutes, 0.0)), 0.75);
        assert_eq!(seconds(retry_delay(9, Duration::from_secs(10), 0.5)), 10.0);
    }
}
