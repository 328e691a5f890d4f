//! How the held keys are replaced: in one step, by a fetched key set, by restored keys, or by those of another store.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::keys::key_set::KeySet;
use crate::keys::ledger::{FetchResult, Ledger, Purpose};
use crate::keys::sharing::{FetchedWith, KeyHolder};
use crate::keys::store::snapshot::Snapshot;
use crate::keys::store::{FetchFailure, KeyStore, Sibling, lock};

/// The generation of the first keys, if they were not fetched. Every set that replaces them has a later one, unless it verifies
/// the same tokens.
const RESTORED: u64 = 0;

/// A fetch succeeded and does not change the held keys. The caller reports it by [`KeyStore::fail`], and fetches again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unconfirmed {
    /// The issuer answered "not modified" although no key set was fetched before.
    #[error("the issuer answered \"not modified\" although no key set was fetched before")]
    NothingToConfirm,
    /// Another store of the same source holds the result of a fetch that started later, and that differs.
    #[error(
        "a fetch for another entry with the same source started later and brought other keys; fetching again"
    )]
    Outdated,
}

impl KeyStore {
    /// A fetch begins. Returns when it started, and its purpose.
    pub fn begin(&self, now: Instant, purpose: Purpose) -> (Instant, Purpose) {
        self.ledger().begin(now, purpose)
    }

    /// Keys that an earlier process confirmed `age` ago. They verify tokens until the source answers. Returns when they count as
    /// confirmed, or `None` if they are ignored: the source has answered already, or the store inherited keys that are at least
    /// as new. A key that its issuer withdrew meanwhile would otherwise verify tokens again (CONTRACT 5.6.1).
    pub fn restore(
        &self,
        key_set: Arc<KeySet>,
        age: Duration,
        serves_for: Duration,
        now: Instant,
    ) -> Option<Instant> {
        let ledger = self.ledger();
        let has_answered = self.succeeded.load(Ordering::Acquire) > 0;
        if has_answered || self.saved_is_older.load(Ordering::Acquire) {
            return None;
        }
        // Saved keys count as older than every fetch of this store, even if the clock was wrong when `age` was measured.
        let confirmed = now.checked_sub(age).unwrap_or(now).min(self.created);
        let restored = Snapshot {
            key_set,
            generation: RESTORED,
            confirmed,
            // The file names the issuers and not the credentials.
            fetched_with: FetchedWith::OtherCredentials,
            serves_until: now.checked_add(serves_for.saturating_sub(age)),
        };
        self.take_over(ledger, restored, now).then_some(confirmed)
    }

    /// Takes the key set that another store of the same source holds, for the rest of its time by this store's settings, if it
    /// was confirmed later than the own one. An empty set is taken too: it is the set that the issuer published last
    /// (CONTRACT 5.6.2).
    pub(in crate::keys) fn inherit(
        &self,
        held: &Snapshot,
        fetched_with: FetchedWith,
        serves_for: Duration,
        now: Instant,
    ) {
        let inherited = Snapshot {
            key_set: held.key_set.clone(),
            generation: RESTORED,
            confirmed: held.confirmed,
            fetched_with,
            serves_until: held.confirmed.checked_add(serves_for),
        };
        self.take_over(self.ledger(), inherited, now);
    }

    /// The store has keys that are at least as new as those that an earlier process, or another store, saved for its entry.
    /// [`KeyStore::restore`] ignores the saved ones, without trusting the clock that dated them.
    pub(in crate::keys) fn ignore_saved(&self) {
        self.saved_is_older.store(true, Ordering::Release);
    }

    /// The ledger stays locked until the swap, so that no fetch and no release happens in between.
    fn take_over(&self, ledger: MutexGuard<'_, Ledger>, mut other: Snapshot, now: Instant) -> bool {
        if self.is_fixed() || self.is_released() {
            return false;
        }
        let held = self.snapshot.load_full();
        let had_keys = held.as_ref().is_some_and(|held| held.serves_at(now));
        if let Some(held) = held {
            if held.confirmed >= other.confirmed {
                return false;
            }
            (other.key_set, other.generation) = held.succeeded_by(other.key_set);
        }
        if !had_keys && !other.key_set.keys().is_empty() {
            self.supplied.fetch_add(1, Ordering::AcqRel);
        }
        self.snapshot.store(Some(Arc::new(other)));
        drop(ledger);
        self.changed.notify(usize::MAX);
        true
    }

