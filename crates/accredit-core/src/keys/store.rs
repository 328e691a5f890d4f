//! The keys of one issuer entry: an immutable snapshot that checks read without a lock, and the results of its fetches.

use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use event_listener::Event;

use crate::keys::key_set::KeySet;
use crate::keys::ledger::{Ledger, Purpose};
use crate::keys::sharing::{FetchedWith, KeyHolder};
use crate::keys::source::KeySource;
use crate::keys::store::snapshot::Snapshot;
use crate::trace::TraceParent;

pub mod lookup;
pub mod replacement;
pub mod snapshot;

/// The keys of one issuer entry.
pub struct KeyStore {
    source: KeySource,
    created: Instant,
    snapshot: ArcSwapOption<Snapshot>,
    /// The key set of the latest fetch of this store. An answer "not modified" confirms this set. The held set can come
    /// from another store.
    fetched: Mutex<Option<Arc<KeySet>>>,
    siblings: Siblings,
    /// The key set that the store held when it was released, to be saved.
    held_last: Mutex<Option<Arc<Snapshot>>>,
    ledger: Mutex<Ledger>,
    last_failure: Mutex<Option<FetchFailure>>,
    /// Notified under the ledger's lock when a fetch has ended and when keys were restored, and at the release.
    changed: Event,
    /// Whether the last lease was dropped. Results of fetches are ignored from then on.
    is_released: AtomicBool,
    /// How often the store got keys from another store or from a file while it had none.
    supplied: AtomicU64,
    /// Whether inherited keys are at least as new as those that were saved for the entry.
    saved_is_older: AtomicBool,
    /// Notified when the refresher has to run a fetch before the next one is due.
    demand: Event,
    waiting_for_unknown_key: AtomicUsize,
    waiting_for_second_verification: AtomicUsize,
    succeeded: AtomicU64,
    failed: AtomicU64,
}

/// The stores of entries that have one source. A key set that one of them fetches replaces the older ones of the others
/// that may use it: a key that is absent from a newly fetched set stops admitting at once (CONTRACT 5.6.1), whichever
/// entry's fetch that was.
pub(in crate::keys) type Siblings = Arc<Mutex<Vec<Sibling>>>;

/// A store of a source, its entry, and how long a key set verifies its tokens.
pub(in crate::keys) struct Sibling {
    store: Weak<KeyStore>,
    holder: KeyHolder,
    serves_for: Duration,
}

/// Why a fetch failed, for the operator.
pub(crate) type FetchFailure = Arc<dyn Error + Send + Sync>;

/// The state of a store, for the operator.
#[derive(Debug)]
pub struct Status {
    /// The keys that verify tokens now.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The time until the next attempt. `None` if the keys are never fetched.
    pub next_attempt: Option<Duration>,
    /// Why the latest attempt failed; `None` if it succeeded.
    pub last_error: Option<FetchFailure>,
}

// === impl KeyStore ===

