//! The life of a service: bind the sockets, fetch keys, answer checks, drain.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use accredit_core::authz::authorizer::Authorizer;
use accredit_core::config::listen_addr::ListenAddr;
use accredit_core::config::settings::Settings;
use accredit_core::engine::{Engines, key_entries};
use tonic::service::Routes;
use tonic_health::ServingStatus;

use crate::app::apply::{ReloadTarget, apply_each};
use crate::app::becoming_ready::{release, set_health, until_stopped, wait_for_keys};
use crate::app::engine;
use crate::app::error::{RunError, StartError};
use crate::app::fixed_settings::FixedSettings;
use crate::app::listeners::{Listeners, note_open_port};
use crate::app::metrics::{self, MeasuredParts};
use crate::app::port_threads::{PortThreads, run_on, worker_count};
use crate::app::ports::{admin_port, admin_sources, check_port, console_sources, probe_port};
use crate::app::reload::{self, ReloadRequests, Reloader};
use crate::app::trials;
use crate::app::upkeep::Upkeep;
use crate::console::history::History;
use crate::deny_list::keeper::DenyListKeeper;
use crate::envoy::current::Current;
use crate::envoy::fail_closed::FailClosed;
use crate::envoy::in_flight::InFlight;
use crate::envoy::response;
use crate::jwks::key_stores::KeyStores;
use crate::observe::observer::Observer;
use crate::server::accept::{PortSettings, serve};
use crate::server::descriptors::{DescriptorShares, raise_limit};
use crate::server::host_guard::HostGuard;
use crate::server::listener::Listener;
use crate::server::readiness::ProcessReadiness;
use crate::server::routes::RouteService;
use crate::server::shutdown::Drain;
use crate::telemetry::build_info::{COMMIT, VERSION};
use crate::telemetry::logs::LevelControl;
use crate::telemetry::traces::Traces;

/// The part of the drain that is left for closing the admin and probe ports after the last check; at most a quarter of
/// the drain.
const MAX_PORTS_DRAIN: Duration = Duration::from_secs(1);

/// The time limit for sending the last spans at the end of the process.
const SPAN_FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

/// A service whose sockets are bound and that does not serve yet.
pub struct App {
    settings: Settings,
    current: Arc<Current<Authorizer>>,
    key_stores: KeyStores,
    deny_list: Option<DenyListKeeper>,
    engines: Engines,
    observer: Observer,
    log_level: LevelControl,
    listeners: Listeners,
    threads: PortThreads,
    reloader: Reloader,
    reloads: ReloadRequests,
}

#[derive(Clone, Debug, Default)]
pub struct Telemetry {
    pub log_level: LevelControl,
    pub traces: Traces,
}

impl App {
    /// Reads the certificates and binds every socket. Both come first: a process that cannot serve must not fetch keys or
    /// report that it runs.
    ///
    /// # Errors
    /// [`StartError`]
    pub fn build(settings: Settings) -> Result<App, StartError> {
        App::build_with(settings, Telemetry::default())
    }

    /// Like [`App::build`], with this log and these traces.
    ///
    /// # Errors
    /// [`StartError`]
    pub fn build_with(mut settings: Settings, telemetry: Telemetry) -> Result<App, StartError> {
        let listeners = Listeners::bind(&settings)?;
        let threads = PortThreads::start().map_err(StartError::Workers)?;
        let mut key_stores = KeyStores::default()
            .saving_in(settings.state_dir.clone())
            .traced(telemetry.traces.clone());
        let leases = key_stores.lease(&key_entries(&settings))?;
        let deny_list = settings
            .revoked
            .clone()
            .map(|revoked| DenyListKeeper::new(revoked, key_stores.system_trust()))
            .transpose()?;
        let observer = Observer::new(telemetry.traces);
        let mut engines = Engines::encoding_by(response::encode_identity);
        let service = engine::build(
            &mut settings,
            leases,
            deny_list.as_ref(),
            &mut engines,
            &observer,
            None,
        );
        let current = Arc::new(Current::new(service));
        let (reloader, reloads) = reload::channel();
        Ok(App {
            settings,
            current,
            key_stores,
            deny_list,
            engines,
            observer,
            log_level: telemetry.log_level,
            listeners,
            threads,
            reloader,
            reloads,
        })
    }

    /// Changes the configuration while the service runs.
    pub fn reloader(&self) -> Reloader {
        self.reloader.clone()
    }

    pub fn check_addr(&self) -> ListenAddr {
        self.listeners.checks.local_addr()
    }

    pub fn admin_addr(&self) -> ListenAddr {
        self.listeners.admin.local_addr()
    }

    pub fn probe_addr(&self) -> Option<ListenAddr> {
        self.listeners.probes.as_ref().map(Listener::local_addr)
    }