    /// The fetch in flight brought a key set, or confirmed the one before (`None`). The swap comes before any waiting check
    /// is notified. Returns the generation of the keys that are held now.
    ///
    /// # Errors
    /// [`Unconfirmed`]: the caller reports it by [`KeyStore::fail`].
    pub fn succeed(
        &self,
        fetched: Option<KeySet>,
        started: Instant,
        serves_for: Duration,
        next_attempt: Instant,
    ) -> Result<u64, Unconfirmed> {
        let ledger = self.ledger();
        let key_set = match (fetched, &*lock(&self.fetched)) {
            (Some(fetched), _) => Arc::new(fetched),
            (None, Some(before)) => before.clone(),
            (None, None) => return Err(Unconfirmed::NothingToConfirm),
        };
        let held = self.snapshot.load_full();
        let held_since = held.as_ref().map(|held| (held.generation, held.confirmed));
        let (key_set, generation) = match held {
            Some(held) => held.succeeded_by(key_set),
            None => (key_set, RESTORED + 1),
        };
        if self.is_released() {
            self.count_success(ledger, next_attempt);
            return Ok(generation);
        }
        // "Not modified" confirms this set from now on, whether it is held or not.
        *lock(&self.fetched) = Some(key_set.clone());
        if held_since.is_some_and(|(held, confirmed)| generation != held && started < confirmed) {
            return Err(Unconfirmed::Outdated);
        }
        let confirmed = held_since.map_or(started, |(_, confirmed)| confirmed.max(started));
        let snapshot = Arc::new(Snapshot {
            key_set,
            generation,
            confirmed,
            fetched_with: FetchedWith::OwnCredentials,
            serves_until: confirmed.checked_add(serves_for),
        });
        self.snapshot.store(Some(snapshot.clone()));
        self.count_success(ledger, next_attempt);
        self.share(&snapshot, confirmed);
        Ok(generation)
    }

    /// The key set that an answer "not modified" confirms: the one that this store fetched last. It differs from the held one if another
    /// store of the same source supplied that.
    pub fn last_fetched(&self) -> Option<Arc<KeySet>> {
        lock(&self.fetched).clone()
    }

    fn count_success(&self, ledger: MutexGuard<'_, Ledger>, next_attempt: Instant) {
        *lock(&self.last_failure) = None;
        self.succeeded.fetch_add(1, Ordering::AcqRel);
        self.complete(ledger, FetchResult::Succeeded, next_attempt, None);
    }

    /// From now on the store gets what its siblings fetch, where its entry may use it.
    pub(in crate::keys) fn join_siblings(
        self: &Arc<KeyStore>,
        holder: KeyHolder,
        serves_for: Duration,
    ) {
        let mut siblings = lock(&self.siblings);
        siblings.retain(|sibling| sibling.store.strong_count() > 0);
        siblings.push(Sibling {
            store: Arc::downgrade(self),
            holder,
            serves_for,
        });
    }

    /// Gives a key set that this store fetched to the other stores of the source. Their locks are not held together: a
    /// store never waits for another one.
    fn share(&self, snapshot: &Snapshot, now: Instant) {
        for (store, fetched_with, serves_for) in self.receivers() {
            // Saved keys are older, because an earlier process or an earlier fetch of this process saved them.
            store.ignore_saved();
            store.inherit(snapshot, fetched_with, serves_for, now);
        }
    }

    /// The stores that may use a key set which this one fetched: those with the same credentials, and those for the
    /// issuers of one of them. A released store can be in memory still. Its entry is not configured any more, and says
    /// nothing about credentials.
    fn receivers(&self) -> Vec<(Arc<KeyStore>, FetchedWith, Duration)> {
        let siblings = lock(&self.siblings);
        let in_use: Vec<(Arc<KeyStore>, &Sibling)> = siblings
            .iter()
            .filter_map(|sibling| Some((sibling.store.upgrade()?, sibling)))
            .filter(|(store, _)| !store.is_released())
            .collect();
        let is_own = |store: &Arc<KeyStore>| std::ptr::eq(&**store, self);
        let Some((_, own)) = in_use.iter().find(|(store, _)| is_own(store)) else {
            return Vec::new();
        };
        let same_access = |sibling: &Sibling| sibling.holder.access == own.holder.access;
        let issuers: HashSet<&[Arc<str>]> = in_use
            .iter()
            .filter(|(_, sibling)| same_access(sibling))
            .map(|(_, sibling)| &*sibling.holder.issuers)
            .collect();
        let others = in_use.iter().filter(|(store, _)| !is_own(store));
        others
            .filter_map(|(store, sibling)| {
                let fetched_with = match same_access(sibling) {
                    true => FetchedWith::OwnCredentials,
                    false if issuers.contains(&*sibling.holder.issuers) => {
                        FetchedWith::OtherCredentials
                    }
                    false => return None,
                };
                Some((store.clone(), fetched_with, sibling.serves_for))
            })
            .collect()
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
