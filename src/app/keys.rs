//! Keeps the keys of every configured issuer, and hands those of unchanged ones from one configuration to the next.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use crate::app::error::StartError;
use crate::config::settings::IssuerSettings;
use crate::jwks::fetch::Fetcher;
use crate::jwks::http::Http;
use crate::jwks::keeper::Keeper;
use crate::jwks::last_good::Owner;
use crate::jwks::refresher::Refresher;
use crate::jwks::source::{FetchSettings, KeySource};
use crate::jwks::state_dir::StateDir;
use crate::jwks::store::KeyStore;
use crate::telemetry::traces::Traces;

/// So many first fetches begin at a time. A thousand issuers would otherwise open a thousand connections at once.
const FIRST_FETCHES: usize = 32;

/// The stores that are in use, and the tasks that refresh them.
#[derive(Debug)]
pub struct KeyKeeper {
    kept: Vec<Kept>,
    refreshing: JoinSet<()>,
    system_roots: Http,
    traces: Traces,
    turns: Arc<Semaphore>,
    state_dir: Option<StateDir>,
}

/// Stores for one configuration that is not in use yet.
#[derive(Debug)]
pub struct Prepared(Vec<Planned>);

#[derive(Debug)]
struct Kept {
    source: KeySource,
    fetch: FetchSettings,
    store: Arc<KeyStore>,
    /// Absent where nothing outlives the process.
    keeper: Option<Keeper>,
    /// Absent where keys come with the configuration.
    task: Option<AbortHandle>,
}

#[derive(Debug)]
enum Planned {
    Held {
        store: Arc<KeyStore>,
        names: Vec<Arc<str>>,
    },
    New {
        source: KeySource,
        names: Vec<Arc<str>>,
        fetch: FetchSettings,
        store: Arc<KeyStore>,
        http: Http,
    },
}

impl KeyKeeper {
    /// A keeper without keys.
    pub fn empty() -> KeyKeeper {
        KeyKeeper {
            kept: Vec::new(),
            refreshing: JoinSet::new(),
            system_roots: Http::with_system_roots(),
            traces: Traces::default(),
            turns: Arc::new(Semaphore::new(FIRST_FETCHES)),
            state_dir: None,
        }
    }

    /// The same, and there the keys that it will have outlive it.
    #[must_use]
    pub fn keeping_in(self, state_dir: Option<PathBuf>) -> KeyKeeper {
        KeyKeeper {
            state_dir: state_dir.map(StateDir::new),
            ..self
        }
    }

    /// The same, and its fetches make spans.
    #[must_use]
    pub fn traced(self, traces: Traces) -> KeyKeeper {
        KeyKeeper { traces, ..self }
    }

    /// A store for each issuer entry, in order: the one in use where source and fetching are unchanged.
    ///
    /// # Errors
    /// [`StartError::Roots`]
    pub fn prepare(&self, issuers: &[IssuerSettings]) -> Result<Prepared, StartError> {
        let mut taken: Vec<*const KeyStore> = Vec::new();
        let mut planned = Vec::new();
        for issuer in issuers {
            let held = self.kept.iter().find(|kept| {
                kept.source == issuer.key_source
                    && kept.fetch == issuer.fetch
                    && !taken.contains(&Arc::as_ptr(&kept.store))
            });
            planned.push(match held {
                Some(kept) => {
                    taken.push(Arc::as_ptr(&kept.store));
                    Planned::Held {
                        store: kept.store.clone(),
                        names: issuer.names.clone(),
                    }
                }
                None => Planned::New {
                    source: issuer.key_source.clone(),
                    names: issuer.names.clone(),
                    fetch: issuer.fetch.clone(),
                    store: self.new_store(issuer),
                    http: self.http(&issuer.fetch)?,
                },
            });
        }
        Ok(Prepared(planned))
    }

