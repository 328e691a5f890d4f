//! The keys of one issuer entry: an immutable snapshot that checks read without a lock, and the desk where a
//! token whose key is missing asks what to do.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::jwks::error::FetchError;
use crate::jwks::fetch::Purpose;
use crate::jwks::key_set::KeySet;
use crate::jwks::ledger::{Completed, Ledger, Outcome, Ruling};
use crate::jwks::source::KeySource;
use crate::telemetry::traces::Parent;

/// So many tokens may wait for one issuer's keys; as many again may wait to be judged once more.
pub const MAX_WAITERS: usize = 64;

/// The generation of keys from disk. Every fetched set that judges otherwise has a later one.
const RESTORED: u64 = 0;

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

/// A key set as it was last confirmed by its source.
#[derive(Debug)]
pub struct Snapshot {
    /// The keys.
    pub key_set: Arc<KeySet>,
    /// Counts the key sets that judge otherwise than the one before.
    pub generation: u64,
    /// When the fetch that confirmed it started.
    pub confirmed: Instant,
    serves_until: Option<Instant>,
}

/// What a token whose key is missing has to do.
pub enum Desk<'a> {
    /// Wait, then be judged once more.
    Wait(Wait<'a>),
    /// Nothing: this is the answer.
    Answer(Missing),
    /// Be judged by the keys of now: they are others than those that it was judged by.
    JudgeAgain,
}

/// Why a token's key is missing, as far as anyone can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The issuer has no such key.
    Unknown,
    /// The issuer has no keys at all.
    NoKeys {
        /// Until the next attempt.
        retry_after: Duration,
    },
    /// There are keys, and whether there are others cannot be found out.
    Unavailable {
        /// Until the next attempt.
        retry_after: Duration,
    },
    /// The key may be new, and it cannot be asked for yet.
    Pending {
        /// Until it can.
        retry_after: Duration,
    },
}

/// A place among those that wait for a fetch.
pub struct Wait<'a> {
    store: &'a KeyStore,
    completions: watch::Receiver<Option<Completed>>,
    restored: watch::Receiver<bool>,
    first_seen: Instant,
    _place: Place<'a>,
}

/// What came of a wait.
#[derive(Clone, Copy, Debug)]
pub struct Waited {
    completed: Option<Completed>,
    first_seen: Instant,
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

