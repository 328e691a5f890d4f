//! How the held keys are replaced: whole, by what a fetch brought, or by what was kept over.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use crate::jwks::error::{FetchError, RequestError, RequestFailure};
use crate::jwks::key_set::KeySet;
use crate::jwks::ledger::{Outcome, Purpose};
use crate::jwks::store::snapshot::Snapshot;
use crate::jwks::store::{KeyStore, lock};

/// The generation of keys from disk. Every fetched set that judges otherwise has a later one.
const RESTORED: u64 = 0;

impl KeyStore {
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
                let unasked = FetchError::Request(RequestError {
                    address: self.source().to_string(),
                    cause: RequestFailure::UnexpectedNotModified,
                });
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
}
