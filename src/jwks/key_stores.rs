//! Leases key stores to the configurations of the process, and runs a refresher for each store.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use accredit_core::keys::lease::{KeyEntry, KeyLease, KeyLeases, Leased};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::jwks::bearer_file::{self, BearerFileError};
use crate::jwks::fetcher::Fetcher;
use crate::jwks::issuer_client::IssuerClient;
use crate::jwks::key_saver::KeySaver;
use crate::jwks::refresher::Refresher;
use crate::jwks::saved_keys::KeySetOwner;
use crate::jwks::state_dir::StateDir;
use crate::jwks::trust::{TrustFileError, TrustStore};
use crate::telemetry::traces::Traces;

/// The maximum number of first fetches at the same time. A thousand issuers would otherwise open a thousand connections at once.
const MAX_FIRST_FETCHES: usize = 32;

/// The time limit at the end of the process for writing the last key sets.
const LAST_WRITES_TIMEOUT: Duration = Duration::from_millis(500);

/// The stores that are in use, and the tasks that refresh them. A task ends when the last lease on its store is dropped.
pub struct KeyStores {
    leases: KeyLeases,
    /// The refreshers of new stores, until [`KeyStores::start`].
    unstarted: Vec<Refresher>,
    tasks: JoinSet<()>,
    system_trust: Arc<TrustStore>,
    traces: Traces,
    first_fetches: Arc<Semaphore>,
    saved_keys: SavedKeys,
    /// The tasks that read the saved keys of new stores, until [`KeyStores::restore`].
    restores: Vec<BoxFuture<'static, ()>>,
}

/// The use of `state_dir`.
enum SavedKeys {
    Unused,
    /// Key sets are read, and none are written.
    Read(StateDir),
    /// Key sets are read, and fetched key sets are written.
    Kept(StateDir),
}

/// A file that fetches of an issuer entry need cannot be used.
#[derive(Debug, Error)]
#[error("issuers[{issuer}].jwks.{error}")]
pub struct UnusableKeyAccess {
    /// The number of the issuer entry, from 0.
    pub issuer: usize,
    #[source]
    pub error: KeyAccessError,
}

