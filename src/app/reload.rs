//! Another configuration for a service that runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{mpsc, oneshot};

use crate::app::engine;
use crate::app::error::StartError;
use crate::app::keys::{KeyKeeper, Prepared};
use crate::app::metrics::ReloadMetrics;
use crate::authz::authorizer::Authorizer;
use crate::authz::observer::Observer;
use crate::config::settings::Settings;
use crate::envoy::current::Current;
use crate::envoy::in_flight::InFlight;
use crate::rules::table::DEFAULT_RULE;
use crate::server::tls_files::TlsFiles;

/// Hands a running service another configuration.
#[derive(Clone, Debug)]
pub struct Reloader {
    offers: mpsc::Sender<Offer>,
    metrics: Arc<ReloadMetrics>,
}

/// Where a running service takes other configurations from.
#[derive(Debug)]
pub struct Reloads(mpsc::Receiver<Offer>);

/// A configuration, and whom to tell what became of it.
#[derive(Debug)]
struct Offer {
    settings: Settings,
    told: oneshot::Sender<Reloaded>,
}

/// What became of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// It is in force.
    Taken,
    /// The one before stays in force.
    Refused,
}

/// A pair of both.
pub fn channel() -> (Reloader, Reloads) {
    let (sender, receiver) = mpsc::channel(1);
    let reloader = Reloader {
        offers: sender,
        metrics: Arc::default(),
    };
    (reloader, Reloads(receiver))
}

impl Reloader {
    /// Hands over a configuration, and waits until it is in force or refused; the log says why it was. A service that
    /// is gone refuses.
    pub async fn reload(&self, settings: Settings) -> Reloaded {
        let (told, hears) = oneshot::channel();
        if self.offers.send(Offer { settings, told }).await.is_err() {
            return Reloaded::Refused;
        }
        hears.await.unwrap_or(Reloaded::Refused)
    }

    /// There is another configuration, and it cannot be read.
    pub fn rejected(&self) {
        self.metrics.failed();
    }

    /// What became of those that came.
    pub fn metrics(&self) -> &Arc<ReloadMetrics> {
        &self.metrics
    }
}

/// What a configuration change touches.
pub struct Running<'a> {
    /// What decides.
    pub current: &'a Current<Authorizer>,
    /// The limit of checks in flight.
    pub in_flight: &'a InFlight,
    /// What is told of each decision.
    pub observer: &'a Observer,
    /// What becomes of configurations.
    pub metrics: &'a ReloadMetrics,
    /// The configuration's parts that only a restart changes.
    pub fixed: FixedSettings,
}

/// Settings that a running service cannot change.
#[derive(Debug, PartialEq, Eq)]
pub struct FixedSettings {
    listen: String,
    admin_listen: String,
    probe_listen: Option<String>,
    admin_hosts: String,
    tls: [Option<TlsFiles>; 2],
    state_dir: Option<PathBuf>,
    drain: Duration,
}

impl FixedSettings {
    /// Those of a configuration.
    pub fn of(settings: &Settings) -> FixedSettings {
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

/// Applies each configuration that comes; returns only if a task that fetches keys has ended by itself.
pub async fn apply_each(mut reloads: Reloads, keeper: &mut KeyKeeper, running: Running<'_>) {
    loop {
        tokio::select! {
            offer = reloads.0.recv() => match offer {
                Some(Offer { settings, told }) => {
                    // Whoever asked may have gone.
                    let _ = told.send(apply(settings, keeper, &running).await);
                }
                None => return keeper.failed().await,
            },
            () = keeper.failed() => return,
        }
    }
}

async fn apply(settings: Settings, keeper: &mut KeyKeeper, running: &Running<'_>) -> Reloaded {
    let config = settings.config.to_string();
    match try_apply(settings, keeper, running).await {
        Ok(()) => {
            running.metrics.succeeded();
            tracing::info!(config, "the configuration was reloaded");
            Reloaded::Taken
        }
        Err(error) => {
            running.metrics.failed();
            tracing::error!(%error, "the new configuration was not taken; the one before stays in force");
            Reloaded::Refused
        }
    }
}

async fn try_apply(
    mut settings: Settings,
    keeper: &mut KeyKeeper,
    running: &Running<'_>,
) -> Result<(), StartError> {
    let prepared = keeper.prepare(&settings.issuers)?;
    keeper.start(&prepared);
    first_fetches(&settings, &prepared).await;
    if FixedSettings::of(&settings) != running.fixed {
        tracing::warn!(
            "listen, admin_listen, probe_listen, tls, admin_tls, admin_hosts, state_dir and drain change with a restart only"
        );
    }
    running.in_flight.set_limit(settings.max_concurrent_checks);
    running
        .current
        .replace(engine::build(&mut settings, &prepared, running.observer));
    keeper.forget_others(&prepared);
    forget_series(running);
    Ok(())
}

/// A rule or issuer that is gone counts no more.
fn forget_series(running: &Running<'_>) {
    let service = running.current.load();
    let authorizer = service.decider();
    running.observer.metrics.keep_only(
        |rule| {
            let mut rules = authorizer.rules().iter();
            rule == DEFAULT_RULE || rules.any(|own| &*own.name == rule)
        },
        |issuer| authorizer.authenticator().issuers().find(issuer).is_some(),
    );
}

/// A new issuer's keys are fetched first, for its `timeout` at most: its tokens should not meet a service that knows
/// it and has no keys.
async fn first_fetches(settings: &Settings, prepared: &Prepared) {
    let longest = settings
        .issuers
        .iter()
        .map(|issuer| issuer.fetch.timeout)
        .max()
        .unwrap_or(Duration::ZERO);
    let stores: Vec<_> = prepared.stores().collect();
    let fetched = join_all(stores.iter().map(|store| store.first_attempt()));
    // Whoever is late will have keys later; its tokens wait or get `keys_unavailable` until then.
    let _ = tokio::time::timeout(longest, fetched).await;
}
