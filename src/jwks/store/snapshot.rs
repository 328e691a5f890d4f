//! A key set that may serve, until when.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::jwks::key_set::KeySet;

/// A key set as it was last confirmed by its source.
#[derive(Debug)]
pub struct Snapshot {
    /// The keys.
    pub key_set: Arc<KeySet>,
    /// Counts the key sets that judge otherwise than the one before.
    pub generation: u64,
    /// When the fetch that confirmed it started.
    pub confirmed: Instant,
    pub(super) serves_until: Option<Instant>,
}

impl Snapshot {
    /// How long it may serve once confirmed; without end where that is absent.
    pub fn serves_for(&self) -> Option<Duration> {
        self.serves_until
            .map(|until| until.saturating_duration_since(self.confirmed))
    }

    /// An empty set is believed, and leaves its issuer without keys.
    pub(super) fn serves_at(&self, now: Instant) -> bool {
        !self.key_set.keys().is_empty() && self.serves_until.is_none_or(|until| now < until)
    }
}
