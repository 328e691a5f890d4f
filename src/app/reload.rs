//! Another configuration for a service that runs.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::mpsc;

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

/// Hands a running service another configuration.
#[derive(Clone, Debug)]
pub struct Reloader {
    settings: mpsc::Sender<Settings>,
    metrics: Arc<ReloadMetrics>,
}

/// Where a running service takes other configurations from.
#[derive(Debug)]
pub struct Reloads(mpsc::Receiver<Settings>);

/// A pair of both.
pub fn channel() -> (Reloader, Reloads) {
    let (sender, receiver) = mpsc::channel(1);
    let reloader = Reloader {
        settings: sender,
        metrics: Arc::default(),
    };
    (reloader, Reloads(receiver))
}

impl Reloader {
    /// Hands over a configuration; the service says in its log what became of it.
    pub async fn reload(&self, settings: Settings) {
        // A service that is gone needs no configuration.
        let _ = self.settings.send(settings).await;
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
}

impl FixedSettings {
    /// Those of a configuration.
    pub fn of(settings: &Settings) -> FixedSettings {
        FixedSettings {
            listen: settings.listen.to_string(),
            admin_listen: settings.admin_listen.to_string(),
            probe_listen: settings.probe_listen.as_ref().map(ToString::to_string),
            admin_hosts: format!("{:?}", settings.admin_hosts),
        }
    }
}

/// Applies each configuration that comes; returns only if a task that fetches keys has ended by itself.
pub async fn apply_each(mut reloads: Reloads, keeper: &mut KeyKeeper, running: Running<'_>) {
    loop {
        tokio::select! {
            settings = reloads.0.recv() => match settings {
                Some(settings) => apply(settings, keeper, &running).await,
                None => return keeper.failed().await,
            },
            () = keeper.failed() => return,
        }
    }
}

async fn apply(settings: Settings, keeper: &mut KeyKeeper, running: &Running<'_>) {
    let config = settings.config.to_string();
    match try_apply(settings, keeper, running).await {
        Ok(()) => {
            running.metrics.succeeded();
            tracing::info!(config, "the configuration was reloaded");
        }
        Err(error) => {
            running.metrics.failed();
            tracing::error!(%error, "the new configuration was not taken; the one before stays in force")
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
            "listen, admin_listen, probe_listen and admin_hosts change with a restart only"
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
