//! Verified tokens by the SHA-256 of their text, bounded in bytes.
//!
//! Only verified tokens are cached, so that a flood of bad tokens does not displace any.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::authn::identity::Identity;
use crate::token::bearer::Fingerprint;

/// The bytes of a cached token beside its identity: hash, pointers, and the cache's own entry.
const ENTRY_OVERHEAD: u64 = 256;

/// The usual bytes of a cached token, to size the cache's tables.
const USUAL_WEIGHT: u64 = 4096;

/// Caches verified tokens.
#[derive(Debug)]
pub struct TokenCache {
    /// The limit in bytes.
    limit: u64,
    entries: Option<Cache<Fingerprint, CachedToken, ByBytes>>,
}

/// A verified token, and the keys that verified it.
#[derive(Clone, Debug)]
pub struct CachedToken {
    pub identity: Arc<Identity>,
    /// The generation of the key set that verified it. Under another one the token is verified again.
    pub generation: u64,
}

#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<Fingerprint, CachedToken> for ByBytes {
    fn weight(&self, _: &Fingerprint, cached: &CachedToken) -> u64 {
        cached.identity.weight() as u64 + ENTRY_OVERHEAD
    }
}

impl TokenCache {
    /// A cache of at most that many bytes; 0 turns it off.
    pub fn new(bytes: u64) -> TokenCache {
        if bytes == 0 {
            return TokenCache {
                limit: 0,
                entries: None,
            };
        }
        let items = usize::try_from(bytes / USUAL_WEIGHT)
            .unwrap_or(usize::MAX)
            .max(1);
        TokenCache {
            limit: bytes,
            entries: Some(Cache::with_weighter(items, bytes, ByBytes)),
        }
    }

    /// The limit in bytes.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    pub fn get(&self, fingerprint: &Fingerprint) -> Option<CachedToken> {
        self.entries.as_ref()?.get(fingerprint)
    }

    /// Caches a token. Others are evicted if the cache is full.
    pub fn insert(&self, fingerprint: Fingerprint, cached: CachedToken) {
        if let Some(cache) = &self.entries {
            cache.insert(fingerprint, cached);
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
