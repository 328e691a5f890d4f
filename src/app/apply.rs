//! Applying new configurations while the service runs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use accredit_core::authz::authorizer::Authorizer;
use accredit_core::config::settings::Settings;
use accredit_core::engine::{Engines, key_entries};
use accredit_core::keys::lease::KeyLease;
use accredit_core::keys::store::KeyStore;
use accredit_core::rules::table::DEFAULT_RULE;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::app::engine;
use crate::app::error::StartError;
use crate::app::fixed_settings::FixedSettings;
use crate::app::metrics::ReloadMetrics;
use crate::app::pending::{PendingConfigurations, SettledConfiguration};
use crate::app::reload::{ReloadRequest, ReloadRequests, Reloaded};
use crate::app::trials;
use crate::deny_list::error::DenyListError;
use crate::deny_list::keeper::DenyListKeeper;
use crate::envoy::current::Current;
use crate::envoy::in_flight::InFlight;
use crate::jwks::key_stores::KeyStores;
use crate::observe::observer::Observer;
use crate::supervision::discard;

/// The longest wait for the keys of new issuers, whatever the `timeout` of their fetches is.
const MAX_WAIT: Duration = Duration::from_secs(60);

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
    pub(crate) metrics: &'a Arc<ReloadMetrics>,
    /// The settings that only a restart changes.
    pub(crate) fixed: FixedSettings,
}

/// A configuration that was sent to the service.
struct SentConfiguration {
    config: String,
    result: oneshot::Sender<Reloaded>,
}

/// The configurations that are not active yet.
type PendingReloads = PendingConfigurations<SentConfiguration, Result<Prepared, StartError>>;

/// A configuration that can take effect.
struct Prepared {
    settings: Settings,
    leases: Vec<KeyLease>,
    /// `None` if the configuration has no deny list, or if the running list has the same settings.
    new_list: Option<DenyListKeeper>,
}

/// Applies each configuration that arrives. No configuration waits for an earlier one, whose new issuers may not
/// answer: a valid configuration must take effect at once (CONTRACT 3.3.3). Returns only if a task that fetches keys
/// ended unexpectedly.
pub(crate) async fn apply_each(requests: ReloadRequests, mut running: ReloadTarget<'_>) {
    let ReloadRequests(mut requests) = requests;
    let mut pending = PendingReloads::default();
    let mut is_open = true;
    loop {
        tokio::select! {
            // A configuration that can take effect becomes active before the next one is read.
            biased;
            settled = pending.settled() => guarded(&running.metrics.clone(), || {
                settle(&mut pending, settled, &mut running);
            }),
            request = requests.recv(), if is_open => match request {
                Some(request) => guarded(&running.metrics.clone(), || {
                    prepare(request, &mut pending, &mut running);
                }),
                None => is_open = false,
            },
            () = running.key_stores.failed() => return,
        }
    }
}

/// Runs a step of a reload. After a panic, the sender of the result is dropped, so that the configuration counts as rejected. The service
/// continues with the configuration that is in force.
fn guarded(metrics: &ReloadMetrics, step: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(step)) {
        discard(payload);
        metrics.failed();
        tracing::error!("configuration reload was aborted by a fault of accredit");
    }
}

/// Begins to fetch the keys of new issuers and the deny list.
fn prepare(request: ReloadRequest, pending: &mut PendingReloads, running: &mut ReloadTarget<'_>) {
    let ReloadRequest { settings, result } = request;
    let config = settings.config.to_string();
    let prepared = match begin(settings, running) {
        Ok(prepared) => prepared,
        Err(error) => return reject(result, &error, running),
    };
    let sent = SentConfiguration { config, result };
    if let Some(oldest) = pending.push(sent, prepared) {
        supersede(oldest);
    }
}

fn begin(
    settings: Settings,
    running: &mut ReloadTarget<'_>,
) -> Result<impl Future<Output = Result<Prepared, StartError>> + Send + use<>, StartError> {
    let leases = running.key_stores.lease(&key_entries(&settings))?;
    let new_list = new_deny_list(&settings, running)?;
    running.key_stores.start();
    let fetched = first_fetches(&settings, &leases);
    Ok(async move {
        let ((), listed) = tokio::join!(fetched, first_list(new_list.as_ref()));
        // Without a deny list, the new configuration would refuse every token.
        listed?;
        Ok(Prepared {
            settings,
            leases,
            new_list,
        })
    })
}

