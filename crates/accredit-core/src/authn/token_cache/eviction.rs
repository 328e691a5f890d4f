//! The order in which cached tokens are evicted: S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023).
//!
//! As soon as the cache is full, a new token enters the probation queue, which has about 3 % of the bytes. If the token is used there, it
//! moves to the main queue. Otherwise it is evicted, and its hash enters the ghost queue: if the token is cached again soon, it enters the
//! main queue at once. Therefore a client that sends each of its tokens once displaces few of the tokens that others use.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicU8, Ordering};

/// The greatest number of uses that are counted for one token.
const MAX_USES: u8 = 3;

/// The share of the probation queue in the bytes of all tokens: one part of 32. A small queue evicts a token soon after it was cached.
/// Measured: the memory of that token, which the next token gets, is then still in the processor's cache.
const PROBATION_SHARE: u64 = 32;

/// The probation queue may have this number of tokens, whatever their share is. It matters to caches of few tokens.
const MIN_PROBATION: usize = 8;

/// The number of [`SecondChances`] of one change of the cache.
const MAX_SECOND_CHANCES: usize = 64;

/// How often a token was used since it was last considered for eviction, up to [`MAX_USES`].
#[derive(Default)]
pub(super) struct Uses(AtomicU8);

/// The number of used tokens that the evictions of one change of the cache may keep. It bounds their time: all tokens can have been used.
pub(super) struct SecondChances(usize);

/// A cached token in a queue.
#[derive(Clone, Copy)]
pub(super) struct QueuedToken {
    pub(super) hash: u64,
    /// The bytes of the token when it was first cached.
    pub(super) weight: u64,
}

/// The cached tokens in the order of their eviction.
#[derive(Default)]
pub(super) struct EvictionOrder {
    probation: TokenQueue,
    main: TokenQueue,
    /// The hashes of tokens that were evicted from the probation queue, the oldest in front. There are at most as many as cached tokens.
    ghosts: VecDeque<u64>,
    /// The hashes in `ghosts` whose tokens were not cached again.
    absent: HashSet<u64, foldhash::fast::RandomState>,
    /// Whether a token had no room. Before, each new token enters the main queue.
    was_full: bool,
}

/// The oldest token is in front.
#[derive(Default)]
struct TokenQueue {
    tokens: VecDeque<QueuedToken>,
    weight: u64,
}

// === impl Uses ===

impl Uses {
    /// As often used as this.
    pub(super) fn of(other: &Uses) -> Uses {
        Uses(AtomicU8::new(other.0.load(Ordering::Relaxed)))
    }

    /// Counts a use. Two uses at the same time can count as one.
    pub(super) fn add(&self) {
        let uses = self.0.load(Ordering::Relaxed);
        // At the maximum, nothing is written: a write would take the cache line from the other threads that use the token.
        if uses < MAX_USES {
            self.0.store(uses + 1, Ordering::Relaxed);
        }
    }

    /// Takes one use away. Returns false if there is none.
    pub(super) fn take(&self) -> bool {
        let uses = self.0.load(Ordering::Relaxed);
        self.0.store(uses.saturating_sub(1), Ordering::Relaxed);
        uses > 0
    }
}

// === impl SecondChances ===

impl SecondChances {
    /// Those of one change.
    pub(super) fn new() -> SecondChances {
        SecondChances(MAX_SECOND_CHANCES)
    }

    fn is_left(&self) -> bool {
        self.0 > 0
    }

    fn spend(&mut self) {
        self.0 = self.0.saturating_sub(1);
    }
}

// === impl EvictionOrder ===

impl EvictionOrder {
    /// Adds a token that has been cached. `has_room` tells whether the cache is within its limit with it.
    pub(super) fn push(&mut self, token: QueuedToken, has_room: bool) {
        self.was_full |= !has_room;
        if !self.was_full || self.absent.remove(&token.hash) {
            self.main.push(token);
        } else {
            self.probation.push(token);
        }
    }

    /// Removes the token to evict, and returns its hash. `was_used` takes one use of a token away, and returns false if there is none.
    pub(super) fn evict(
        &mut self,
        chances: &mut SecondChances,
        mut was_used: impl FnMut(u64) -> bool,
    ) -> Option<u64> {
        loop {
            // Without further chances, the probation queue is emptied first: each token of the main queue can have been used.
            let is_from_probation =
                self.probation_is_due() || !chances.is_left() && !self.probation.tokens.is_empty();
            let queue = if is_from_probation {
                &mut self.probation
            } else {
                &mut self.main
            };
            let token = queue.pop()?;
            if chances.is_left() && was_used(token.hash) {
                chances.spend();
                self.main.push(token);
                continue;
            }
            if is_from_probation {
                self.ghosts.push_back(token.hash);
                self.absent.insert(token.hash);
            }
            self.trim_ghosts();
            return Some(token.hash);
        }
    }

    /// Returns memory that the queues do not need.
    pub(super) fn shrink(&mut self) {
        for queue in [&mut self.probation, &mut self.main] {
            queue.tokens.shrink_to_fit();
        }
        self.ghosts.shrink_to_fit();
        self.absent.shrink_to_fit();
    }

    fn probation_is_due(&self) -> bool {
        let all = self.probation.weight.saturating_add(self.main.weight);
        let is_large = self.probation.tokens.len() > MIN_PROBATION
            && self.probation.weight > all / PROBATION_SHARE;
        is_large || self.main.tokens.is_empty()
    }

    fn trim_ghosts(&mut self) {
        while self.ghosts.len() > self.probation.tokens.len() + self.main.tokens.len() {
            if let Some(oldest) = self.ghosts.pop_front() {
                self.absent.remove(&oldest);
            }
        }
    }
}

// === impl TokenQueue ===

impl TokenQueue {
    fn push(&mut self, token: QueuedToken) {
        self.weight = self.weight.saturating_add(token.weight);
        self.tokens.push_back(token);
    }

    fn pop(&mut self) -> Option<QueuedToken> {
        let token = self.tokens.pop_front()?;
        self.weight = self.weight.saturating_sub(token.weight);
        Some(token)
    }
}

#[cfg(test)]
mod tests;
