//! Verified tokens by their text, bounded in bytes.
//!
//! Only verified tokens are cached, so that a flood of bad tokens does not displace any.

use std::fmt;
use std::hash::BuildHasher;
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
    entries: Option<CacheEntries<S>>,
}

type CacheEntries<S> =
    Cache<TokenText, CachedToken, ByBytes, S, DefaultLifecycle<TokenText, CachedToken>>;

/// A verified token, and the keys that verified it.
#[derive(Clone, Debug)]
pub struct CachedToken {
    pub identity: Arc<Identity>,
    /// The generation of the key set that verified it. If the current generation differs, the token is verified again.
    pub generation: u64,
}

/// The whole text of a cached token. It is a secret and has no Debug form.
#[derive(Clone, PartialEq, Eq, Hash)]
struct TokenText(Box<[u8]>);

#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<TokenText, CachedToken> for ByBytes {
    fn weight(&self, text: &TokenText, cached: &CachedToken) -> u64 {
        (text.0.len() + cached.identity.weight()) as u64 + ENTRY_OVERHEAD
    }
}

impl Equivalent<TokenText> for [u8] {
    fn equivalent(&self, text: &TokenText) -> bool {
        *self == *text.0
    }
}

impl TokenCache {
    /// A cache with this limit in bytes. 0 turns the cache off.
    pub fn new(bytes: u64) -> TokenCache {
        TokenCache::with_hasher(bytes, RandomState::default())
    }
}

impl<S: BuildHasher + Clone> TokenCache<S> {
    fn with_hasher(bytes: u64, hasher: S) -> TokenCache<S> {
        if bytes == 0 {
            return TokenCache {
                limit: AtomicU64::new(0),
                entries: None,
            };
        }
        let items = usize::try_from(bytes / USUAL_WEIGHT)
            .unwrap_or(usize::MAX)
            .max(1);
        let entries = Cache::with(items, bytes, ByBytes, hasher, DefaultLifecycle::default());
        TokenCache {
            limit: AtomicU64::new(bytes),
            entries: Some(entries),
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

    pub fn get(&self, token: BearerToken<'_>) -> Option<CachedToken> {
        self.entries.as_ref()?.get(token.expose())
    }

    /// Caches a token. If the cache is full, other tokens are evicted.
    pub fn insert(&self, token: BearerToken<'_>, cached: CachedToken) {
        if let Some(entries) = &self.entries {
            entries.insert(TokenText(token.expose().into()), cached);
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
