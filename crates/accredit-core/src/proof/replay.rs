//! The memory of used DPoP proofs: each can be used once while it is fresh (RFC 9449 section 11.1).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::hash::BuildHasher as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use foldhash::quality::RandomState;

use crate::proof::dpop::{FreshProof, MAX_PROOF_AGE};
use crate::proof::shared_proof::SharedProof;
use crate::token::binding_error::{BindingError, ProofFault};
use crate::token::numeric_date::NumericDate;

/// The default of `replay.size`.
pub const DEFAULT_REPLAY_SIZE: u32 = 100_000;

/// One key gets at most half of the memory, so that a client with one key cannot fill the memory for all clients.
const KEY_SHARES: usize = 2;

/// Remembers used proofs until they are too old to be used again. It is bounded: a full memory refuses new proofs. The
/// configurations of a process share it, so a proof that was used under one of them is used for all.
#[derive(Default)]
pub struct ReplayCache {
    used: Mutex<UsedProofs>,
    /// Two hashes with random keys identify a proof: no client can find two proofs with the same ones.
    hashers: [RandomState; 2],
}

/// The access of one configuration to the memory. While several configurations are in use, the largest `size` and the
/// longest window of them apply.
#[derive(Debug)]
pub struct ReplayAccess {
    memory: Arc<ReplayCache>,
    terms: Arc<ReplayTerms>,
}

/// What a configuration requires of the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayTerms {
    /// `replay.size`
    pub size: usize,
    /// The largest `clock_skew` of an issuer entry.
    pub max_skew: Duration,
    /// Whether a memory that replicas share decides (`replay.redis`). This memory then only remembers as many proofs as it can.
    pub is_shared: bool,
}

/// The hash of a proof's key, and the hash of the key with the `jti`.
type ProofHash = (u64, u64);

#[derive(Default)]
struct UsedProofs {
    proofs: HashSet<ProofHash>,
    /// The proofs by `iat`, rounded up to a second.
    by_issue: BTreeMap<u64, Vec<ProofHash>>,
    /// How many proofs each key has used.
    by_key: HashMap<u64, usize>,
    /// The latest `iat` among the proofs that were forgotten.
    forgotten: u64,
    configurations: Vec<Weak<ReplayTerms>>,
}

// === impl ReplayCache ===

impl ReplayCache {
    fn used(&self) -> MutexGuard<'_, UsedProofs> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hash(&self, proof: &FreshProof) -> ProofHash {
        let [of_key, of_proof] = &self.hashers;
        (
            of_key.hash_one(proof.key),
            of_proof.hash_one((&proof.key, &proof.id)),
        )
    }
}

// === impl ReplayAccess ===

impl ReplayAccess {
    /// The access of a configuration. It applies until it is dropped.
    pub fn new(memory: Arc<ReplayCache>, terms: ReplayTerms) -> ReplayAccess {
        let terms = Arc::new(terms);
        let mut used = memory.used();
        used.configurations.retain(|own| own.strong_count() > 0);
        used.configurations.push(Arc::downgrade(&terms));
        drop(used);
        ReplayAccess { memory, terms }
    }

    /// What the configuration requires.
    pub fn terms(&self) -> ReplayTerms {
        *self.terms
    }

    /// Checks whether a proof was used before, and does not use it up.
    ///
    /// # Errors
    /// [`BindingError::Replayed`], and [`ProofFault::TooOld`] if that is not known any more.
    pub fn look(&self, proof: &FreshProof, now: NumericDate) -> Result<(), BindingError> {
        let hash = self.memory.hash(proof);
        let mut used = self.memory.used();
        used.forget(now);
        used.judge(hash, issued(proof))
    }

    /// Whether [`ReplayAccess::take`] would succeed.
    ///
    /// # Errors
    /// Those of [`ReplayAccess::take`].
    pub fn look_for_room(&self, proof: &FreshProof, now: NumericDate) -> Result<(), BindingError> {
        let hash = self.memory.hash(proof);
        let mut used = self.memory.used();
        used.forget(now);
        used.judge(hash, issued(proof))?;
        used.judge_room(hash)
    }

    /// Whether the proof is unused here, and its key has not used its share of the memory. The shared memory has no shares, so
    /// each replica bounds what one key can record there.
    ///
    /// # Errors
    /// Those of [`ReplayAccess::look`], and [`BindingError::ShareFull`].
    pub fn look_for_share(&self, proof: &FreshProof, now: NumericDate) -> Result<(), BindingError> {
        let hash = self.memory.hash(proof);
        let mut used = self.memory.used();
        used.forget(now);
        used.judge(hash, issued(proof))?;
        used.judge_share(hash)
    }

