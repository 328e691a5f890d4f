//! The parts that all configurations of the process share: the thread that refreshes keys, the key stores, the token
//! cache, and the receivers of decisions.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, Once, OnceLock, PoisonError, Weak};

use accredit::app::apply::first_fetches;
use accredit::app::metrics::ReloadMetrics;
use accredit::deny_list::error::DenyListError;
use accredit::deny_list::keeper::DenyListKeeper;
use accredit::jwks::key_stores::{KeyStores, UnusableKeyAccess};
use accredit::jwks::trust::TrustStore;
use accredit::observe::observer::Observer;
use accredit::observe::report::Disclosure;
use accredit::telemetry::traces::Traces;
use accredit_core::config::filter_config::{FilterSettings, MetadataForm};
use accredit_core::config::settings::Settings;
use accredit_core::engine::{Engines, key_entries};
use accredit_core::keys::lease::{KeyEntry, KeyLease};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::process::active_policy::ActivePolicy;
use crate::process::encoded_forms::{encode_identity, use_form};
use crate::process::platform::Platform;
use crate::process::policy::{ConfigurationError, Policy};

/// The maximum number of requests that wait for a first deny list: as many as can wait for keys (CONTRACT 5.3.11).
const MAX_DENY_LIST_WAITS: usize = 1_024;

static PROCESS: OnceLock<ModuleProcess> = OnceLock::new();

/// The one of this process. It lives as long as the process.
pub struct ModuleProcess {
    runtime: Handle,
    platform: Platform,
    /// The key stores have the `state_dir` of the first configuration. Configurations with separate key stores would
    /// not share the information that a key was withdrawn.
    key_stores: Mutex<Option<(Option<PathBuf>, KeyStores)>>,
    deny_lists: Mutex<Vec<Weak<DenyListKeeper>>>,
    /// Places of requests that wait for a first deny list.
    deny_list_places: Arc<Semaphore>,
    engines: Mutex<Engines>,
    observer: Observer,
    reloads: Arc<ReloadMetrics>,
    policies: Mutex<Vec<Weak<ActivePolicy>>>,
}

/// The parts of a policy, which wait until its keys and its deny list have come.
pub(in crate::process) struct PreparedPolicy {
    settings: Settings,
    leases: Vec<KeyLease>,
    deny_list: Option<Arc<DenyListKeeper>>,
    metadata_form: MetadataForm,
}

