//! Changing the configuration of a running service.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use accredit_core::authz::authorizer::Authorizer;
use accredit_core::config::settings::Settings;
use accredit_core::config::tls_files::TlsFiles;
use accredit_core::engine::{Engines, key_entries};
use accredit_core::keys::lease::KeyLease;
use accredit_core::keys::store::KeyStore;
use accredit_core::rules::table::DEFAULT_RULE;
use futures_util::future::join_all;
use tokio::sync::{mpsc, oneshot};

use crate::app::engine;
use crate::app::error::StartError;
use crate::app::metrics::ReloadMetrics;
use crate::deny_list::error::DenyListError;
use crate::deny_list::keeper::DenyListKeeper;
use crate::envoy::current::Current;
use crate::envoy::in_flight::InFlight;
use crate::jwks::key_stores::KeyStores;
use crate::observe::observer::Observer;

/// Sends new configurations to a running service.
#[derive(Clone, Debug)]
pub struct Reloader {
    requests: mpsc::Sender<ReloadRequest>,
    metrics: Arc<ReloadMetrics>,
}

#[derive(Debug)]
pub(crate) struct ReloadRequests(mpsc::Receiver<ReloadRequest>);

/// A new configuration, and the channel for the result.
#[derive(Debug)]
struct ReloadRequest {
    settings: Settings,
    result: oneshot::Sender<Reloaded>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// The new configuration is active.
    Applied,
    /// The previous configuration stays active.
    Rejected,
}

pub(crate) fn channel() -> (Reloader, ReloadRequests) {
    let (sender, receiver) = mpsc::channel(1);
    let reloader = Reloader {
        requests: sender,
        metrics: Arc::default(),
    };
    (reloader, ReloadRequests(receiver))
}

impl Reloader {
    /// Applies a configuration, and waits for the result. The log has the cause of a rejection. If the service has ended,
    /// the result is [`Reloaded::Rejected`].
    pub async fn reload(&self, settings: Settings) -> Reloaded {
        let (result, receiver) = oneshot::channel();
        let request = ReloadRequest { settings, result };
        if self.requests.send(request).await.is_err() {
            return Reloaded::Rejected;
        }
        receiver.await.unwrap_or(Reloaded::Rejected)
    }

    /// Counts a failed reload: the new configuration is invalid and was not sent.
    pub(crate) fn count_invalid(&self) {
        self.metrics.failed();
    }

    pub(crate) fn metrics(&self) -> &Arc<ReloadMetrics> {
        &self.metrics
    }
}

/// The parts of a running service that a reload changes or reads.
pub(crate) struct ReloadTarget<'a> {
    pub(crate) key_stores: &'a mut KeyStores,
    pub(crate) deny_list: &'a mut Option<DenyListKeeper>,
    pub(crate) engines: &'a mut Engines,
    /// The check service. A reload replaces it.
    pub(crate) current: &'a Current<Authorizer>,
    pub(crate) in_flight: &'a InFlight,
    /// The receiver of each decision. It outlives reloads.
    pub(crate) observer: &'a Observer,
    pub(crate) metrics: &'a ReloadMetrics,
    /// The settings that only a restart changes.
    pub(crate) fixed: FixedSettings,
}

/// Settings that a running service cannot change.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FixedSettings {
    listen: String,
    admin_listen: String,
    probe_listen: Option<String>,
    admin_hosts: String,
    tls: [Option<TlsFiles>; 2],
    state_dir: Option<PathBuf>,
    drain: Duration,
}

impl FixedSettings {
    pub(crate) fn of(settings: &Settings) -> FixedSettings {
        FixedSettings {
            listen: settings.listen.to_string(),
            admin_listen: settings.admin_listen.to_string(),
            probe_listen: settings.probe_listen.as_ref().map(ToString::to_string),
            admin_hosts: format!("{:?}", settings.admin_hosts),
            tls: [settings.tls.clone(), settings.admin_tls.clone()],
            state_dir: settings.state_dir.clone(),
            drain: settings.drain,
        }
    }
}

