//! Verified tokens by their text, bounded in bytes.
//!
//! Only verified tokens are cached, so that a flood of bad tokens does not displace any.

use std::fmt;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::quality::RandomState;

use crate::authn::identity::Identity;
use crate::token::bearer::BearerToken;

mod eviction;
mod table;

use eviction::{EvictionOrder, QueuedToken, SecondChances, Uses};
use table::{TableWriter, TextEntry, TokenTable};

/// The bytes of a cached token beside its text and its identity: pointers, its entry in the table, and its place in the order of
/// eviction.
const ENTRY_OVERHEAD: u64 = 256;

/// The table gets one bucket for this number of bytes of the limit. With fewer buckets, an insertion would more often find an entry in its
/// bucket. It then writes that entry's reference count, which is slow, because the entry is seldom in the processor's cache.
const BYTES_PER_BUCKET: u64 = 1024;

/// The bytes that one step of lowering the limit evicts at most. An insertion waits for one step only.
const LOWERING_STEP: u64 = 1 << 20;

/// Caches verified tokens.
///
/// A hash with random keys finds an entry, and then the whole text is compared, so that two texts with one hash are two tokens.
/// The comparison may stop at the first byte that differs: a client learns nothing from its time unless it can choose a text
/// with the hash of another client's token, and it does not know the keys of the hash.
///
/// A search takes no lock, and never waits for an insertion. Insertions wait for each other.
pub struct TokenCache<S = RandomState> {
    hasher: S,
    /// `None` if the cache is off.
    tokens: Option<CachedTokens>,
}

struct CachedTokens {
    /// The limit in bytes.
    limit: AtomicU64,
    table: TokenTable<EvictableToken>,
    /// Each change of the table happens while this lock is held.
    evictions: Mutex<Evictions>,
}

/// What decides which tokens are evicted, and when.
struct Evictions {
    /// The bytes of all tokens in the table.
    weight: u64,
    order: EvictionOrder,
    writer: TableWriter,
}

struct EvictableToken {
    cached: CachedToken,
    /// The bytes of the token in [`Evictions::weight`].
    weight: u64,
    uses: Uses,
}

/// The token of a check, and the hash of its text in one cache: for the search, and for the insertion after a miss.
#[derive(Clone, Copy)]
pub struct HashedToken<'a> {
    bearer: BearerToken<'a>,
    /// `None` if the check does not use the cache.
    hash: Option<u64>,
}

/// A verified token, and the keys that verified it.
#[derive(Clone, Debug)]
pub struct CachedToken {
    pub identity: Arc<Identity>,
    /// The generation of the key set that verified it. If the current generation differs, the token is verified again.
    pub generation: u64,
}

impl<'a> HashedToken<'a> {
    /// A token that is neither looked for in the cache nor put into it.
    pub fn uncached(bearer: BearerToken<'a>) -> HashedToken<'a> {
        HashedToken { bearer, hash: None }
    }

    pub fn bearer(&self) -> BearerToken<'a> {
        self.bearer
    }

    /// Whether the check uses the cache.
    pub fn uses_cache(&self) -> bool {
        self.hash.is_some()
    }
}

impl TokenCache {
    /// A cache with this limit in bytes. 0 turns the cache off.
    pub fn new(bytes: u64) -> TokenCache {
        TokenCache::with_hasher(bytes, RandomState::default())
    }
}

impl<S: BuildHasher> TokenCache<S> {
    /// `hasher` hashes the texts of tokens.
    fn with_hasher(bytes: u64, hasher: S) -> TokenCache<S> {
        TokenCache {
            hasher,
            tokens: (bytes > 0).then(|| CachedTokens::new(bytes)),
        }
    }