#[derive(Debug, Error)]
pub enum KeyAccessError {
    #[error(transparent)]
    Trust(#[from] TrustFileError),
    #[error("bearer_file: {0}")]
    Bearer(#[from] BearerFileError),
}

/// The client that fetches the keys of this entry, which is the entry `issuer` of the configuration.
///
/// # Errors
/// [`UnusableKeyAccess`]
pub fn client(
    issuer: usize,
    entry: &KeyEntry,
    system_trust: &Arc<TrustStore>,
) -> Result<IssuerClient, UnusableKeyAccess> {
    let build = || {
        let (ca_file, access) = (&entry.settings.ca_file, &entry.settings.access);
        let needs_own_clients =
            ca_file.is_some() || access.client_identity.is_some() || access.connect.is_some();
        let trust = match needs_own_clients {
            true => TrustStore::of_files(ca_file.as_deref(), access)?,
            false => system_trust.clone(),
        };
        // The files are read now, so that a configuration with a wrong path does not take effect.
        if let Some(file) = &access.bearer_file {
            bearer_file::authorization(file)?;
        }
        Ok(IssuerClient::new(trust).with_access(access.clone()))
    };
    build().map_err(|error| UnusableKeyAccess { issuer, error })
}

impl Default for KeyStores {
    fn default() -> KeyStores {
        KeyStores {
            leases: KeyLeases::default(),
            unstarted: Vec::new(),
            tasks: JoinSet::new(),
            system_trust: TrustStore::system(),
            traces: Traces::default(),
            first_fetches: Arc::new(Semaphore::new(MAX_FIRST_FETCHES)),
            saved_keys: SavedKeys::Unused,
            restores: Vec::new(),
        }
    }
}

impl KeyStores {
    /// Saves fetched key sets in that folder, and begins with those that an earlier process saved.
    #[must_use]
    pub fn saving_in(self, state_dir: Option<PathBuf>) -> KeyStores {
        let saved_keys =
            state_dir.map_or(SavedKeys::Unused, |dir| SavedKeys::Kept(StateDir::new(dir)));
        KeyStores { saved_keys, ..self }
    }

    /// Begins with the key sets that a process saved in that folder, once [`KeyStores::restore`] has read them, and writes none.
    #[must_use]
    pub fn reading_from(self, state_dir: Option<PathBuf>) -> KeyStores {
        let saved_keys =
            state_dir.map_or(SavedKeys::Unused, |dir| SavedKeys::Read(StateDir::new(dir)));
        KeyStores { saved_keys, ..self }
    }

    /// Makes a span of each fetch.
    #[must_use]
    pub fn traced(self, traces: Traces) -> KeyStores {
        KeyStores { traces, ..self }
    }

    /// A lease for each entry, in the order of the entries. No fetch begins before [`KeyStores::start`].
    ///
    /// # Errors
    /// [`UnusableKeyAccess`]
    pub fn lease(&mut self, entries: &[KeyEntry]) -> Result<Vec<KeyLease>, UnusableKeyAccess> {
        let mut leases = Vec::new();
        let mut refreshers = Vec::new();
        for (issuer, entry) in entries.iter().enumerate() {
            let lease = match self.leases.lease(entry, Instant::now().into_std()) {
                Leased::Shared(lease) => lease,
                Leased::New(lease) => {
                    if !lease.store().is_fixed() {
                        refreshers.push(self.refresher(issuer, entry, &lease)?);
                    }
                    lease
                }
            };
            leases.push(lease);
        }
        self.unstarted.extend(refreshers);
        Ok(leases)
    }

    /// Reads the saved keys of new stores, by the rules of the service. Only with [`KeyStores::reading_from`]; the
    /// refreshers of other stores do it themselves.
    pub async fn restore(&mut self) {
        join_all(self.restores.drain(..)).await;
    }

    fn refresher(
        &mut self,
        issuer: usize,
        entry: &KeyEntry,
        lease: &KeyLease,
    ) -> Result<Refresher, UnusableKeyAccess> {
        let KeyEntry {
            issuers,
            source,
            settings,
        } = entry;
        let fetcher = Fetcher::new(source, settings, client(issuer, entry, &self.system_trust)?);
        let first_fetches = self.first_fetches.clone();
        let owner = KeySetOwner::of(issuers, source, settings);
        let saver = match (&self.saved_keys, owner) {
            (SavedKeys::Kept(dir), Some(owner)) => Some(KeySaver::new(dir.clone(), owner)),
            (SavedKeys::Read(dir), Some(owner)) => {
                let restore = KeySaver::new(dir.clone(), owner)
                    .restore(lease.store().clone(), settings.max_stale);
                self.restores.push(restore.boxed());
                None
            }
            (SavedKeys::Unused, _) | (_, None) => None,
        };
        Ok(Refresher::new(
            lease.store().clone(),
            fetcher,
            settings.clone(),
            first_fetches,
        )
        .saving(saver)
        .traced(self.traces.clone()))
    }

    /// The system's roots, for other fetches of the process.
    pub fn system_trust(&self) -> &Arc<TrustStore> {
        &self.system_trust
    }

    /// Starts to refresh the new stores.
    pub fn start(&mut self) {
        for refresher in self.unstarted.drain(..) {
            self.tasks.spawn(refresher.run());
        }
    }

    /// Removes the refreshers that have ended. Returns whether one of them panicked.
    pub fn remove_ended(&mut self) -> bool {
        let mut has_failed = false;
        while let Some(ended) = self.tasks.try_join_next() {
            has_failed |= ended.is_err();
        }
        has_failed
    }

    /// Resolves when a refresher panicked.
    pub async fn failed(&mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            if ended.is_err() {
                return;
            }
        }
        std::future::pending().await
    }

    /// Ends every refresher. Key sets that were not written yet are written first, if the disk is fast enough: an older file can
    /// contain keys that the issuer has withdrawn.
    pub async fn shutdown(&mut self) {
        self.leases.release_all();
        let written = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST_WRITES_TIMEOUT, written)
            .await
            .is_err()
        {
            tracing::warn!("the last key sets are not saved: state_dir is too slow");
        }
        self.tasks.shutdown().await;
    }
}
