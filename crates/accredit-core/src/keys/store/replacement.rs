//! How the held keys are replaced: in one step, by a fetched key set, by restored keys, or by those of another store.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::keys::key_set::KeySet;
use crate::keys::ledger::{FetchResult, Purpose};
use crate::keys::store::snapshot::Snapshot;
use crate::keys::store::{FetchFailure, KeyStore, lock};

/// The generation of restored keys. Every fetched set that verifies other tokens has a later one.
const RESTORED: u64 = 0;

/// The issuer answered "not modified" although no key set is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NothingToConfirm;

impl KeyStore {
    /// A fetch begins. Returns when it started, and its purpose.
    pub fn begin(&self, now: Instant, purpose: Purpose) -> (Instant, Purpose) {
        self.ledger().begin(now, purpose)
    }

    /// Keys that an earlier process, or a store with other settings, confirmed `age` ago. They verify tokens until the
    /// source answers. If the source has answered already, they are ignored.
    pub fn restore(&self, key_set: Arc<KeySet>, age: Duration, serves_for: Duration, now: Instant) {
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
            self.was_restored.store(true, Ordering::Release);
            self.changed.notify(usize::MAX);
        }
    }

    /// Begins with the keys of another store of the same source, for the rest of their time by this store's settings.
    pub fn inherit(&self, other: &KeyStore, serves_for: Duration, now: Instant) {
        if let Some(held) = other.usable(now) {
            let age = now.saturating_duration_since(held.confirmed);
            self.restore(held.key_set.clone(), age, serves_for, now);
        }
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
        self.snapshot.store(Some(Arc::new(Snapshot {
            key_set,
            generation,
            confirmed: started,
            serves_until: started.checked_add(serves_for),
        })));
        *lock(&self.last_failure) = None;
        self.succeeded.fetch_add(1, Ordering::Relaxed);
        self.complete(FetchResult::Succeeded, next_attempt, None);
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
        self.complete(FetchResult::Failed, next_attempt, retry_after_until);
    }

    /// Notifies under the ledger's lock: after it, a check could take the end of one fetch for the end of the next.
    fn complete(
        &self,
        result: FetchResult,
        next_attempt: Instant,
        retry_after_until: Option<Instant>,
    ) {
        let mut ledger = self.ledger();
        ledger.complete(result, next_attempt, retry_after_until);
        self.changed.notify(usize::MAX);
    }
}
