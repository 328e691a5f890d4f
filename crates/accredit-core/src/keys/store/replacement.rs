//! How the held keys are replaced: in one step, by a fetched key set, by restored keys, or by those of another store.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use crate::keys::key_set::KeySet;
use crate::keys::ledger::{FetchResult, Ledger, Purpose};
use crate::keys::store::snapshot::Snapshot;
use crate::keys::store::{FetchFailure, KeyStore, lock};

/// The generation of the first keys, if they were restored. Every set that replaces them has a later one, unless it verifies
/// the same tokens.
const RESTORED: u64 = 0;

/// The issuer answered "not modified" although no key set is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NothingToConfirm;

impl KeyStore {
    /// A fetch begins. Returns when it started, and its purpose.
    pub fn begin(&self, now: Instant, purpose: Purpose) -> (Instant, Purpose) {
        self.ledger().begin(now, purpose)
    }

    /// Keys that an earlier process confirmed `age` ago. They verify tokens until the source answers. Returns `false` if they
    /// are ignored: the source has answered already, or the store inherited keys that are at least as new. A key that its
    /// issuer withdrew meanwhile would otherwise verify tokens again (CONTRACT 5.6.1).
    pub fn restore(
        &self,
        key_set: Arc<KeySet>,
        age: Duration,
        serves_for: Duration,
        now: Instant,
    ) -> bool {
        !self.saved_is_older.load(Ordering::Acquire)
            && self.begin_with(key_set, age, serves_for, now)
    }

    /// Begins with the key set that another store of the same source holds, for the rest of its time by this store's settings.
    /// An empty set is inherited too: it is the set that the issuer published last (CONTRACT 5.6.2).
    pub(in crate::keys) fn inherit(&self, held: &Snapshot, serves_for: Duration, now: Instant) {
        let age = now.saturating_duration_since(held.confirmed);
        self.begin_with(held.key_set.clone(), age, serves_for, now);
    }

    /// The store inherited keys that are at least as new as those that an earlier process, or another store, saved for its
    /// entry. [`KeyStore::restore`] ignores the saved ones, without trusting the clock that dated them.
    pub(in crate::keys) fn ignore_saved(&self) {
        self.saved_is_older.store(true, Ordering::Release);
    }

    fn begin_with(
        &self,
        key_set: Arc<KeySet>,
        age: Duration,
        serves_for: Duration,
        now: Instant,
    ) -> bool {
        // Held until the swap: neither a fetched set nor the release may come between.
        let _ledger = self.ledger();
        let has_answered = self.succeeded.load(Ordering::Acquire) > 0;
        if self.is_fixed() || self.is_released() || has_answered {
            return false;
        }
        let confirmed = now.checked_sub(age).unwrap_or(now);
        let generation = match self.snapshot.load_full() {
            Some(held) if held.confirmed >= confirmed => return false,
            // Tokens that the replaced keys verified are verified again.
            Some(held) => held.generation + 1,
            None => RESTORED,
        };
        let is_empty = key_set.keys().is_empty();
        self.snapshot.store(Some(Arc::new(Snapshot {
            key_set,
            generation,
            confirmed,
            serves_until: now.checked_add(serves_for.saturating_sub(age)),
        })));
        if !is_empty {
            self.was_restored.store(true, Ordering::Release);
            self.changed.notify(usize::MAX);
        }
        true
    }

    /// The fetch in flight brought a key set, or confirmed the held one (`None`). The swap comes before any waiting check
    /// is notified. Returns the generation of the keys that are held now.
    ///
    /// # Errors
    /// [`NothingToConfirm`]: the caller reports it by [`KeyStore::fail`].
    pub fn succeed(
        &self,
        fetched: Option<KeySet>,
        started: Instant,
        serves_for: Duration,
        next_attempt: Instant,
    ) -> Result<u64, NothingToConfirm> {
        let ledger = self.ledger();
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
            (None, None) => return Err(NothingToConfirm),
        };
        if !self.is_released() {
            self.snapshot.store(Some(Arc::new(Snapshot {
                key_set,
                generation,
                confirmed: started,
                serves_until: started.checked_add(serves_for),
            })));
        }
        *lock(&self.last_failure) = None;
        self.succeeded.fetch_add(1, Ordering::AcqRel);
        self.complete(ledger, FetchResult::Succeeded, next_attempt, None);
        Ok(generation)
    }

    /// The fetch in flight failed. The held keys stay.
    pub fn fail(
        &self,
        failure: FetchFailure,
        next_attempt: Instant,
        retry_after_until: Option<Instant>,
    ) {
        *lock(&self.last_failure) = Some(failure);
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.complete(
            self.ledger(),
            FetchResult::Failed,
            next_attempt,
            retry_after_until,
        );
    }

    /// Notifies under the ledger's lock: after it, a check could take the end of one fetch for the end of the next.
    fn complete(
        &self,
        mut ledger: MutexGuard<'_, Ledger>,
        result: FetchResult,
        next_attempt: Instant,
        retry_after_until: Option<Instant>,
    ) {
        ledger.complete(result, next_attempt, retry_after_until);
        self.changed.notify(usize::MAX);
    }
}