    /// An issuer that is unreachable while its entry's times are changed must not lose the keys that it has.
    fn new_store(&self, issuer: &IssuerSettings) -> Arc<KeyStore> {
        let now = Instant::now();
        let store = KeyStore::new(issuer.key_source.clone(), now);
        let same_source = self.kept.iter().find(|kept| {
            kept.source == issuer.key_source && kept.fetch.ca_file == issuer.fetch.ca_file
        });
        if let Some(kept) = same_source {
            store.inherit(&kept.store, issuer.fetch.max_stale, now);
        }
        Arc::new(store)
    }

    /// Begins to write what is to outlive the process. Once, before anything is fetched.
    pub fn start_keeping(&mut self) {
        if let Some(state_dir) = &self.state_dir {
            self.refreshing.spawn(state_dir.clone().run());
        }
    }

    /// Starts to refresh what is new. What is no longer configured is kept until [`KeyKeeper::forget_others`].
    pub fn start(&mut self, prepared: &Prepared) {
        for planned in &prepared.0 {
            match planned {
                Planned::Held { store, names } => self.hand_over(store, names),
                Planned::New {
                    source,
                    names,
                    fetch,
                    store,
                    http,
                } => {
                    let keeper = self.keeper(names, source, fetch);
                    let task = (!store.is_fixed()).then(|| {
                        let fetcher = Fetcher::new(source, fetch, http.clone());
                        let turns = self.turns.clone();
                        let traces = self.traces.clone();
                        let refresher =
                            Refresher::new(store.clone(), fetcher, fetch.clone(), turns);
                        self.refreshing
                            .spawn(refresher.keeping(keeper.clone()).traced(traces).run())
                    });
                    self.kept.push(Kept {
                        source: source.clone(),
                        fetch: fetch.clone(),
                        store: store.clone(),
                        keeper,
                        task,
                    });
                }
            }
        }
    }

    fn hand_over(&self, store: &Arc<KeyStore>, names: &[Arc<str>]) {
        let mut kept = self.kept.iter();
        let kept = kept.find(|kept| Arc::ptr_eq(&kept.store, store));
        if let Some(kept) = kept
            && let Some(keeper) = &kept.keeper
            && let Some(owner) = Owner::of(names, &kept.source, &kept.fetch)
        {
            keeper.hand_over_to(owner);
        }
    }

    fn keeper(
        &self,
        names: &[Arc<str>],
        source: &KeySource,
        fetch: &FetchSettings,
    ) -> Option<Keeper> {
        let owner = Owner::of(names, source, fetch)?;
        let state_dir = self.state_dir.clone()?;
        Some(Keeper::new(state_dir, owner))
    }

    /// Stops to refresh what this configuration does not use.
    pub fn forget_others(&mut self, prepared: &Prepared) {
        let is_used = |kept: &Kept| {
            prepared
                .stores()
                .any(|store| Arc::ptr_eq(&store, &kept.store))
        };
        self.kept.retain(|kept| {
            let used = is_used(kept);
            if !used && let Some(task) = &kept.task {
                task.abort();
            }
            used
        });
    }

    /// Resolves when a task that should never end has ended.
    pub async fn failed(&mut self) {
        while let Some(ended) = self.refreshing.join_next().await {
            if !ended.is_err_and(|error| error.is_cancelled()) {
                return;
            }
        }
        std::future::pending().await
    }

    /// Ends every refresh.
    pub async fn shutdown(&mut self) {
        self.refreshing.shutdown().await;
    }

    fn http(&self, fetch: &FetchSettings) -> Result<Http, StartError> {
        match &fetch.ca_file {
            Some(file) => {
                Http::with_roots(file).map_err(|error| StartError::Roots(file.clone(), error))
            }
            None => Ok(self.system_roots.clone()),
        }
    }
}

impl Prepared {
    /// The stores in the issuers' order.
    pub fn stores(&self) -> impl Iterator<Item = Arc<KeyStore>> {
        self.0.iter().map(|planned| match planned {
            Planned::Held { store, .. } | Planned::New { store, .. } => store.clone(),
        })
    }
}