/// Applies each configuration that arrives. Returns only if a task that fetches keys ended unexpectedly.
pub(crate) async fn apply_each(mut requests: ReloadRequests, mut running: ReloadTarget<'_>) {
    loop {
        tokio::select! {
            request = requests.0.recv() => match request {
                Some(ReloadRequest { settings, result }) => {
                    // The caller may have stopped waiting.
                    let _ = result.send(apply(settings, &mut running).await);
                }
                None => return running.key_stores.failed().await,
            },
            () = running.key_stores.failed() => return,
        }
    }
}

async fn apply(settings: Settings, running: &mut ReloadTarget<'_>) -> Reloaded {
    let config = settings.config.to_string();
    match try_apply(settings, running).await {
        Ok(()) => {
            running.metrics.succeeded();
            tracing::info!(config, "configuration reloaded");
            Reloaded::Applied
        }
        Err(error) => {
            running.metrics.failed();
            tracing::error!(%error, "configuration reload failed; the previous configuration stays active");
            Reloaded::Rejected
        }
    }
}

async fn try_apply(
    mut settings: Settings,
    running: &mut ReloadTarget<'_>,
) -> Result<(), StartError> {
    let leases = running.key_stores.lease(&key_entries(&settings))?;
    let new_list = new_deny_list(&settings, running)?;
    running.key_stores.start();
    let first_list = async {
        match &new_list {
            Some(keeper) => keeper.first_list().await,
            None => Ok(()),
        }
    };
    let ((), listed) = tokio::join!(first_fetches(&settings, &leases), first_list);
    // Without a list, the new configuration would refuse every token.
    listed?;
    if FixedSettings::of(&settings) != running.fixed {
        tracing::warn!(
            "changes of listen, admin_listen, probe_listen, tls, admin_tls, admin_hosts, state_dir and drain take effect at the next start"
        );
    }
    running.in_flight.set_limit(settings.max_concurrent_checks);
    if new_list.is_some() || settings.revoked.is_none() {
        *running.deny_list = new_list;
    }
    running.current.replace(engine::build(
        &mut settings,
        leases,
        running.deny_list.as_ref(),
        running.engines,
        running.observer,
    ));
    remove_old_series(running);
    Ok(())
}

/// The keeper of the deny list, started, unless the one that runs has the same settings.
fn new_deny_list(
    settings: &Settings,
    running: &ReloadTarget<'_>,
) -> Result<Option<DenyListKeeper>, DenyListError> {
    let wanted = settings.revoked.as_ref();
    let is_running = running
        .deny_list
        .as_ref()
        .is_some_and(|own| own.is_for(wanted));
    let Some(wanted) = wanted.filter(|_| !is_running) else {
        return Ok(None);
    };
    let mut keeper = DenyListKeeper::new(wanted.clone(), running.key_stores.system_trust())?;
    keeper.start();
    Ok(Some(keeper))
}

/// Removes the metrics of rules and issuers that no longer exist.
fn remove_old_series(running: &ReloadTarget<'_>) {
    let service = running.current.load();
    let authorizer = service.authorizer();
    running.observer.metrics.keep_only(
        |rule| {
            let mut rules = authorizer.rules().iter();
            rule == DEFAULT_RULE || rules.any(|own| &*own.name == rule)
        },
        |issuer| authorizer.authenticator().issuers().find(issuer).is_some(),
    );
}

/// Waits for the first fetch of each new issuer, at most for the largest `timeout` (CONTRACT 3.3.4). Otherwise the first tokens
/// of a new issuer would be denied because it has no keys yet.
async fn first_fetches(settings: &Settings, leases: &[KeyLease]) {
    let longest = settings
        .issuers
        .iter()
        .map(|issuer| issuer.fetch.timeout)
        .max()
        .unwrap_or(Duration::ZERO);
    let stores = leases.iter().map(KeyLease::store);
    let fetched = join_all(stores.map(|store| store.until(KeyStore::was_attempted)));
    // A slower fetch goes on. Until it ends, tokens of its issuer wait or get `keys_unavailable`.
    let _ = tokio::time::timeout(longest, fetched).await;
}
