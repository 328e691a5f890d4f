//! The memory of used DPoP proofs: each can be used once while it is fresh (RFC 9449 section 11.1).

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use foldhash::quality::RandomState;

use crate::token::binding_error::BindingError;
use crate::token::confirmation::Thumbprint;

/// The default of `replay.size`.
pub const DEFAULT_REPLAY_SIZE: u32 = 100_000;

/// Remembers used proofs until they are too old to be used again. It is bounded, and full it refuses new ones.
pub struct ReplayCache {
    limit: AtomicUsize,
    used: Mutex<UsedProofs>,
    /// Two hashes with random keys identify a proof: no client can find two proofs with the same ones.
    hashers: [RandomState; 2],
}

#[derive(Default)]
struct UsedProofs {
    proofs: HashSet<(u64, u64)>,
    /// The proofs by the second in which they are too old.
    by_end: BTreeMap<u64, Vec<(u64, u64)>>,
}

impl ReplayCache {
    /// A memory of at most that many proofs. It takes no room before the first one.
    pub fn new(limit: usize) -> ReplayCache {
        ReplayCache {
            limit: AtomicUsize::new(limit),
            used: Mutex::default(),
            hashers: [RandomState::default(), RandomState::default()],
        }
    }

    /// Changes the limit. Proofs that are remembered stay so.
    pub fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// Uses a proof: the `jti` of a key. `now` and `end` are in seconds since 1970; from `end` on, the proof is too old.
    ///
    /// # Errors
    /// [`BindingError::Replayed`] if it was used before, and [`BindingError::MemoryFull`].
    pub fn take(&self, key: &Thumbprint, id: &str, now: u64, end: u64) -> Result<(), BindingError> {
        let proof = self.identify(key, id);
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.forget_until(now);
        if used.proofs.contains(&proof) {
            return Err(BindingError::Replayed);
        }
        if used.proofs.len() >= self.limit.load(Ordering::Relaxed) {
            return Err(BindingError::MemoryFull);
        }
        used.proofs.insert(proof);
        used.by_end.entry(end).or_default().push(proof);
        Ok(())
    }

    /// Whether a proof was used before. It stays as it is.
    ///
    /// # Errors
    /// [`BindingError::Replayed`]
    pub fn look(&self, key: &Thumbprint, id: &str) -> Result<(), BindingError> {
        let proof = self.identify(key, id);
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        match used.proofs.contains(&proof) {
            true => Err(BindingError::Replayed),
            false => Ok(()),
        }
    }

    /// The number of proofs that are remembered.
    pub fn len(&self) -> usize {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.proofs.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn identify(&self, key: &Thumbprint, id: &str) -> (u64, u64) {
        let [first, second] = &self.hashers;
        (first.hash_one((key, id)), second.hash_one((key, id)))
    }
}

impl UsedProofs {
    fn forget_until(&mut self, now: u64) {
        while let Some(first) = self.by_end.first_entry()
            && *first.key() <= now
        {
            for proof in first.remove() {
                self.proofs.remove(&proof);
            }
        }
    }
}

impl Default for ReplayCache {
    fn default() -> ReplayCache {
        ReplayCache::new(DEFAULT_REPLAY_SIZE as usize)
    }
}

impl fmt::Debug for ReplayCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplayCache({} proofs)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::ReplayCache;
    use crate::token::binding_error::BindingError;

    #[test]
    fn a_proof_can_be_used_once_until_it_is_too_old() {
        let memory = ReplayCache::new(10);
        let (one, other) = ([1; 32], [2; 32]);
        assert_eq!(memory.look(&one, "a"), Ok(()));
        assert_eq!(memory.take(&one, "a", 100, 160), Ok(()));
        assert_eq!(memory.look(&one, "a"), Err(BindingError::Replayed));
        assert_eq!(
            memory.take(&one, "a", 159, 160),
            Err(BindingError::Replayed)
        );
        assert_eq!(memory.take(&other, "a", 159, 160), Ok(()), "another key");
        assert_eq!(memory.take(&one, "b", 159, 160), Ok(()));
        assert_eq!(memory.len(), 3);
        assert_eq!(memory.take(&one, "c", 160, 220), Ok(()));
        assert_eq!(memory.len(), 1, "those that ended are forgotten");
    }

    #[test]
    fn a_full_memory_refuses_new_proofs_until_old_ones_end() {
        let memory = ReplayCache::new(2);
        let key = [0; 32];
        assert_eq!(memory.take(&key, "a", 0, 10), Ok(()));
        assert_eq!(memory.take(&key, "b", 0, 20), Ok(()));
        assert_eq!(memory.take(&key, "c", 5, 30), Err(BindingError::MemoryFull));
        assert_eq!(memory.take(&key, "a", 5, 30), Err(BindingError::Replayed));
        assert_eq!(memory.take(&key, "c", 10, 30), Ok(()));
        memory.set_limit(1);
        assert_eq!(
            memory.take(&key, "d", 10, 30),
            Err(BindingError::MemoryFull)
        );
        assert_eq!(memory.take(&key, "c", 10, 30), Err(BindingError::Replayed));
    }
}
