//! Keeps the keys of every configured issuer, and hands those of unchanged ones from one configuration to the next.

use std::sync::Arc;

use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use crate::app::error::StartError;
use crate::config::settings::IssuerSettings;
use crate::jwks::fetch::Http;
use crate::jwks::refresher::Refresher;
use crate::jwks::source::{FetchSettings, KeySource};
use crate::jwks::store::KeyStore;
use crate::telemetry::traces::Traces;

/// The stores that are in use, and the tasks that refresh them.
#[derive(Debug)]
pub struct KeyKeeper {
    kept: Vec<Kept>,
    refreshing: JoinSet<()>,
    system_roots: Http,
    traces: Traces,
}

/// Stores for one configuration that is not in use yet.
#[derive(Debug)]
pub struct Prepared(Vec<Planned>);

#[derive(Debug)]
struct Kept {
    source: KeySource,
    fetch: FetchSettings,
    store: Arc<KeyStore>,
    /// Absent where keys come with the configuration.
    task: Option<AbortHandle>,
}

#[derive(Debug)]
enum Planned {
    Held(Arc<KeyStore>),
    New {
        source: KeySource,
        fetch: FetchSettings,
        store: Arc<KeyStore>,
        http: Http,
    },
}

impl KeyKeeper {
    /// A keeper without keys, whose fetches make these spans.
    pub fn empty(traces: Traces) -> KeyKeeper {
        KeyKeeper {
            kept: Vec::new(),
            refreshing: JoinSet::new(),
            system_roots: Http::with_system_roots(),
            traces,
        }
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
                    Planned::Held(kept.store.clone())
                }
                None => Planned::New {
                    source: issuer.key_source.clone(),
                    fetch: issuer.fetch.clone(),
                    store: Arc::new(KeyStore::new(issuer.key_source.clone(), Instant::now())),
                    http: self.http(&issuer.fetch)?,
                },
            });
        }
        Ok(Prepared(planned))
    }

    /// Starts to refresh what is new. What is no longer configured is kept until [`KeyKeeper::forget_others`].
    pub fn start(&mut self, prepared: &Prepared) {
        for planned in &prepared.0 {
            if let Planned::New {
                source,
                fetch,
                store,
                http,
            } = planned
            {
                let task = (!store.is_fixed()).then(|| {
                    let refresher = Refresher::new(
                        store.clone(),
                        fetch.clone(),
                        http.clone(),
                        self.traces.clone(),
                    );
                    self.refreshing.spawn(refresher.run())
                });
                self.kept.push(Kept {
                    source: source.clone(),
                    fetch: fetch.clone(),
                    store: store.clone(),
                    task,
                });
            }
        }
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
            Planned::Held(store) | Planned::New { store, .. } => store.clone(),
        })
    }
}
