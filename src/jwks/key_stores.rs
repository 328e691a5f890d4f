//! Owns the key stores of all issuer entries and the tasks that refresh them, and carries both over a reload.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use accredit_core::keys::source::{FetchSettings, KeySource};
use accredit_core::keys::store::KeyStore;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use crate::jwks::fetcher::Fetcher;
use crate::jwks::issuer_client::IssuerClient;
use crate::jwks::key_saver::KeySaver;
use crate::jwks::refresher::Refresher;
use crate::jwks::saved_keys::KeySetOwner;
use crate::jwks::state_dir::StateDir;
use crate::jwks::trust::{CaFileError, TrustStore};
use crate::telemetry::traces::Traces;

/// How many first fetches begin at the same time. A thousand issuers would otherwise open a thousand connections at once.
const MAX_FIRST_FETCHES: usize = 32;

/// The keys of one issuer entry, as configured.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyEntry {
    /// The `iss` values of the entry.
    pub issuers: Vec<Arc<str>>,
    pub source: KeySource,
    pub settings: FetchSettings,
}

/// The stores that are in use, and the tasks that refresh them.
#[derive(Debug)]
pub struct KeyStores {
    maintained: Vec<MaintainedStore>,
    tasks: JoinSet<()>,
    system_trust: Arc<TrustStore>,
    traces: Traces,
    first_fetches: Arc<Semaphore>,
    state_dir: Option<StateDir>,
}

#[derive(Debug)]
struct MaintainedStore {
    entry: KeyEntry,
    store: Arc<KeyStore>,
    /// `None` if the configuration contains the keys.
    task: Option<AbortHandle>,
}

/// The stores of a configuration that is not in use yet, in the order of its entries.
#[derive(Debug)]
pub struct PreparedStores(Vec<PreparedStore>);

#[derive(Debug)]
struct PreparedStore {
    entry: KeyEntry,
    store: Arc<KeyStore>,
    /// `None` if the store is in use already.
    client: Option<IssuerClient>,
}

/// A `ca_file` of the configuration cannot be used.
#[derive(Debug, Error)]
#[error("ca_file {} {error}", file.display())]
pub struct UnusableCaFile {
    pub file: PathBuf,
    #[source]
    pub error: CaFileError,
}

impl KeyEntry {
    /// The client that fetches this entry's keys.
    ///
    /// # Errors
    /// [`UnusableCaFile`]
    pub fn client(&self, system_trust: &Arc<TrustStore>) -> Result<IssuerClient, UnusableCaFile> {
        let failed = |file: &Path, error| UnusableCaFile {
            file: file.to_owned(),
            error,
        };
        let trust = match &self.settings.ca_file {
            Some(file) => TrustStore::of_file(file).map_err(|error| failed(file, error))?,
            None => system_trust.clone(),
        };
        Ok(IssuerClient::new(trust))
    }
}

impl Default for KeyStores {
    fn default() -> KeyStores {
        KeyStores {
            maintained: Vec::new(),
            tasks: JoinSet::new(),
            system_trust: TrustStore::system(),
            traces: Traces::default(),
            first_fetches: Arc::new(Semaphore::new(MAX_FIRST_FETCHES)),
            state_dir: None,
        }
    }
}

impl KeyStores {
    /// Saves fetched key sets in that folder, and begins with those that an earlier process saved.
    #[must_use]
    pub fn saving_in(self, state_dir: Option<PathBuf>) -> KeyStores {
        let state_dir = state_dir.map(StateDir::new);
        KeyStores { state_dir, ..self }
    }

    /// Makes a span of each fetch.
    #[must_use]
    pub fn traced(self, traces: Traces) -> KeyStores {
        KeyStores { traces, ..self }
    }

    /// A store for each entry: the one in use if the entry is unchanged.
    ///
    /// # Errors
    /// [`UnusableCaFile`]
    pub fn prepare(&self, entries: Vec<KeyEntry>) -> Result<PreparedStores, UnusableCaFile> {
        let mut reused: Vec<*const KeyStore> = Vec::new();
        let mut prepared = Vec::new();
        for entry in entries {
            let unchanged = self.maintained.iter().find(|maintained| {
                maintained.entry == entry && !reused.contains(&Arc::as_ptr(&maintained.store))
            });
            let (store, client) = match unchanged {
                Some(maintained) => {
                    reused.push(Arc::as_ptr(&maintained.store));
                    (maintained.store.clone(), None)
                }
                None => (
                    self.new_store(&entry),
                    Some(entry.client(&self.system_trust)?),
                ),
            };
            prepared.push(PreparedStore {
                entry,
                store,
                client,
            });
        }
        Ok(PreparedStores(prepared))
    }

    /// An entry whose times or issuers changed begins with its earlier keys: its issuer can be unreachable.
    fn new_store(&self, entry: &KeyEntry) -> Arc<KeyStore> {
        let now = Instant::now().into_std();
        let store = KeyStore::new(entry.source.clone(), now);
        let same_source = self.maintained.iter().find(|maintained| {
            maintained.entry.source == entry.source
                && maintained.entry.settings.ca_file == entry.settings.ca_file
        });
        if let Some(maintained) = same_source {
            store.inherit(&maintained.store, entry.settings.max_stale, now);
        }
        Arc::new(store)
    }

    /// Starts to refresh the new stores. Those that are no longer configured stay until [`KeyStores::drop_others`].
    pub fn start(&mut self, prepared: &PreparedStores) {
        for prepared in &prepared.0 {
            let Some(client) = &prepared.client else {
                continue;
            };
            let PreparedStore { entry, store, .. } = prepared;
            let task = (!store.is_fixed()).then(|| {
                let fetcher = Fetcher::new(&entry.source, &entry.settings, client.clone());
                let first_fetches = self.first_fetches.clone();
                let refresher = Refresher::new(
                    store.clone(),
                    fetcher,
                    entry.settings.clone(),
                    first_fetches,
                )
                .saving(self.saver(entry))
                .traced(self.traces.clone());
                self.tasks.spawn(refresher.run())
            });
            self.maintained.push(MaintainedStore {
                entry: entry.clone(),
                store: store.clone(),
                task,
            });
        }
    }

    fn saver(&self, entry: &KeyEntry) -> Option<KeySaver> {
        let owner = KeySetOwner::of(&entry.issuers, &entry.source, &entry.settings)?;
        Some(KeySaver::new(self.state_dir.clone()?, owner))
    }

    /// Stops to refresh what this configuration does not use.
    pub fn drop_others(&mut self, prepared: &PreparedStores) {
        self.maintained.retain(|maintained| {
            let is_used = prepared
                .stores()
                .any(|store| Arc::ptr_eq(&store, &maintained.store));
            if !is_used && let Some(task) = &maintained.task {
                task.abort();
            }
            is_used
        });
    }

    /// Resolves when a refresher has ended by itself, which is an internal error.
    pub async fn failed(&mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            if !ended.is_err_and(|error| error.is_cancelled()) {
                return;
            }
        }
        std::future::pending().await
    }

    /// Ends every refresher.
    pub async fn shutdown(&mut self) {
        self.tasks.shutdown().await;
    }
}

impl PreparedStores {
    /// The stores in the order of the entries.
    pub fn stores(&self) -> impl Iterator<Item = Arc<KeyStore>> {
        self.0.iter().map(|prepared| prepared.store.clone())
    }
}
