//! The keys of one issuer entry: an immutable snapshot that checks read without a lock, and how its fetches went.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::jwks::error::FetchError;
use crate::jwks::ledger::{Completed, Ledger, Purpose};
use crate::jwks::source::KeySource;
use crate::jwks::store::snapshot::Snapshot;
use crate::telemetry::traces::Parent;

pub mod desk;
pub mod replacement;
pub mod snapshot;

/// The keys of one issuer entry.
pub struct KeyStore {
    source: KeySource,
    snapshot: ArcSwapOption<Snapshot>,
    ledger: Mutex<Ledger>,
    last_error: Mutex<Option<FetchError>>,
    completions: watch::Sender<Option<Completed>>,
    /// Whether keys came from disk; no fetch ends with that, so it is told apart.
    restored: watch::Sender<bool>,
    demand: Notify,
    waiting_for_keys: AtomicUsize,
    waiting_once_more: AtomicUsize,
    succeeded: AtomicU64,
    failed: AtomicU64,
    /// The trace of the first check that waits for the fetch in flight.
    waiting_trace: Mutex<Option<Parent>>,
}

/// The state of a store, for those who watch.
#[derive(Debug)]
pub struct Status {
    /// The set that may serve.
    pub snapshot: Option<Arc<Snapshot>>,
    /// Until the next attempt; absent where there are no attempts.
    pub next_attempt: Option<Duration>,
    /// Why the latest attempt failed, if it did.
    pub last_error: Option<FetchError>,
}

// === impl KeyStore ===

impl KeyStore {
    /// A store for that source, without keys unless they come with the configuration.
    pub fn new(source: KeySource, now: Instant) -> KeyStore {
        let snapshot = match &source {
            KeySource::Inline(key_set) => Some(Arc::new(Snapshot {
                key_set: key_set.clone(),
                generation: 1,
                confirmed: now,
                serves_until: None,
            })),
            KeySource::Uri(_) | KeySource::Discovery { .. } | KeySource::File(_) => None,
        };
        KeyStore {
            source,
            snapshot: ArcSwapOption::new(snapshot),
            ledger: Mutex::new(Ledger::new(now)),
            last_error: Mutex::new(None),
            completions: watch::Sender::new(None),
            restored: watch::Sender::new(false),
            demand: Notify::new(),
            waiting_for_keys: AtomicUsize::new(0),
            waiting_once_more: AtomicUsize::new(0),
            succeeded: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            waiting_trace: Mutex::new(None),
        }
    }

    /// Where the keys come from.
    pub fn source(&self) -> &KeySource {
        &self.source
    }

    /// The keys that may serve now: past their time they are none.
    pub fn usable(&self, now: Instant) -> Option<Arc<Snapshot>> {
        self.snapshot
            .load_full()
            .filter(|snapshot| snapshot.serves_at(now))
    }

    /// The keys that were last confirmed, even if they are too old to serve.
    pub fn held(&self) -> Option<Arc<Snapshot>> {
        self.snapshot.load_full()
    }

    /// How many fetches succeeded, and how many failed.
    pub fn fetches(&self) -> (u64, u64) {
        (
            self.succeeded.load(Ordering::Relaxed),
            self.failed.load(Ordering::Relaxed),
        )
    }

    /// The generation of the keys that may serve now.
    pub fn usable_generation(&self, now: Instant) -> Option<u64> {
        let snapshot = self.snapshot.load();
        snapshot
            .as_ref()
            .filter(|snapshot| snapshot.serves_at(now))
            .map(|snapshot| snapshot.generation)
    }

    /// Until the next attempt.
    pub fn until_next_attempt(&self, now: Instant) -> Duration {
        self.ledger().until_next_attempt(now)
    }

    /// Whether there is a key that may serve now: an empty set is believed, and is none.
    pub fn has_keys(&self, now: Instant) -> bool {
        self.usable(now).is_some()
    }

    /// Resolves once keys are held.
    pub async fn first_keys(&self) {
        let mut completions = self.completions.subscribe();
        let mut restored = self.restored.subscribe();
        while !self.has_keys(Instant::now()) {
            // Both senders live in `self`.
            tokio::select! {
                _ = completions.changed() => {}
                _ = restored.changed() => {}
            }
        }
    }

    /// Resolves once a fetch has ended, whatever came of it.
    pub async fn first_attempt(&self) {
        let mut completions = self.completions.subscribe();
        while !self.is_fixed() && completions.borrow_and_update().is_none() {
            if completions.changed().await.is_err() {
                return;
            }
        }
    }

    /// The state for those who watch.
    pub fn status(&self, now: Instant) -> Status {
        Status {
            snapshot: self.usable(now),
            next_attempt: (!self.is_fixed()).then(|| self.until_next_attempt(now)),
            last_error: lock(&self.last_error).clone(),
        }
    }

    /// Resolves when a fetch was begun by somebody who needs it before its time.
    pub(in crate::jwks) async fn demanded(&self) {
        loop {
            self.demand.notified().await;
            // A permit may be left from a fetch that has ended since.
            if self.ledger().is_in_flight() {
                return;
            }
        }
    }

    /// Asks for a fetch now, and resolves when it, or the one in flight, has ended.
    pub async fn refresh_now(&self) {
        while !self.is_fixed() {
            let (mut completions, purpose) = {
                let mut ledger = self.ledger();
                let purpose = ledger.order(Instant::now());
                (self.completions.subscribe(), purpose)
            };
            self.demand.notify_one();
            // The sender lives in `self`, so this ends with a completion only.
            let _ = completions.changed().await;
            // The one in flight was for a token's sake, which looks no address up; such ones are rare.
            let looks_anew = purpose > Purpose::Demand;
            if looks_anew || !matches!(self.source, KeySource::Discovery { .. }) {
                return;
            }
        }
    }

    /// The trace that the fetch which has just ended was waited for in.
    pub(in crate::jwks) fn take_waiting_trace(&self) -> Option<Parent> {
        lock(&self.waiting_trace).take()
    }

    /// Whether the keys came with the configuration, and are never fetched.
    pub fn is_fixed(&self) -> bool {
        matches!(self.source, KeySource::Inline(_))
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }
}

impl fmt::Debug for KeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyStore({})", self.source)
    }
}

/// A thread that panicked under the lock left a value that is still whole: each change is one assignment or more
/// of independent fields.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
