//! What a check does when the held keys do not verify its token: wait for a fetch, or answer why the key is missing.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::keys::ledger::{Awaited, CompletedFetch, FetchResult, Ledger, MissingKey, Trigger};
use crate::keys::store::{KeyStore, lock};
use crate::trace::CheckTrace;

/// How many checks may wait for one issuer entry's keys, for each trigger (CONTRACT 5.3.2, 5.4.2).
pub(crate) const MAX_WAITERS: usize = 64;

/// How many checks of the whole process may wait for keys (CONTRACT 5.3.11).
pub(crate) const MAX_WAITERS_OF_PROCESS: usize = 1024;

static WAITERS_OF_PROCESS: AtomicUsize = AtomicUsize::new(0);

/// What a check whose key is missing does next.
pub enum KeyLookup {
    /// Wait for a fetch, then verify the token again.
    Wait(KeyWait),
    Missing(MissingKey),
    /// Verify the token again at once: the keys have changed since it was verified.
    Changed,
}

/// A check's wait for a fetch. It owns a place among the waiting checks, and gives it back when dropped.
pub struct KeyWait {
    store: Arc<KeyStore>,
    /// How many fetches had ended when the wait began.
    completed: u64,
    /// How often keys had been supplied when the wait began.
    supplied: u64,
    first_seen: Instant,
    _place: Place,
}

// === impl KeyStore ===

impl KeyStore {
    /// The key id of a token is not among the keys of generation `judged_by`. If the check waits, the fetch is a part of its
    /// trace, unless another check waited for it before.
    pub fn look_up_unknown_key(
        self: &Arc<KeyStore>,
        key_id: &str,
        judged_by: u64,
        now: Instant,
        trace: Option<&dyn CheckTrace>,
    ) -> KeyLookup {
        if self.is_fixed() {
            return KeyLookup::Missing(MissingKey::Unknown);
        }
        let mut ledger = self.ledger();
        if self.has_changed(Some(judged_by), now) {
            return KeyLookup::Changed;
        }
        let (lookup, first_seen) = ledger.look_up_unknown_key(key_id, now);
        match lookup {
            Err(missing) => KeyLookup::Missing(missing),
            Ok(awaited) => {
                self.wake_refresher(awaited);
                self.wait(Trigger::UnknownKey, &mut ledger, first_seen, trace)
                    .unwrap_or_else(|| KeyLookup::Missing(ledger.pending(now)))
            }
        }
    }

    /// The issuer has no usable keys at all. A check waits for a fetch in flight, and starts none (CONTRACT 5.3.9).
    pub fn look_up_any_key(
        self: &Arc<KeyStore>,
        now: Instant,
        trace: Option<&dyn CheckTrace>,
    ) -> KeyLookup {
        let mut ledger = self.ledger();
        if self.has_changed(None, now) {
            return KeyLookup::Changed;
        }
        let waiting = if ledger.is_in_flight() {
            self.wait(Trigger::UnknownKey, &mut ledger, now, trace)
        } else {
            None
        };
        let retry_after = ledger.until_next_attempt(now);
        waiting.unwrap_or_else(|| KeyLookup::Missing(self.no_keys(retry_after)))
    }

    /// The keys of generation `judged_by` did not verify a token, and its key id does not show whether newer keys would.
    /// `None`: no fetch may start, so the first verification stands.
    pub fn look_up_newer_keys(
        self: &Arc<KeyStore>,
        judged_by: u64,
        now: Instant,
        trace: Option<&dyn CheckTrace>,
    ) -> Option<KeyLookup> {
        if self.is_fixed() {
            return None;
        }
        let mut ledger = self.ledger();
        if self.has_changed(Some(judged_by), now) {
            return Some(KeyLookup::Changed);
        }
        let awaited = ledger.join_or_start(Trigger::SecondVerification, now)?;
        self.wake_refresher(awaited);
        self.wait(Trigger::SecondVerification, &mut ledger, now, trace)
    }

    /// Why the issuer has no usable keys.
    pub(crate) fn why_no_keys(&self, now: Instant) -> MissingKey {
        self.no_keys(self.until_next_attempt(now))
    }

