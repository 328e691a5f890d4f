//! The desk where a token whose key is missing asks what to do, and the places of those that wait.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::jwks::ledger::{Completed, Outcome, Ruling};
use crate::jwks::store::{KeyStore, lock};
use crate::telemetry::traces::Parent;

/// So many tokens may wait for one issuer's keys; as many again may wait to be judged once more.
pub const MAX_WAITERS: usize = 64;

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
    pub(super) completions: watch::Receiver<Option<Completed>>,
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

// === impl KeyStore ===

impl KeyStore {
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