async fn first_list(keeper: Option<&DenyListKeeper>) -> Result<(), DenyListError> {
    match keeper {
        Some(keeper) => keeper.first_list().await,
        None => Ok(()),
    }
}

/// The wait of a configuration has ended.
fn settle(
    pending: &mut PendingReloads,
    settled: SettledConfiguration<SentConfiguration, Result<Prepared, StartError>>,
    running: &mut ReloadTarget<'_>,
) {
    let SettledConfiguration {
        label: SentConfiguration { config, result },
        result: prepared,
        earlier,
    } = settled;
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return reject(result, &error, running),
    };
    if !has_its_list(&prepared, running) {
        // An earlier configuration took effect meanwhile, with another deny list.
        match begin(prepared.settings, running) {
            Ok(prepared) => {
                pending.wait_again(earlier, SentConfiguration { config, result }, prepared);
            }
            Err(error) => reject(result, &error, running),
        }
        return;
    }
    pending.supersede_earlier(earlier).for_each(supersede);
    apply(prepared, running);
    running.metrics.succeeded();
    tracing::info!(config, "configuration reloaded");
    report(result, Reloaded::Applied);
}

fn has_its_list(prepared: &Prepared, running: &ReloadTarget<'_>) -> bool {
    let wanted = prepared.settings.revoked.as_ref();
    let running = running.deny_list.as_ref();
    wanted.is_none() || prepared.new_list.is_some() || running.is_some_and(|own| own.is_for(wanted))
}

fn supersede(sent: SentConfiguration) {
    let SentConfiguration { config, result } = sent;
    tracing::info!(
        config,
        "configuration superseded by a newer one before it was active"
    );
    report(result, Reloaded::Superseded);
}

fn reject(result: oneshot::Sender<Reloaded>, error: &StartError, running: &ReloadTarget<'_>) {
    running.metrics.failed();
    tracing::error!(%error, "configuration reload failed; the previous configuration stays active");
    report(result, Reloaded::Rejected);
}

/// The caller may have stopped waiting.
fn report(result: oneshot::Sender<Reloaded>, reloaded: Reloaded) {
    let _ = result.send(reloaded);
}

fn apply(prepared: Prepared, running: &mut ReloadTarget<'_>) {
    let Prepared {
        mut settings,
        leases,
        new_list,
    } = prepared;
    if FixedSettings::of(&settings) != running.fixed {
        tracing::warn!(
            "changes of listen, admin_listen, probe_listen, tls, admin_tls, admin_hosts, state_dir and drain take effect at the next start"
        );
    }
    // What is in force is replaced last, and the deny list after the service that uses it: a fault before leaves both as they are.
    let (limit, has_list) = (settings.max_concurrent_checks, settings.revoked.is_some());
    let kept_list = running.deny_list.as_ref().filter(|_| has_list);
    let service = engine::build(
        &mut settings,
        leases,
        new_list.as_ref().or(kept_list),
        running.engines,
        running.observer,
        running.current.load().replay_store(),
    );
    if let Some(store) = service.replay_store() {
        store.start();
    }
    running.current.replace(service);
    if new_list.is_some() || !has_list {
        *running.deny_list = new_list;
    }
    running.in_flight.set_limit(limit);
    remove_old_series(running);
    trials::report(running.current.load().authorizer().rules());
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

/// Waits for the first fetch of each new issuer. Otherwise the first tokens of a new issuer would be denied because it
/// has no keys yet. Each wait counts from the creation of the store, and ends after the largest `timeout` at the latest
/// (CONTRACT 3.3.4). So an issuer that does not answer cannot delay several configurations one after the other.
pub fn first_fetches(
    settings: &Settings,
    leases: &[KeyLease],
) -> impl Future<Output = ()> + Send + use<> {
    let timeouts = settings.issuers.iter().map(|issuer| issuer.fetch.timeout);
    let longest = timeouts.max().unwrap_or(Duration::ZERO).min(MAX_WAIT);
    let stores: Vec<_> = leases.iter().map(|lease| lease.store().clone()).collect();
    let fetched = stores.into_iter().map(move |store| async move {
        let until = Instant::from_std(store.created()) + longest;
        let attempted = store.until(KeyStore::was_attempted);
        // A slower fetch continues. Until it ends, checks with tokens of its issuer wait or get `keys_unavailable`.
        let _ = tokio::time::timeout_at(until, attempted).await;
    });
    join_all(fetched).map(|_| ())
}

#[cfg(test)]
mod tests;
