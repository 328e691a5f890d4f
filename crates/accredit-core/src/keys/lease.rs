//! Leases on key stores. Configurations that are in force at the same time use one store for equal issuer entries.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::keys::sharing::KeyHolder;
use crate::keys::source::{FetchSettings, KeySource};
use crate::keys::store::KeyStore;

/// The keys of one issuer entry, as configured.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyEntry {
    /// The `iss` values of the entry.
    pub issuers: Vec<Arc<str>>,
    pub source: KeySource,
    pub settings: FetchSettings,
}

/// A lease on a key store. The store is refreshed while at least one lease on it exists. When the last one is dropped, its
/// refresher ends, and the checks that still wait for a fetch are answered.
#[derive(Clone)]
pub struct KeyLease(Arc<LeasedStore>);

/// Releases the store when the last lease is dropped.
struct LeasedStore(Arc<KeyStore>);

/// The stores on which leases exist.
#[derive(Debug, Default)]
pub struct KeyLeases(Vec<(KeyEntry, Weak<LeasedStore>)>);

/// A lease, and whether its store was in use before.
#[derive(Debug)]
pub enum Leased {
    /// Another lease exists, so the store has a refresher.
    Shared(KeyLease),
    /// The store is new. The caller runs a refresher for it, which ends when the store is released.
    New(KeyLease),
}

impl KeyEntry {
    fn holder(&self) -> KeyHolder {
        let mut issuers = self.issuers.clone();
        issuers.sort();
        KeyHolder {
            issuers,
            access: self.settings.access.clone(),
        }
    }
}

impl KeyLeases {
    /// A lease on the store of an equal entry, or on a new store. A new store begins with the key set of another leased
    /// store of the same source, if its entry may use it: when only times, issuers or credentials of an entry change,
    /// its issuer can be unreachable. Of several such sets it is the one that was confirmed last: an older one can
    /// contain keys that the issuer has withdrawn. From then on, the stores of one source exchange what they fetch.
    pub fn lease(&mut self, entry: &KeyEntry, now: Instant) -> Leased {
        self.0.retain(|(_, leased)| leased.strong_count() > 0);
        let equal = self.0.iter().filter(|(own, _)| own == entry);
        if let Some(leased) = equal.filter_map(|(_, leased)| leased.upgrade()).next() {
            return Leased::Shared(KeyLease(leased));
        }
        let same_source = self.0.iter().filter(|(own, _)| {
            own.source == entry.source
                && own.settings.ca_file == entry.settings.ca_file
                && own.settings.access.connect == entry.settings.access.connect
        });
        let others: Vec<_> = same_source
            .filter_map(|(own, other)| Some((own.holder(), other.upgrade()?)))
            .collect();
        let siblings = others.first().map(|(_, other)| other.0.siblings());
        let store = KeyStore::new(entry.source.clone(), now).among(siblings.unwrap_or_default());
        let lease = KeyLease::new(store);
        let (store, max_stale) = (lease.store(), entry.settings.max_stale);
        let holder = entry.holder();
        // The store joins before the sets of the others are read, so that it also gets the sets that they fetch later.
        store.join_siblings(holder.clone(), max_stale);
        let held = others.iter().filter_map(|(own, other)| {
            let held = other.0.held()?;
            let fetched_with = holder.shares(own, held.fetched_with)?;
            Some((own, held, fetched_with))
        });
        let held: Vec<_> = held.collect();
        let latest = held.iter().max_by_key(|(_, held, _)| held.confirmed);
        if let Some((_, latest, fetched_with)) = latest {
            store.inherit(latest, *fetched_with, max_stale, now);
        }
        // A store that holds keys has a newer set of its issuers than every saved set.
        let has_newer = |(own, other): &(KeyHolder, Arc<LeasedStore>)| {
            let mut own = own.issuers.iter();
            own.any(|issuer| holder.issuers.contains(issuer)) && other.0.held().is_some()
        };
        if others.iter().any(has_newer) {
            store.ignore_saved();
        }
        self.0.push((entry.clone(), Arc::downgrade(&lease.0)));
        Leased::New(lease)
    }

    /// Releases every store although leases exist, because the process ends.
    pub fn release_all(&mut self) {
        for leased in self.0.drain(..).filter_map(|(_, leased)| leased.upgrade()) {
            leased.0.release();
        }
    }
}

impl KeyLease {
    /// The first lease on that store.
    pub fn new(store: KeyStore) -> KeyLease {
        KeyLease(Arc::new(LeasedStore(Arc::new(store))))
    }

    /// The store. Its keys are refreshed only while a lease exists.
    pub fn store(&self) -> &Arc<KeyStore> {
        &self.0.0
    }
}

impl Drop for LeasedStore {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl fmt::Debug for KeyLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyLease({:?})", self.store())
    }
}

impl fmt::Debug for LeasedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests;