    fn no_keys(&self, retry_after: std::time::Duration) -> MissingKey {
        match self.held() {
            Some(held) if held.is_empty_set() => MissingKey::EmptyKeySet { retry_after },
            _ => MissingKey::NoKeys { retry_after },
        }
    }

    /// What a missing key means after a wait (CONTRACT 5.3.2).
    pub(crate) fn settle(&self, wait: &KeyWait, now: Instant) -> MissingKey {
        let ledger = self.ledger();
        let ended = ledger
            .latest()
            .filter(|_| ledger.completed() > wait.completed);
        match ended {
            Some(CompletedFetch {
                started,
                result: FetchResult::Succeeded,
            }) if started >= wait.first_seen => MissingKey::Unknown,
            Some(CompletedFetch {
                result: FetchResult::Failed,
                ..
            }) => MissingKey::Unavailable {
                retry_after: ledger.until_next_attempt(now),
            },
            Some(_) | None => ledger.pending(now),
        }
    }

    /// What a missing key means to a caller that must not start a fetch, such as `Explain` of the admin API.
    pub(crate) fn missing_by_held_keys(&self, now: Instant) -> MissingKey {
        if lock(&self.last_failure).is_some() {
            MissingKey::Unavailable {
                retry_after: self.until_next_attempt(now),
            }
        } else {
            MissingKey::Unknown
        }
    }

    /// Called under the ledger's lock: the state of the latest fetch must not be applied to older keys.
    fn has_changed(&self, judged_by: Option<u64>, now: Instant) -> bool {
        self.usable_generation(now) != judged_by
    }

    /// Called under the ledger's lock: the fetch in flight cannot end before it has the trace.
    fn wait(
        self: &Arc<KeyStore>,
        trigger: Trigger,
        ledger: &mut Ledger,
        first_seen: Instant,
        trace: Option<&dyn CheckTrace>,
    ) -> Option<KeyLookup> {
        let place = Place::take(self, trigger)?;
        ledger.set_trace(|| trace?.trace_parent());
        Some(KeyLookup::Wait(KeyWait {
            store: self.clone(),
            completed: ledger.completed(),
            supplied: self.supplied.load(Ordering::Acquire),
            first_seen,
            _place: place,
        }))
    }

    fn wake_refresher(&self, awaited: Awaited) {
        if awaited == Awaited::Started {
            self.demand.notify(usize::MAX);
        }
    }

    fn waiting(&self, trigger: Trigger) -> &AtomicUsize {
        match trigger {
            Trigger::UnknownKey => &self.waiting_for_unknown_key,
            Trigger::SecondVerification => &self.waiting_for_second_verification,
        }
    }
}

// === impl KeyWait ===

impl KeyWait {
    /// Resolves when the fetch has ended, keys were restored, or the store was released. Any executor can poll it. Dropping
    /// it stops no fetch.
    pub async fn ended(&self) {
        self.store.until(|_| self.has_ended()).await;
    }

    fn has_ended(&self) -> bool {
        self.store.ledger().completed() > self.completed
            || self.store.supplied.load(Ordering::Acquire) != self.supplied
    }
}

impl fmt::Debug for KeyWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyWait({:?})", self.store)
    }
}

struct Place {
    store: Arc<KeyStore>,
    trigger: Trigger,
}

impl Place {
    fn take(store: &Arc<KeyStore>, trigger: Trigger) -> Option<Place> {
        if !increment_below(&WAITERS_OF_PROCESS, MAX_WAITERS_OF_PROCESS) {
            return None;
        }
        if !increment_below(store.waiting(trigger), MAX_WAITERS) {
            WAITERS_OF_PROCESS.fetch_sub(1, Ordering::AcqRel);
            return None;
        }
        Some(Place {
            store: store.clone(),
            trigger,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.store
            .waiting(self.trigger)
            .fetch_sub(1, Ordering::AcqRel);
        WAITERS_OF_PROCESS.fetch_sub(1, Ordering::AcqRel);
    }
}

fn increment_below(count: &AtomicUsize, limit: usize) -> bool {
    count
        .fetch_update(Ordering::AcqRel, Ordering::Acquire, |waiting| {
            (waiting < limit).then_some(waiting + 1)
        })
        .is_ok()
}