    /// Serves until `stop` resolves, then drains (CONTRACT 7.2).
    ///
    /// # Errors
    /// [`RunError`] if the service ends before `stop` resolves.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), RunError> {
        // Boxed: the future holds the state of every port, and is too large for the stack of its callers.
        Box::pin(self.serve(stop)).await
    }

    async fn serve(mut self, stop: impl Future<Output = ()>) -> Result<(), RunError> {
        let reload_metrics = self.reloader.metrics().clone();
        drop(self.reloader);
        let (health, health_service) = tonic_health::server::health_reporter();
        set_health(&health, ServingStatus::NotServing).await;
        let (ready, keys) = ProcessReadiness::new();
        let (drain_trigger, drain) = Drain::new();
        let (last_trigger, last_drain) = Drain::new();
        let [checks_drain, ports_drain] = divide_drain(self.settings.drain);
        let in_flight = InFlight::new(self.settings.max_concurrent_checks);
        let address = self.listeners.admin.local_addr();
        let handshakes = self.threads.handshakes.pool();
        let shares = DescriptorShares::of(raise_limit(), worker_count());
        let check_settings = PortSettings::of_checks("listen")
            .within(shares.checks)
            .with_handshakes_on(handshakes.clone());
        let admin_settings = PortSettings::of_few("admin_listen")
            .within(shares.few)
            .with_handshakes_on(handshakes);
        let probe_settings = PortSettings::of_few("probe_listen").within(shares.few);
        let metrics = metrics::source(MeasuredParts {
            current: self.current.clone(),
            in_flight: in_flight.clone(),
            decisions: self.observer.metrics.clone(),
            traces: self.observer.traces.clone(),
            reloads: reload_metrics.clone(),
            connection_errors: [&check_settings, &admin_settings, &probe_settings]
                .map(|settings| settings.errors.clone()),
        });

        let checks = FailClosed::new(self.current.clone(), in_flight.clone());
        let checks = check_port(checks, Routes::new(health_service.clone()));
        let probes = probe_port(&self.current, &ready, &metrics);
        let admin_hosts = self.settings.admin_hosts.iter().cloned();
        let history = Arc::new(History::default());
        let sources = admin_sources(&self.current, &self.observer, self.log_level);
        let admin = admin_port(
            HostGuard::new(&address, admin_hosts),
            console_sources(sources, &self.current, &ready, &history, &in_flight),
            probes.clone(),
            Routes::new(health_service),
            self.threads.admin_api.pool(),
        );
        tracing::info!(
            listen = %self.listeners.checks.local_addr(),
            admin_listen = %address,
            probe_listen = self.listeners.probes.as_ref().map(|listener| tracing::field::display(listener.local_addr())),
            version = VERSION,
            commit = COMMIT,
            config = &*self.settings.config,
            "serving; waiting for keys"
        );
        trials::report(self.current.load().authorizer().rules());
        note_open_port(&self.settings);

        let certificates = self.listeners.certificates();
        self.key_stores.start();
        if let Some(deny_list) = &mut self.deny_list {
            deny_list.start();
        }
        if let Some(store) = self.current.load().replay_store() {
            store.start();
        }
        let threads = &self.threads;
        let serve_checks = serve(
            self.listeners.checks,
            checks,
            check_settings,
            threads.checks.pool(),
            drain,
        );
        let serve_checks = run_on(&threads.accept, serve_checks);
        let admin_pool = threads.admin.pool();
        let serve_admin = serve(
            self.listeners.admin,
            admin,
            admin_settings,
            admin_pool,
            last_drain.clone(),
        );
        let serve_admin = run_on(&threads.admin, serve_admin);
        let serve_probes = async {
            let Some(listener) = self.listeners.probes else {
                return Ok(());
            };
            let (probes, pool) = (RouteService::new(probes), threads.probes.pool());
            let serving = serve(listener, probes, probe_settings, pool, last_drain);
            run_on(&threads.probes, serving).await
        };
        let life = async {
            let become_ready = async {
                wait_for_keys(&self.current, self.settings.startup_wait).await;
                release(keys, &health).await;
            };
            until_stopped(become_ready, stop).await;
            tracing::info!("draining: answering checks in flight");
            ready.close();
            set_health(&health, ServingStatus::NotServing).await;
            drain_trigger.start(checks_drain);
            Ok(())
        };
        let checks_until_drained = async {
            tokio::try_join!(serve_checks, life)?;
            // No more decisions are made from here on. Open tail streams would keep the admin port from closing.
            self.observer.followers.close();
            // The probe port answers as long as checks are answered.
            last_trigger.start(ports_drain);
            Ok(())
        };
        let target = ReloadTarget {
            key_stores: &mut self.key_stores,
            deny_list: &mut self.deny_list,
            engines: &mut self.engines,
            current: &self.current,
            in_flight: &in_flight,
            observer: &self.observer,
            metrics: &reload_metrics,
            fixed: FixedSettings::of(&self.settings),
        };
        let upkeep = Upkeep {
            certificates,
            refusals: &self.observer.refusals,
            current: &self.current,
            history: &history,
            decisions: &self.observer.metrics,
        };
        let result = tokio::select! {
            served = async { tokio::try_join!(checks_until_drained, serve_admin, serve_probes) } => {
                served.map(|_| ())
            }
            () = apply_each(self.reloads, target) => Err(RunError::Refresher),
            never = upkeep.run() => match never {},
        };
        self.observer.refusals.report_left_out();
        self.observer.traces.shutdown(SPAN_FLUSH_TIMEOUT);
        self.key_stores.shutdown().await;
        self.threads.shutdown().map_err(RunError::Worker)?;
        result
    }
}

/// Divides the drain into the time for checks and the time for the ports that close after them.
fn divide_drain(drain: Duration) -> [Duration; 2] {
    let ports = MAX_PORTS_DRAIN.min(drain / 4);
    [drain - ports, ports]
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "App({})", self.check_addr())
    }
}

#[cfg(test)]
mod tests;
