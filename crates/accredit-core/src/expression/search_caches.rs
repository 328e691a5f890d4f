//! The states that searches have built, kept for the next search of the same regular expression on the same thread.
//!
//! A rules file can have thousands of regular expressions. If each of them kept its states, the memory of the process would
//! grow with their number times the number of threads.

use std::cell::RefCell;
use std::collections::HashMap;

use regex_automata::hybrid::dfa::{Cache, DFA};

/// The most bytes of states that one thread keeps.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// What an entry needs besides the states.
const ENTRY_BYTES: usize = 1024;

thread_local! {
    static CACHES: RefCell<SearchCaches> = RefCell::new(SearchCaches::default());
}

/// The caches of one thread.
#[derive(Default)]
struct SearchCaches {
    entries: HashMap<u64, CacheEntry>,
    bytes: usize,
    /// Counts the searches.
    clock: u64,
}

struct CacheEntry {
    cache: Cache,
    bytes: usize,
    last_used: u64,
}

/// Takes the cache of the regular expression with this id, or makes one.
pub fn take(id: u64, dfa: &DFA) -> Cache {
    CACHES
        .try_with(|caches| caches.try_borrow_mut().ok()?.take(id))
        .ok()
        .flatten()
        .unwrap_or_else(|| dfa.create_cache())
}

/// Keeps a cache. The caches whose last search is longest ago are dropped for it.
pub fn keep(id: u64, cache: Cache) {
    // A thread that ends has no caches any more.
    let _ = CACHES.try_with(|caches| {
        if let Ok(mut caches) = caches.try_borrow_mut() {
            caches.keep(id, cache);
        }
    });
}

impl SearchCaches {
    fn take(&mut self, id: u64) -> Option<Cache> {
        let entry = self.entries.remove(&id)?;
        self.bytes = self.bytes.saturating_sub(entry.bytes);
        Some(entry.cache)
    }

    fn keep(&mut self, id: u64, cache: Cache) {
        let bytes = cache.memory_usage() + ENTRY_BYTES;
        while self.bytes + bytes > MAX_BYTES {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.last_used);
            let Some(oldest) = oldest.map(|(id, _)| *id) else {
                break;
            };
            self.take(oldest);
        }
        self.clock += 1;
        self.bytes += bytes;
        let last_used = self.clock;
        self.entries.insert(
            id,
            CacheEntry {
                cache,
                bytes,
                last_used,
            },
        );
    }
}

/// The bytes that the current thread keeps, and of how many regular expressions.
#[cfg(test)]
pub fn kept() -> (usize, usize) {
    CACHES.with_borrow(|caches| {
        let bytes = caches.entries.values().map(|entry| entry.bytes).sum();
        assert_eq!(caches.bytes, bytes, "the sum is kept up to date");
        (bytes, caches.entries.len())
    })
}
