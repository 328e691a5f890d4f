//! The unknown key ids that tokens named within the cooldown.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};

/// How many unknown key ids are remembered with the time when each was first seen (CONTRACT 5.3.3).
pub(super) const MAX_SIGHTINGS: usize = 1024;

/// The unknown key ids that were seen. The number is bounded, and the hash has random keys, so that a client can
/// neither fill the memory nor choose key ids that collide.
#[derive(Debug, Default)]
pub(super) struct Sightings {
    hasher: RandomState,
    pub(super) seen: VecDeque<(u64, Instant)>,
}

impl Sightings {
    /// When the key id was first seen `within` this time; `now` if it was not.
    pub(super) fn first_seen(&mut self, key_id: &str, now: Instant, within: Duration) -> Instant {
        while self
            .seen
            .front()
            .is_some_and(|(_, seen)| *seen + within <= now)
        {
            self.seen.pop_front();
        }
        let hash = self.hasher.hash_one(key_id);
        if let Some((_, seen)) = self.seen.iter().find(|(own, _)| *own == hash) {
            return *seen;
        }
        if self.seen.len() == MAX_SIGHTINGS {
            self.seen.pop_front();
        }
        self.seen.push_back((hash, now));
        now
    }
}