    /// A token's key id is not held in the keys of that generation.
    pub fn ask_for_unknown_key(&self, key_id: &str, judged_by: u64, now: Instant) -> Desk<'_> {
        if self.is_fixed() {
            return Desk::Answer(Missing::Unknown);
        }
        let mut ledger = self.ledger();
        if self.has_changed(Some(judged_by), now) {
            return Desk::JudgeAgain;
        }
        let (ruling, first_seen) = ledger.rule_on_unknown_key(key_id, now);
        match ruling {
            Ruling::Absent => Desk::Answer(Missing::Unknown),
            Ruling::Failed { retry_after } => Desk::Answer(Missing::Unavailable { retry_after }),
            Ruling::Pending { retry_after } => Desk::Answer(Missing::Pending { retry_after }),
            Ruling::Wait | Ruling::WaitForNew => {
                self.wake(ruling);
                self.wait(&self.waiting_for_keys, first_seen)
                    .unwrap_or(Desk::Answer(Missing::Pending {
                        retry_after: ledger.cooldown_left(now),
                    }))
            }
        }
    }

    /// The issuer has no keys at all: a fetch in flight is waited for, and none started.
    pub fn ask_for_any_keys(&self, now: Instant) -> Desk<'_> {
        let ledger = self.ledger();
        if self.has_changed(None, now) {
            return Desk::JudgeAgain;
        }
        let waiting = if ledger.is_in_flight() {
            self.wait(&self.waiting_for_keys, now)
        } else {
            None
        };
        waiting.unwrap_or(Desk::Answer(Missing::NoKeys {
            retry_after: ledger.until_next_attempt(now),
        }))
    }

    /// The keys of that generation did not verify a token, and its key id cannot tell whether others would. `None`:
    /// they stand.
    pub fn ask_once_more(&self, judged_by: u64, now: Instant) -> Option<Desk<'_>> {
        if self.is_fixed() {
            return None;
        }
        let mut ledger = self.ledger();
        if self.has_changed(Some(judged_by), now) {
            return Some(Desk::JudgeAgain);
        }
        let ruling = ledger.join_or_start(now)?;
        self.wake(ruling);
        self.wait(&self.waiting_once_more, now)
    }

    /// What a missing key means after a wait.
    pub fn settle(&self, waited: Waited, now: Instant) -> Missing {
        match waited.completed {
            Some(Completed {
                started,
                outcome: Outcome::Succeeded,
            }) if started >= waited.first_seen => Missing::Unknown,
            Some(Completed {
                outcome: Outcome::Failed,
                ..
            }) => Missing::Unavailable {
                retry_after: self.until_next_attempt(now),
            },
            Some(Completed {
                outcome: Outcome::Succeeded,
                ..
            })
            | None => Missing::Pending {
                retry_after: self.ledger().cooldown_left(now),
            },
        }
    }

    /// What a key that is not held is for somebody who may not ask for it.
    pub fn missing_as_of_now(&self, now: Instant) -> Missing {
        let latest_failed = lock(&self.last_error).is_some();
        if latest_failed {
            Missing::Unavailable {
                retry_after: self.until_next_attempt(now),
            }
        } else {
            Missing::Unknown
        }
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

    /// A fetch begins; answers when it started, and what it has to be good for.
    pub(in crate::jwks) fn begin(&self, now: Instant, purpose: Purpose) -> (Instant, Purpose) {
        self.ledger().begin(now, purpose)
    }

    /// Keys that were confirmed that long ago, by an earlier process or under other settings, serve until the source
    /// tells. They are nobody's news once it has.
    pub(in crate::jwks) fn restore(
        &self,
        key_set: Arc<KeySet>,
        age: Duration,
        serves_for: Duration,
        now: Instant,
    ) {
        let _ledger = self.ledger();
        let is_empty = key_set.keys().is_empty();
        let restored = Snapshot {
            key_set,
            generation: RESTORED,
            confirmed: now.checked_sub(age).unwrap_or(now),
            serves_until: now.checked_add(serves_for.saturating_sub(age)),
        };
        let none = None::<Arc<Snapshot>>;
        let held = self
            .snapshot
            .compare_and_swap(&none, Some(Arc::new(restored)));
        if held.is_none() && !is_empty {
            self.restored.send_replace(true);
        }
    }

    /// Begins with the keys of another store of the same source, for what is left of their time by this one's settings.
    pub fn inherit(&self, other: &KeyStore, serves_for: Duration, now: Instant) {
        if let Some(held) = other.usable(now) {
            let age = now.saturating_duration_since(held.confirmed);
            self.restore(held.key_set.clone(), age, serves_for, now);
        }
    }

    /// The fetch in flight gave a key set, or confirmed the held one (`None`). The swap comes before anyone hears.
    /// Answers the generation of what is held now; `None` where there was nothing to confirm, which is a failure.
    pub(in crate::jwks) fn succeed(
        &self,
        fetched: Option<KeySet>,
        started: Instant,
        serves_for: Duration,
        next_attempt: Instant,
    ) -> Option<u64> {
        let held = self.snapshot.load_full();
        let (key_set, generation) = match (fetched, &held) {
            (Some(fetched), Some(held)) if fetched.judges_as(&held.key_set) => {
                (held.key_set.clone(), held.generation)
            }
            (Some(fetched), held) => (
                Arc::new(fetched),
                held.as_ref().map_or(RESTORED, |held| held.generation) + 1,
            ),
            (None, Some(held)) => (held.key_set.clone(), held.generation),
            // "Not modified" with nothing held: there is nothing to confirm.
            (None, None) => {
                let unasked = FetchError::Status {
                    status: 304,
                    retry_after: None,
                };
                self.fail(unasked, next_attempt, None);
                return None;
            }
        };
        let serves_until = started.checked_add(serves_for);
        self.snapshot.store(Some(Arc::new(Snapshot {
            key_set,
            generation,
            confirmed: started,
            serves_until,
        })));
        *lock(&self.last_error) = None;
        self.complete(Outcome::Succeeded, next_attempt, None);
        Some(generation)
    }

    /// The fetch in flight failed; what is held stays.
    pub(in crate::jwks) fn fail(
        &self,
        error: FetchError,
        next_attempt: Instant,
        leave_alone_until: Option<Instant>,
    ) {
        *lock(&self.last_error) = Some(error);
        self.complete(Outcome::Failed, next_attempt, leave_alone_until);
    }

    /// Tells of the end under the ledger's lock: told after it, the end of one fetch would be taken for the end of the
    /// next by whoever asked for that in between.
    fn complete(
        &self,
        outcome: Outcome,
        next_attempt: Instant,
        leave_alone_until: Option<Instant>,
    ) {
        let count = match outcome {
            Outcome::Succeeded => &self.succeeded,
            Outcome::Failed => &self.failed,
        };
        count.fetch_add(1, Ordering::Relaxed);
        let mut ledger = self.ledger();
        let completed = ledger.complete(outcome, next_attempt, leave_alone_until);
        self.completions.send_replace(completed);
    }

    /// Asked under the ledger's lock, which knows of no fetch whose keys are not held yet: what it says of the latest one
    /// must not be said of older keys.
    fn has_changed(&self, judged_by: Option<u64>, now: Instant) -> bool {
        self.usable_generation(now) != judged_by
    }

    /// Subscribed to under the ledger's lock by the caller, so that no completion is missed.
    fn wait<'a>(&'a self, count: &'a AtomicUsize, first_seen: Instant) -> Option<Desk<'a>> {
        let place = Place::take(count)?;
        let mut completions = self.completions.subscribe();
        completions.mark_unchanged();
        Some(Desk::Wait(Wait {
            store: self,
            completions,
            restored: self.restored.subscribe(),
            first_seen,
            _place: place,
        }))
    }

    fn wake(&self, ruling: Ruling) {
        if ruling == Ruling::WaitForNew {
            self.demand.notify_one();
        }
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

impl Snapshot {
    /// How long it may serve once confirmed; without end where that is absent.
    pub fn serves_for(&self) -> Option<Duration> {
        self.serves_until
            .map(|until| until.saturating_duration_since(self.confirmed))
    }

    /// An empty set is believed, and leaves its issuer without keys.
    fn serves_at(&self, now: Instant) -> bool {
        !self.key_set.keys().is_empty() && self.serves_until.is_none_or(|until| now < until)
    }
}

// === impl Wait ===

impl Wait<'_> {
    /// Waits for the fetch, until the deadline at the latest. Going away stops no fetch.
    pub async fn until(mut self, deadline: Instant) -> Waited {
        let completed = tokio::select! {
            biased;
            Ok(()) = self.completions.changed() => *self.completions.borrow_and_update(),
            Ok(()) = self.restored.changed() => None,
            () = tokio::time::sleep_until(deadline) => None,
        };
        Waited {
            completed,
            first_seen: self.first_seen,
        }
    }

    /// The fetch that is waited for is a part of this trace, unless it is of another already.
    pub fn traced_under(&self, parent: Parent) {
        lock(&self.store.waiting_trace).get_or_insert(parent);
    }

    /// The store that is waited for.
    pub fn store(&self) -> &KeyStore {
        self.store
    }
}

impl fmt::Debug for Wait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wait({:?})", self.store)
    }
}

struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(count: &'a AtomicUsize) -> Option<Place<'a>> {
        let taken = count.fetch_update(Ordering::AcqRel, Ordering::Acquire, |waiting| {
            (waiting < MAX_WAITERS).then_some(waiting + 1)
        });
        taken.ok().map(|_| Place(count))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests;