    /// Uses a proof up.
    ///
    /// # Errors
    /// Those of [`ReplayAccess::look`], [`BindingError::MemoryFull`] and [`BindingError::ShareFull`].
    pub fn take(&self, proof: &FreshProof, now: NumericDate) -> Result<(), BindingError> {
        let hash = self.memory.hash(proof);
        let mut used = self.memory.used();
        used.forget(now);
        used.judge(hash, issued(proof))?;
        used.judge_room(hash)?;
        used.insert(hash, issued(proof));
        Ok(())
    }

    /// The entry of a proof in the memory that replicas share.
    pub fn shared(&self, proof: &FreshProof, now: NumericDate) -> SharedProof {
        let in_force = self.memory.used().max_skew();
        SharedProof::of(proof, in_force.max(self.terms.max_skew), now)
    }

    /// Remembers a proof that the shared memory recorded. The shared memory can lose its data, for example when its
    /// server restarts, so a proof that was used here before is refused. A full memory refuses nothing here.
    ///
    /// # Errors
    /// Those of [`ReplayAccess::look`].
    pub fn remember(&self, proof: &FreshProof, now: NumericDate) -> Result<(), BindingError> {
        match self.take(proof, now) {
            Err(BindingError::MemoryFull | BindingError::ShareFull) => Ok(()),
            taken => taken,
        }
    }

    /// The number of proofs that are remembered.
    pub fn len(&self) -> usize {
        self.memory.used().proofs.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for ReplayAccess {
    /// The only access to a memory of the default size.
    fn default() -> ReplayAccess {
        ReplayAccess::new(Arc::default(), ReplayTerms::default())
    }
}

impl Default for ReplayTerms {
    fn default() -> ReplayTerms {
        ReplayTerms {
            size: DEFAULT_REPLAY_SIZE as usize,
            max_skew: Duration::ZERO,
            is_shared: false,
        }
    }
}

/// `iat`, rounded up: a proof counts as fresh for at most a second longer than it is.
fn issued(proof: &FreshProof) -> u64 {
    proof.issued.seconds().ceil() as u64
}

// === impl UsedProofs ===

impl UsedProofs {
    fn in_force(&self) -> impl Iterator<Item = Arc<ReplayTerms>> {
        self.configurations.iter().filter_map(Weak::upgrade)
    }

    /// The largest `clock_skew` in force.
    fn max_skew(&self) -> Duration {
        let skews = self.in_force().map(|terms| terms.max_skew);
        skews.max().unwrap_or_default()
    }

    /// Forgets the proofs that are too old for every configuration in force.
    fn forget(&mut self, now: NumericDate) {
        let window = MAX_PROOF_AGE.saturating_add(self.max_skew());
        let window = window.as_secs_f64().ceil() as u64;
        let now = now.seconds() as u64;
        while let Some(first) = self.by_issue.first_entry()
            && first.key().saturating_add(window) <= now
        {
            self.forgotten = self.forgotten.max(*first.key());
            for proof in first.remove() {
                self.proofs.remove(&proof);
                if let Some(count) = self.by_key.get_mut(&proof.0) {
                    *count -= 1;
                    if *count == 0 {
                        self.by_key.remove(&proof.0);
                    }
                }
            }
        }
    }

    fn judge(&self, proof: ProofHash, issued: u64) -> Result<(), BindingError> {
        if self.proofs.contains(&proof) {
            return Err(BindingError::Replayed);
        }
        // A reload can lengthen the window, so that a proof that was used and forgotten would be fresh again.
        if issued <= self.forgotten {
            return Err(ProofFault::TooOld.into());
        }
        Ok(())
    }

    /// The largest size in force.
    fn size(&self) -> usize {
        let sizes = self.in_force().map(|terms| terms.size);
        sizes.max().unwrap_or_default()
    }

    fn judge_room(&self, proof: ProofHash) -> Result<(), BindingError> {
        if self.proofs.len() >= self.size() {
            return Err(BindingError::MemoryFull);
        }
        self.judge_share(proof)
    }

    fn judge_share(&self, proof: ProofHash) -> Result<(), BindingError> {
        let share = (self.size() / KEY_SHARES).max(1);
        if self.by_key.get(&proof.0).is_some_and(|own| *own >= share) {
            return Err(BindingError::ShareFull);
        }
        Ok(())
    }

    fn insert(&mut self, proof: ProofHash, issued: u64) {
        self.proofs.insert(proof);
        self.by_issue.entry(issued).or_default().push(proof);
        *self.by_key.entry(proof.0).or_default() += 1;
    }
}

impl fmt::Debug for ReplayCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplayCache({} proofs)", self.used().proofs.len())
    }
}

#[cfg(test)]
mod tests;