impl ModuleProcess {
    /// Makes the process, unless there is one. Its runtime must not have run anything.
    pub(in crate::process) fn get_or_make(
        runtime: Handle,
        platform: Platform,
        traces: Traces,
    ) -> &'static Self {
        PROCESS.get_or_init(|| ModuleProcess::new(runtime, platform, traces))
    }

    pub(crate) fn new(runtime: Handle, platform: Platform, traces: Traces) -> ModuleProcess {
        ModuleProcess {
            runtime,
            platform,
            key_stores: Mutex::default(),
            deny_lists: Mutex::default(),
            deny_list_places: Arc::new(Semaphore::new(MAX_DENY_LIST_WAITS)),
            engines: Mutex::new(Engines::sharing_one_cache(encode_identity)),
            observer: Observer::inside_envoy(traces),
            reloads: Arc::default(),
            policies: Mutex::default(),
        }
    }

    /// The process, if a configuration has started it.
    pub fn get() -> Option<&'static ModuleProcess> {
        PROCESS.get()
    }

    /// The runtime of the thread that refreshes keys.
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// A place among the requests that wait for a first deny list. `None` if all are taken.
    pub fn deny_list_place(&self) -> Option<OwnedSemaphorePermit> {
        self.deny_list_places.clone().try_acquire_owned().ok()
    }

    pub fn observer(&self) -> &Observer {
        &self.observer
    }

    /// The policies of all configurations, superseded ones that Envoy still drains included.
    pub fn policies(&self) -> Vec<Arc<ActivePolicy>> {
        let policies = lock(&self.policies);
        policies.iter().filter_map(Weak::upgrade).collect()
    }

    pub(in crate::process) fn register(&self, policy: &Arc<ActivePolicy>) {
        let mut policies = lock(&self.policies);
        policies.retain(|policy| policy.strong_count() > 0);
        policies.push(Arc::downgrade(policy));
    }

    /// The policy of these settings at once. Its keys and its deny list may not have come yet.
    pub(in crate::process) fn policy(
        &self,
        filter: FilterSettings,
    ) -> Result<Policy, ConfigurationError> {
        Ok(self.build(self.begin(filter)?))
    }

    /// Begins to fetch the keys and the deny list of these settings. The future waits for the first fetches of new ones
    /// (CONTRACT 3.3.4).
    pub(in crate::process) fn prepare(
        &self,
        filter: FilterSettings,
    ) -> Result<
        impl Future<Output = Result<PreparedPolicy, ConfigurationError>> + Send + use<>,
        ConfigurationError,
    > {
        let prepared = self.begin(filter)?;
        let fetched = first_fetches(&prepared.settings, &prepared.leases);
        let deny_list = prepared.deny_list.clone();
        let first_list = async move {
            match deny_list {
                Some(keeper) => keeper.first_list().await,
                None => Ok(()),
            }
        };
        Ok(async move {
            let ((), listed) = tokio::join!(fetched, first_list);
            // Without a deny list, the new configuration would refuse every token.
            listed?;
            Ok(prepared)
        })
    }

    fn begin(&self, filter: FilterSettings) -> Result<PreparedPolicy, ConfigurationError> {
        let FilterSettings {
            resolved,
            metadata_form,
        } = filter;
        self.platform.require_form(metadata_form)?;
        let settings = resolved.settings;
        Ok(PreparedPolicy {
            leases: self.lease(settings.state_dir.as_deref(), &key_entries(&settings))?,
            deny_list: self.deny_list(&settings)?,
            settings,
            metadata_form,
        })
    }

    /// The keeper of the deny list of these settings: one that runs, or a new one, started.
    fn deny_list(&self, settings: &Settings) -> Result<Option<Arc<DenyListKeeper>>, DenyListError> {
        let Some(revoked) = &settings.revoked else {
            return Ok(None);
        };
        let mut running = lock(&self.deny_lists);
        running.retain(|keeper| keeper.strong_count() > 0);
        let mut keepers = running.iter().filter_map(Weak::upgrade);
        if let Some(keeper) = keepers.find(|keeper| keeper.is_for(Some(revoked))) {
            return Ok(Some(keeper));
        }
        let mut keeper = DenyListKeeper::new(revoked.clone(), &TrustStore::system())?;
        let context = self.runtime.enter();
        keeper.start();
        drop(context);
        let keeper = Arc::new(keeper);
        running.push(Arc::downgrade(&keeper));
        Ok(Some(keeper))
    }

    fn lease(
        &self,
        state_dir: Option<&Path>,
        entries: &[KeyEntry],
    ) -> Result<Vec<KeyLease>, UnusableKeyAccess> {
        let mut key_stores = lock(&self.key_stores);
        let (first, stores) = key_stores.get_or_insert_with(|| {
            let state_dir = state_dir.map(Path::to_owned);
            let stores = KeyStores::default().saving_in(state_dir.clone());
            (state_dir, stores.traced(self.observer.traces.clone()))
        });
        if first.as_deref() != state_dir {
            tracing::warn!("the new value of state_dir takes effect at the next start of Envoy");
        }
        let leases = stores.lease(entries)?;
        let _context = self.runtime.enter();
        stores.start();
        Ok(leases)
    }

    pub(in crate::process) fn build(&self, prepared: PreparedPolicy) -> Policy {
        let PreparedPolicy {
            mut settings,
            leases,
            deny_list,
            metadata_form,
        } = prepared;
        let list = deny_list.as_ref().map(|keeper| keeper.store().clone());
        let mut engines = lock(&self.engines);
        use_form(metadata_form, &engines);
        let authorizer = engines.build(&mut settings, leases, list);
        drop(engines);
        if let Some(keeper) = &deny_list {
            keeper.note_user(authorizer.authenticator().issuers().names());
        }
        Policy {
            authorizer,
            check_timeout: settings.check_timeout,
            startup_wait: settings.startup_wait,
            disclosure: Disclosure {
                config: settings.config.clone(),
                claims: settings.log_claims.as_slice().into(),
            },
            metadata_form,
            deny_list,
            forwarded_address: Once::new(),
        }
    }

    /// Counts a reload of a configuration file.
    pub(in crate::process) fn count_reload(&self, is_valid: bool) {
        match is_valid {
            true => self.reloads.succeeded(),
            false => self.reloads.failed(),
        }
    }

    /// Removes the refreshers that have ended. Returns whether one of them panicked.
    pub(in crate::process) fn remove_ended_refreshers(&self) -> bool {
        let mut key_stores = lock(&self.key_stores);
        let stores = key_stores.as_mut();
        stores.is_some_and(|(_, stores)| stores.remove_ended())
    }

    /// The reloads of configuration files, of all configurations.
    pub fn reloads(&self) -> &Arc<ReloadMetrics> {
        &self.reloads
    }
}

impl fmt::Debug for ModuleProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ModuleProcess")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
impl ModuleProcess {
    /// The process of a test, on the runtime of the test. Its platform starts no tasks and drops the log.
    pub(crate) fn of_a_test(has_nested_metadata: bool) -> &'static ModuleProcess {
        let platform = Platform {
            spawn: |_, _| Ok(()),
            log: |_, _| (),
            has_nested_metadata,
        };
        let process = ModuleProcess::new(Handle::current(), platform, Traces::default());
        Box::leak(Box::new(process))
    }
}

#[cfg(test)]
mod tests;