impl KeyStore {
    /// A store for that source. It has no keys until the first fetch, unless the configuration contains them.
    pub fn new(source: KeySource, now: Instant) -> KeyStore {
        let snapshot = match &source {
            KeySource::Inline(key_set) => Some(Arc::new(Snapshot {
                key_set: key_set.clone(),
                generation: 1,
                confirmed: now,
                fetched_with: FetchedWith::OwnCredentials,
                serves_until: None,
            })),
            KeySource::Uri(_) | KeySource::Discovery { .. } | KeySource::File(_) => None,
        };
        KeyStore {
            source,
            created: now,
            snapshot: ArcSwapOption::new(snapshot),
            fetched: Mutex::new(None),
            siblings: Siblings::default(),
            held_last: Mutex::new(None),
            ledger: Mutex::new(Ledger::new(now)),
            last_failure: Mutex::new(None),
            changed: Event::new(),
            is_released: AtomicBool::new(false),
            supplied: AtomicU64::new(0),
            saved_is_older: AtomicBool::new(false),
            demand: Event::new(),
            waiting_for_unknown_key: AtomicUsize::new(0),
            waiting_for_second_verification: AtomicUsize::new(0),
            succeeded: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    /// A store that exchanges key sets with these, once it has joined them.
    pub(in crate::keys) fn among(self, siblings: Siblings) -> KeyStore {
        KeyStore { siblings, ..self }
    }

    /// The stores that exchange key sets with this one.
    pub(in crate::keys) fn siblings(&self) -> Siblings {
        self.siblings.clone()
    }

    pub fn source(&self) -> &KeySource {
        &self.source
    }

    /// When the store was made.
    pub fn created(&self) -> Instant {
        self.created
    }

    /// The keys that verify tokens at `now`: not an empty set, and not keys older than `max_stale`.
    pub fn usable(&self, now: Instant) -> Option<Arc<Snapshot>> {
        self.snapshot
            .load_full()
            .filter(|snapshot| snapshot.serves_at(now))
    }

    /// The keys that were last confirmed, even if they no longer verify tokens.
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

    /// The generation of the keys that verify tokens at `now`.
    pub fn usable_generation(&self, now: Instant) -> Option<u64> {
        let snapshot = self.snapshot.load();
        snapshot
            .as_ref()
            .filter(|snapshot| snapshot.serves_at(now))
            .map(|snapshot| snapshot.generation)
    }

    /// The time until the next attempt.
    pub(crate) fn until_next_attempt(&self, now: Instant) -> Duration {
        self.ledger().until_next_attempt(now)
    }

    /// Whether there is a key that verifies tokens at `now`.
    pub fn has_keys(&self, now: Instant) -> bool {
        self.usable(now).is_some()
    }

    /// Resolves when `is_done` holds, and in any case when the store is released. `is_done` is evaluated at once and each time
    /// a fetch has ended or keys were restored.
    pub async fn until(&self, is_done: impl Fn(&KeyStore) -> bool) {
        loop {
            let changed = self.changed.listen();
            if is_done(self) || self.is_released() {
                return;
            }
            changed.await;
        }
    }

    /// Resolves when the last lease was dropped: the store's refresher ends.
    pub async fn released(&self) {
        self.until(KeyStore::is_released).await;
    }

    /// Whether the last lease was dropped.
    pub fn is_released(&self) -> bool {
        self.is_released.load(Ordering::Acquire)
    }

    /// The last lease was dropped, so no configuration decides by this store any more. Cached tokens can keep the store in
    /// memory for a long time, so its key set is dropped once the refresher has taken it.
    pub(in crate::keys) fn release(&self) {
        self.is_released.store(true, Ordering::Release);
        let ledger = self.ledger();
        if let Some(held) = self.snapshot.swap(None) {
            *lock(&self.held_last) = Some(held);
        }
        *lock(&self.fetched) = None;
        drop(ledger);
        self.changed.notify(usize::MAX);
    }

    /// The key set that the store held when it was released.
    pub fn take_held_last(&self) -> Option<Arc<Snapshot>> {
        lock(&self.held_last).take()
    }

    /// Whether a fetch has ended, with whatever result, or none is needed.
    pub fn was_attempted(&self) -> bool {
        self.is_fixed() || self.ledger().completed() > 0
    }

    /// The state for the operator.
    pub fn status(&self, now: Instant) -> Status {
        Status {
            snapshot: self.usable(now),
            next_attempt: (!self.is_fixed()).then(|| self.until_next_attempt(now)),
            last_error: lock(&self.last_failure).clone(),
        }
    }

    /// Resolves when a check or the operator started a fetch that the refresher has to run before the next one is due.
    pub async fn demanded(&self) {
        loop {
            let demand = self.demand.listen();
            if self.ledger().is_in_flight() {
                return;
            }
            demand.await;
        }
    }

    /// Asks for a fetch, and resolves when it, or the one in flight, has ended. Resolves at once if the store is never fetched
    /// or was released.
    pub async fn refresh_now(&self, now: Instant) {
        while !self.is_fixed() && !self.is_released() {
            let (before, purpose) = {
                let mut ledger = self.ledger();
                let purpose = ledger.order(now);
                (ledger.completed(), purpose)
            };
            self.demand.notify(usize::MAX);
            self.until(|store| store.ledger().completed() > before)
                .await;
            // The fetch in flight may have begun for a token. Such a fetch does not run discovery, so another one follows.
            let asked_discovery = purpose > Purpose::Demand;
            if asked_discovery || !matches!(self.source, KeySource::Discovery { .. }) {
                return;
            }
        }
    }

    /// The trace of the first check that waited for the latest fetch that has ended.
    pub fn take_latest_trace(&self) -> Option<TraceParent> {
        self.ledger().take_latest_trace()
    }

    /// Whether the configuration contains the keys, so that they are never fetched.
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

/// A value is consistent even if a thread panicked under the lock, because each change assigns independent fields.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
