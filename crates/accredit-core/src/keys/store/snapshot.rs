//! A key set, and how long it verifies tokens.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::keys::key_set::KeySet;
use crate::keys::sharing::FetchedWith;

/// A key set as its source last confirmed it.
#[derive(Debug)]
pub struct Snapshot {
    pub key_set: Arc<KeySet>,
    /// Increases when a new key set verifies other tokens than the one before.
    pub generation: u64,
    /// When the fetch that confirmed it started.
    pub confirmed: Instant,
    /// Keys of the configuration count as fetched with the credentials of their entry. Restored keys do not: the file of saved keys
    /// does not say how they were fetched.
    pub(in crate::keys) fetched_with: FetchedWith,
    /// `None`: without end, since the configuration contains the keys.
    pub(super) serves_until: Option<Instant>,
}

impl Snapshot {
    /// How long it verifies tokens after it was confirmed; `None`: without end.
    pub fn serves_for(&self) -> Option<Duration> {
        self.serves_until
            .map(|until| until.saturating_duration_since(self.confirmed))
    }

    /// The set that replaces this one, and its generation. If it verifies the same tokens, those that were verified stay so.
    pub(super) fn succeeded_by(&self, key_set: Arc<KeySet>) -> (Arc<KeySet>, u64) {
        if Arc::ptr_eq(&key_set, &self.key_set) || key_set.judges_as(&self.key_set) {
            (self.key_set.clone(), self.generation)
        } else {
            (key_set, self.generation + 1)
        }
    }

    /// An empty set is the issuer's key set (CONTRACT 5.6.2), and verifies no token.
    pub(super) fn serves_at(&self, now: Instant) -> bool {
        !self.is_empty_set() && !self.is_stale_at(now)
    }

    /// Whether the issuer has withdrawn its keys: the latest set that it published is empty. This stays so after `max_stale`. Otherwise a
    /// client that blocks the key server could turn a withdrawal into an outage, which `unavailable: defer` leaves to Envoy (CONTRACT
    /// 4.8.1).
    pub(super) fn is_empty_set(&self) -> bool {
        self.key_set.keys().is_empty()
    }

    fn is_stale_at(&self, now: Instant) -> bool {
        self.serves_until.is_some_and(|until| until <= now)
    }
}
