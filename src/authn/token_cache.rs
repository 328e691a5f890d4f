//! Verified tokens by the SHA-256 of their text, bounded in bytes.
//!
//! Only what was verified is remembered, so that a flood of bad tokens changes nothing here.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::authn::identity::Identity;
use crate::token::bearer::Fingerprint;

/// What a remembered token costs beside its identity: hash, pointers, and the cache's own entry.
const ENTRY_OVERHEAD: u64 = 256;

/// A guess of a remembered token's bytes, to size the cache's tables.
const USUAL_WEIGHT: u64 = 4096;

/// Remembers verified tokens.
#[derive(Debug)]
pub struct TokenCache(Option<Cache<Fingerprint, Remembered, ByBytes>>);

/// A verified token, and the keys that verified it.
#[derive(Clone, Debug)]
pub struct Remembered {
    /// Whose token it is.
    pub identity: Arc<Identity>,
    /// The generation of the key set that held its key: with another the token has to be verified again.
    pub generation: u64,
}

#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<Fingerprint, Remembered> for ByBytes {
    fn weight(&self, _: &Fingerprint, remembered: &Remembered) -> u64 {
        remembered.identity.weight() as u64 + ENTRY_OVERHEAD
    }
}

impl TokenCache {
    /// A cache of at most that many bytes; 0 remembers nothing.
    pub fn new(bytes: u64) -> TokenCache {
        if bytes == 0 {
            return TokenCache(None);
        }
        let items = usize::try_from(bytes / USUAL_WEIGHT)
            .unwrap_or(usize::MAX)
            .max(1);
        TokenCache(Some(Cache::with_weighter(items, bytes, ByBytes)))
    }

    /// The remembered token with that fingerprint.
    pub fn get(&self, fingerprint: &Fingerprint) -> Option<Remembered> {
        self.0.as_ref()?.get(fingerprint)
    }

    /// Remembers a token; another may be forgotten for it.
    pub fn insert(&self, fingerprint: Fingerprint, remembered: Remembered) {
        if let Some(cache) = &self.0 {
            cache.insert(fingerprint, remembered);
        }
    }

    /// Whether anything can be remembered at all.
    pub fn remembers(&self) -> bool {
        self.0.is_some()
    }

    /// How many tokens are remembered.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, Cache::len)
    }

    /// Whether no token is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
