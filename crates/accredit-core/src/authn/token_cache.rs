//! Verified tokens by their text, bounded in bytes.
//!
//! Only verified tokens are cached, so that a flood of bad tokens does not displace any.

use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::quality::RandomState;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{Equivalent, Weighter};

use crate::authn::identity::Identity;
use crate::token::bearer::BearerToken;

/// The bytes of a cached token beside its text and its identity: pointers, and the cache's own entry.
const ENTRY_OVERHEAD: u64 = 256;

/// The usual bytes of a cached token, to size the cache's tables.
const USUAL_WEIGHT: u64 = 4096;

/// Caches verified tokens.
///
/// A hash with random keys finds an entry, and then the whole text is compared, so that two texts with one hash are two tokens.
/// The comparison may stop at the first byte that differs: a client learns nothing from its time unless it can choose a text
/// with the hash of another client's token, and it does not know the keys of the hash.
pub struct TokenCache<S = RandomState> {
    /// The limit in bytes.
    limit: AtomicU64,
    hasher: S,
    entries: Option<CacheEntries>,
}

type CacheEntries = Cache<
    TokenText,
    CachedToken,
    ByBytes,
    foldhash::fast::RandomState,
    DefaultLifecycle<TokenText, CachedToken>,
>;

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

/// The whole text of a cached token. It is a secret and has no Debug form.
///
/// The hash of the text is stored with it, because the tables need it when they grow and when they evict the token. Without it, they
/// would read the whole text again while they hold the lock of a table.
#[derive(Clone, PartialEq, Eq)]
struct TokenText {
    hash: u64,
    text: Box<[u8]>,
}

#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<TokenText, CachedToken> for ByBytes {
    fn weight(&self, token: &TokenText, cached: &CachedToken) -> u64 {
        (token.text.len() + cached.identity.weight()) as u64 + ENTRY_OVERHEAD
    }
}

impl Hash for TokenText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Hash for HashedToken<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash.unwrap_or_default());
    }
}

impl Equivalent<TokenText> for HashedToken<'_> {
    fn equivalent(&self, cached: &TokenText) -> bool {
        self.hash == Some(cached.hash) && *self.bearer.expose() == *cached.text
    }
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
    /// `hasher` hashes the texts of tokens. The tables hash its results once more, with a hasher of their own.
    fn with_hasher(bytes: u64, hasher: S) -> TokenCache<S> {
        let entries = (bytes > 0).then(|| {
            let items = usize::try_from(bytes / USUAL_WEIGHT)
                .unwrap_or(usize::MAX)
                .max(1);
            let table_hasher = foldhash::fast::RandomState::default();
            let lifecycle = DefaultLifecycle::default();
            Cache::with(items, bytes, ByBytes, table_hasher, lifecycle)
        });
        TokenCache {
            limit: AtomicU64::new(bytes),
            hasher,
            entries,
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
        self.limit.load(Ordering::Relaxed)
    }

    /// Changes the limit of a cache that is on. Tokens are evicted until the cache is within the limit.
    pub fn set_limit(&self, bytes: u64) {
        if let Some(entries) = &self.entries {
            self.limit.store(bytes, Ordering::Relaxed);
            entries.set_capacity(bytes);
        }
    }

    pub fn get(&self, token: HashedToken<'_>) -> Option<CachedToken> {
        token.hash?;
        self.entries.as_ref()?.get(&token)
    }

    /// Caches a token, unless its check does not use the cache. If the cache is full, other tokens are evicted.
    pub fn insert(&self, token: HashedToken<'_>, cached: CachedToken) {
        if let (Some(entries), Some(hash)) = (&self.entries, token.hash) {
            let text = token.bearer.expose().into();
            entries.insert(TokenText { hash, text }, cached);
        }
    }

    /// Removes every token.
    pub(crate) fn clear(&self) {
        if let Some(entries) = &self.entries {
            entries.clear();
        }
    }

    pub fn is_on(&self) -> bool {
        self.entries.is_some()
    }

    /// The number of cached tokens.
    pub fn len(&self) -> usize {
        self.entries.as_ref().map_or(0, Cache::len)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<S> fmt::Debug for TokenCache<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "TokenCache({} bytes)",
            self.limit.load(Ordering::Relaxed)
        )
    }
}

#[cfg(test)]
mod tests;