    /// Hashes the text of a token, if the cache is on. The result is for this cache only.
    pub fn hashed<'a>(&self, bearer: BearerToken<'a>) -> HashedToken<'a> {
        let hash = || self.hasher.hash_one(bearer.expose());
        HashedToken {
            bearer,
            hash: self.is_on().then(hash),
        }
    }

    /// The limit in bytes.
    pub fn limit(&self) -> u64 {
        self.tokens.as_ref().map_or(0, CachedTokens::limit)
    }

    /// Changes the limit of a cache that is on. Tokens are evicted until the cache is within the limit.
    pub fn set_limit(&self, bytes: u64) {
        if let Some(tokens) = &self.tokens {
            tokens.set_limit(bytes);
        }
    }

    pub fn get(&self, token: HashedToken<'_>) -> Option<CachedToken> {
        self.tokens
            .as_ref()?
            .get(token.hash?, token.bearer.expose())
    }

    /// Caches a token, unless its check does not use the cache. If the cache is full, other tokens are evicted.
    pub fn insert(&self, token: HashedToken<'_>, cached: CachedToken) {
        if let (Some(tokens), Some(hash)) = (&self.tokens, token.hash) {
            tokens.insert(hash, token.bearer.expose(), cached);
        }
    }

    /// Removes every token.
    pub(crate) fn clear(&self) {
        if let Some(tokens) = &self.tokens {
            tokens.clear();
        }
    }

    pub fn is_on(&self) -> bool {
        self.tokens.is_some()
    }

    /// The number of cached tokens.
    pub fn len(&self) -> usize {
        self.tokens
            .as_ref()
            .map_or(0, |tokens| tokens.evictions().writer.entries())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl CachedTokens {
    fn new(limit: u64) -> CachedTokens {
        let capacity = usize::try_from(limit / BYTES_PER_BUCKET).unwrap_or(usize::MAX);
        let (table, writer) = TokenTable::with_capacity(capacity);
        CachedTokens {
            limit: AtomicU64::new(limit),
            table,
            evictions: Mutex::new(Evictions {
                weight: 0,
                order: EvictionOrder::default(),
                writer,
            }),
        }
    }

    fn limit(&self) -> u64 {
        self.limit.load(Ordering::Relaxed)
    }

    fn get(&self, hash: u64, text: &[u8]) -> Option<CachedToken> {
        self.table.get(hash, text, |entry| {
            entry.uses.add();
            entry.cached.clone()
        })
    }

    fn insert(&self, hash: u64, text: &[u8], cached: CachedToken) {
        let weight = (text.len() + cached.identity.weight()) as u64 + ENTRY_OVERHEAD;
        let stored: Box<[u8]> = text.into();
        let mut evictions = self.evictions();
        if weight > self.limit() {
            return;
        }
        // A token that was verified again keeps its uses, and its place in the order.
        let uses = self.table.get(hash, text, |old| Uses::of(&old.uses));
        let entry = EvictableToken {
            cached,
            weight,
            uses: uses.unwrap_or_default(),
        };
        let replaced = self
            .table
            .insert(&mut evictions.writer, hash, stored, entry);
        let old_weight = replaced.as_ref().map_or(0, |old| old.value.weight);
        let others = evictions.weight.saturating_sub(old_weight);
        evictions.weight = others.saturating_add(weight);
        if replaced.is_none() {
            let has_room = evictions.weight <= self.limit();
            evictions.order.push(QueuedToken { hash, weight }, has_room);
        }
        let evicted = self.evict(&mut evictions);
        // Other insertions do not wait until the memory of these tokens is free.
        drop(evictions);
        drop((replaced, evicted));
    }

    fn set_limit(&self, bytes: u64) {
        loop {
            let mut evictions = self.evictions();
            let step = evictions.weight.saturating_sub(LOWERING_STEP).max(bytes);
            self.limit.store(step, Ordering::Relaxed);
            let evicted = self.evict(&mut evictions);
            if step == bytes {
                evictions.order.shrink();
            }
            drop(evictions);
            drop(evicted);
            if step == bytes {
                return;
            }
        }
    }

    /// Removes tokens until the cache is within its limit, and returns them.
    fn evict(&self, evictions: &mut Evictions) -> Vec<Arc<TextEntry<EvictableToken>>> {
        let mut evicted = Vec::new();
        let mut chances = SecondChances::new();
        while evictions.weight > self.limit() {
            let was_used = |hash| {
                let used = self.table.get_by_hash(hash, |entry| entry.uses.take());
                used.unwrap_or(false)
            };
            let Some(hash) = evictions.order.evict(&mut chances, was_used) else {
                // No token is left.
                evictions.weight = 0;
                break;
            };
            let removed = self.table.remove_by_hash(&mut evictions.writer, hash);
            let freed = removed.as_ref().map_or(0, |entry| entry.value.weight);
            evictions.weight = evictions.weight.saturating_sub(freed);
            evicted.extend(removed);
        }
        evicted
    }

    fn clear(&self) {
        let mut evictions = self.evictions();
        self.table.clear(&mut evictions.writer);
        evictions.weight = 0;
        evictions.order = EvictionOrder::default();
    }

    fn evictions(&self) -> MutexGuard<'_, Evictions> {
        self.evictions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> fmt::Debug for TokenCache<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.tokens.as_ref().map_or(0, CachedTokens::limit);
        write!(f, "TokenCache({limit} bytes)")
    }
}

#[cfg(test)]
mod tests;
