//! What every configuration of the process shares: the thread that refreshes keys, the key stores, the token cache, and where
//! decisions are reported.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use accredit::deny_list::error::DenyListError;
use accredit::deny_list::keeper::DenyListKeeper;
use accredit::jwks::key_stores::{KeyStores, UnusableKeyAccess};
use accredit::jwks::trust::TrustStore;
use accredit::observe::observer::Observer;
use accredit::observe::report::Disclosure;
use accredit_core::config::filter_config::{FilterSettings, MetadataForm};
use accredit_core::config::settings::Settings;
use accredit_core::engine::{Engines, key_entries};
use accredit_core::keys::lease::{KeyEntry, KeyLease};
use accredit_core::rules::table::DEFAULT_RULE;
use tokio::runtime::{Builder, Handle};

use crate::process::active_policy::ActivePolicy;
use crate::process::log;
use crate::process::platform::Platform;
use crate::process::policy::{ConfigurationError, Policy};

/// Threads that resolve names for key fetches, at most.
const MAX_BLOCKING_THREADS: usize = 8;

/// The interval of the log lines that count the denials that the rate limit left out.
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_secs(10);

static PROCESS: OnceLock<ModuleProcess> = OnceLock::new();

/// The one of this process. It lives as long as the process.
pub struct ModuleProcess {
    runtime: Handle,
    platform: Platform,
    /// By `state_dir`.
    key_stores: Mutex<Vec<(Option<PathBuf>, KeyStores)>>,
    deny_lists: Mutex<Vec<Weak<DenyListKeeper>>>,
    engines: Mutex<Engines>,
    observer: Observer,
    policies: Mutex<Vec<Weak<ActivePolicy>>>,
}

impl ModuleProcess {
    /// The process, started by the first call.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn get_or_start(platform: Platform) -> io::Result<&'static ModuleProcess> {
        static STARTING: Mutex<()> = Mutex::new(());
        let _one_at_a_time = lock(&STARTING);
        if let Some(process) = PROCESS.get() {
            return Ok(process);
        }
        log::start(platform)?;
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(MAX_BLOCKING_THREADS)
            .build()?;
        let handle = runtime.handle().clone();
        let (sender, receiver) = sync_channel::<&'static ModuleProcess>(1);
        let work = move || {
            if let Ok(process) = receiver.recv() {
                runtime.block_on(process.keep_house());
            }
        };
        (platform.spawn)("accredit", Box::new(work))?;
        let process = PROCESS.get_or_init(|| ModuleProcess {
            runtime: handle,
            platform,
            key_stores: Mutex::default(),
            deny_lists: Mutex::default(),
            engines: Mutex::new(Engines::sharing_one_cache()),
            observer: Observer::default(),
            policies: Mutex::default(),
        });
        // The thread waits for it.
        let _ = sender.send(process);
        Ok(process)
    }

    /// The process, if a configuration has started it.
    pub fn get() -> Option<&'static ModuleProcess> {
        PROCESS.get()
    }

    /// The runtime of the thread that refreshes keys.
    pub fn runtime(&self) -> &Handle {
        &self.runtime
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

    /// Leases the keys of these settings, begins to fetch new ones, and builds the policy.
    pub(in crate::process) fn policy(
        &self,
        filter: FilterSettings,
    ) -> Result<Policy, ConfigurationError> {
        self.platform.require_form(filter.metadata_form)?;
        let mut settings = filter.resolved.settings;
        let leases = self.lease(settings.state_dir.as_deref(), &key_entries(&settings))?;
        let deny_list = self.deny_list(&settings)?;
        Ok(self.build(&mut settings, leases, deny_list, filter.metadata_form))
    }

    /// The keeper of the deny list of these settings: one that runs, or a new one, started.
    pub(in crate::process) fn deny_list(
        &self,
        settings: &Settings,
    ) -> Result<Option<Arc<DenyListKeeper>>, DenyListError> {
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

    pub(in crate::process) fn platform(&self) -> &Platform {
        &self.platform
    }

    pub(in crate::process) fn lease(
        &self,
        state_dir: Option<&Path>,
        entries: &[KeyEntry],
    ) -> Result<Vec<KeyLease>, UnusableKeyAccess> {
        let mut all = lock(&self.key_stores);
        let of_folder = all.iter().position(|(own, _)| own.as_deref() == state_dir);
        let position = of_folder.unwrap_or_else(|| {
            let state_dir = state_dir.map(Path::to_owned);
            let stores = KeyStores::default().saving_in(state_dir.clone());
            all.push((state_dir, stores));
            all.len() - 1
        });
        let Some((_, stores)) = all.get_mut(position) else {
            return Ok(Vec::new());
        };
        let leases = stores.lease(entries)?;
        let _context = self.runtime.enter();
        stores.start();
        Ok(leases)
    }

    pub(in crate::process) fn build(
        &self,
        settings: &mut Settings,
        leases: Vec<KeyLease>,
        deny_list: Option<Arc<DenyListKeeper>>,
        metadata_form: MetadataForm,
    ) -> Policy {
        let list = deny_list.as_ref().map(|keeper| keeper.store().clone());
        let authorizer = lock(&self.engines).build(settings, leases, list);
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
        }
    }

    /// Removes the metrics of rules and issuers that no configuration has any more.
    pub(in crate::process) fn remove_old_series(&self) {
        let policies = self.policies();
        let policies: Vec<_> = policies.iter().map(|policy| policy.load()).collect();
        self.observer.metrics.keep_only(
            |rule| {
                let has_rule = |policy: &Arc<Policy>| {
                    let mut rules = policy.authorizer.rules().iter();
                    rules.any(|own| &*own.name == rule)
                };
                rule == DEFAULT_RULE || policies.iter().any(has_rule)
            },
            |issuer| {
                let has_issuer = |policy: &Arc<Policy>| {
                    let issuers = policy.authorizer.authenticator().issuers();
                    issuers.find(issuer).is_some()
                };
                policies.iter().any(has_issuer)
            },
        );
    }

    /// Never ends.
    async fn keep_house(&self) {
        loop {
            tokio::time::sleep(HOUSEKEEPING_INTERVAL).await;
            self.observer.refusals.report_left_out();
            log::report_dropped();
            for (_, stores) in lock(&self.key_stores).iter_mut() {
                if stores.remove_ended() {
                    tracing::error!(
                        "a task that fetches keys ended unexpectedly; its keys serve until max_stale: restart Envoy, and report this"
                    );
                }
            }
            self.remove_old_series();
        }
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
