//! The composition root: binds every socket, builds every part, ties them, runs them, and stops them in order.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join_all, select_all};
use hyper_util::service::TowerToHyperService;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::admin::service::AdminService;
use crate::admin::{pb, readiness};
use crate::authn::authenticator::Authenticator;
use crate::authn::issuers::{Issuer, Issuers};
use crate::authn::sources::TokenSources;
use crate::authn::token_cache::TokenCache;
use crate::authz::authorizer::Authorizer;
use crate::config::settings::{IssuerSettings, Settings};
use crate::envoy::fail_closed::FailClosed;
use crate::envoy::in_flight::InFlight;
use crate::envoy::port::CheckPort;
use crate::envoy::response::Refusals;
use crate::envoy::service::CheckService;
use crate::forward::strip::StripList;
use crate::jwks::fetch::{Http, RootsError};
use crate::jwks::refresher::Refresher;
use crate::jwks::store::KeyStore;
use crate::rules::table::RuleTable;
use crate::server::accept::{ServeError, serve, serve_here};
use crate::server::bind::BindError;
use crate::server::connection::{ConnectionLimits, Protocol};
use crate::server::host_guard::HostGuard;
use crate::server::http::{Probes, ReadyReport, probe_routes};
use crate::server::listener::{ListenAddr, Listener};
use crate::server::readiness::{Latch, Readiness};
use crate::server::shutdown::Drain;
use crate::server::workers::{WorkerLost, Workers};

/// The names under which the health of checks is asked: the whole server's, and the service's.
const HEALTH_NAMES: [&str; 2] = ["", "envoy.service.auth.v3.Authorization"];

/// How long the admin and probe ports may take to close, once the last check was answered.
const LAST_PORTS: Duration = Duration::from_secs(1);

/// A service whose sockets are bound and that serves nobody yet.
pub struct App {
    settings: Settings,
    authorizer: Arc<Authorizer>,
    refreshers: Vec<Refresher>,
    check_listener: Listener,
    admin_listener: Listener,
    probe_listener: Option<Listener>,
    workers: Workers,
}

/// Why a service cannot start.
#[derive(Debug)]
pub enum StartError {
    /// An address cannot be bound.
    Bind(BindError),
    /// A `ca_file` cannot be used.
    Roots(PathBuf, RootsError),
    /// The threads that serve checks cannot be started.
    Workers(std::io::Error),
}

/// Why a service that ran has ended before it was told to.
#[derive(Debug)]
pub enum RunError {
    /// A port is no longer served.
    Serve(ServeError),
    /// A thread that serves checks is gone.
    Worker(WorkerLost),
    /// A task that fetches keys has ended.
    Refresher,
}

impl App {
    /// Binds every socket before anything else: who cannot have its ports must not fetch keys or say that it runs.
    ///
    /// # Errors
    /// [`StartError`]
    pub fn build(mut settings: Settings) -> Result<App, StartError> {
        let check_listener = settings.listen.bind().map_err(StartError::Bind)?;
        let admin_listener = settings.admin_listen.bind().map_err(StartError::Bind)?;
        let probe_listener = match &settings.probe_listen {
            Some(address) => Some(address.bind().map_err(StartError::Bind)?),
            None => None,
        };
        let workers = Workers::start(worker_count()).map_err(StartError::Workers)?;
        let (issuers, refreshers) = build_issuers(&settings.issuers)?;
        let authorizer = Arc::new(build_authorizer(&mut settings, issuers));
        Ok(App {
            settings,
            authorizer,
            refreshers,
            check_listener,
            admin_listener,
            probe_listener,
            workers,
        })
    }

    /// Where checks are answered.
    pub fn check_addr(&self) -> ListenAddr {
        self.check_listener.local_addr()
    }

    /// Where the admin API is answered.
    pub fn admin_addr(&self) -> ListenAddr {
        self.admin_listener.local_addr()
    }

    /// Where probes alone are answered.
    pub fn probe_addr(&self) -> Option<ListenAddr> {
        self.probe_listener.as_ref().map(Listener::local_addr)
    }

    /// Serves until `stop` resolves, then drains: what is in flight is answered, within the configured time.
    ///
    /// # Errors
    /// [`RunError`] when it had to end by itself.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), RunError> {
        let (health, health_service) = tonic_health::server::health_reporter();
        set_health(&health, ServingStatus::NotServing).await;
        let ready = Readiness::new();
        let keys = ready.latch("keys");
        let (drain_trigger, drain) = Drain::new();
        let (last_trigger, last_drain) = Drain::new();

        let mut tasks = JoinSet::new();
        for refresher in self.refreshers {
            tasks.spawn(refresher.run());
        }
        let checks = check_port(
            &self.settings,
            &self.authorizer,
            Routes::new(health_service.clone()),
        );
        let others =
            Routes::new(health_service).add_service(AdminService::server(self.authorizer.clone()));
        let admin = admin_routes(
            &self.settings,
            &self.authorizer,
            &ready,
            others,
            &self.admin_listener.local_addr(),
        );
        let probes = probe_routes(probes(&self.authorizer, &ready));

        tracing::info!(
            listen = %self.check_listener.local_addr(),
            admin_listen = %self.admin_listener.local_addr(),
            version = env!("CARGO_PKG_VERSION"),
            "serving; waiting for keys"
        );
        let limits = ConnectionLimits::default();
        let serve_checks = serve(self.check_listener, checks, limits, &self.workers, drain);
        let serve_admin = serve_port(self.admin_listener, admin, limits, last_drain.clone());
        let serve_probes = async {
            match self.probe_listener {
                Some(listener) => serve_port(listener, probes, limits, last_drain).await,
                None => Ok(()),
            }
        };
        let life = async {
            let become_ready = async {
                wait_for_keys(&self.authorizer, self.settings.startup_wait).await;
                release(keys, &health).await;
            };
            until_stopped(become_ready, stop).await;
            tracing::info!("stopping: answering what is in flight");
            ready.close();
            set_health(&health, ServingStatus::NotServing).await;
            drain_trigger.start(self.settings.drain);
            Ok(())
        };
        let checks_to_the_last = async {
            tokio::try_join!(serve_checks, life)?;
            // Probes are answered for as long as checks are.
            last_trigger.start(LAST_PORTS);
            Ok(())
        };
        let result = tokio::select! {
            served = async { tokio::try_join!(checks_to_the_last, serve_admin, serve_probes) } => {
                served.map(|_| ()).map_err(RunError::Serve)
            }
            Some(_) = tasks.join_next() => Err(RunError::Refresher),
        };
        tasks.shutdown().await;
        self.workers.shutdown().map_err(RunError::Worker)?;
        result
    }
}

fn worker_count() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

fn build_issuers(
    settings: &[IssuerSettings],
) -> Result<(Vec<Arc<Issuer>>, Vec<Refresher>), StartError> {
    let system_roots = Http::with_system_roots();
    let (mut issuers, mut refreshers) = (Vec::new(), Vec::new());
    for issuer in settings {
        let http = match &issuer.fetch.ca_file {
            Some(file) => {
                Http::with_roots(file).map_err(|error| StartError::Roots(file.clone(), error))?
            }
            None => system_roots.clone(),
        };
        let keys = Arc::new(KeyStore::new(issuer.key_source.clone(), Instant::now()));
        if !keys.is_fixed() {
            refreshers.push(Refresher::new(keys.clone(), issuer.fetch.clone(), http));
        }
        issuers.push(Arc::new(Issuer {
            names: issuer.names.clone(),
            requirements: issuer.requirements.clone(),
            keys,
            claim_headers: issuer.claim_headers.clone(),
            readiness: issuer.readiness,
        }));
    }
    Ok((issuers, refreshers))
}

fn build_authorizer(settings: &mut Settings, issuers: Vec<Arc<Issuer>>) -> Authorizer {
    let claimed = issuers
        .iter()
        .flat_map(|issuer| issuer.claim_headers.iter())
        .map(|header| header.name.clone());
    let names = claimed
        .chain(settings.payload_header.clone())
        .chain(settings.strip_names.iter().cloned())
        .collect();
    let strip = StripList::new(names, settings.strip_prefixes.clone());
    let cache = TokenCache::new(settings.token_cache);
    let authenticator = Authenticator::new(
        Issuers::new(issuers),
        cache,
        settings.payload_header.clone(),
    );
    Authorizer::new(
        authenticator,
        RuleTable::new(
            std::mem::take(&mut settings.rules),
            settings.ambiguous_paths,
        ),
        TokenSources::new(settings.token_sources.clone()),
        strip,
        settings.token_forwarding,
    )
}

fn check_port(
    settings: &Settings,
    authorizer: &Arc<Authorizer>,
    others: Routes,
) -> CheckPort<Authorizer> {
    let refusals = Refusals {
        realm: settings.realm.clone(),
        details: settings.error_details,
    };
    let service = CheckService::new(authorizer.clone(), refusals, settings.check_timeout);
    let in_flight = InFlight::new(settings.max_concurrent_checks);
    CheckPort::new(
        FailClosed::new(Arc::new(service), in_flight),
        with_reflection(others),
    )
}

fn admin_routes(
    settings: &Settings,
    authorizer: &Arc<Authorizer>,
    ready: &Readiness,
    services: Routes,
    address: &ListenAddr,
) -> axum::Router {
    let guard = HostGuard::new(address, settings.admin_hosts.iter().cloned());
    let grpc = with_reflection(services).prepare().into_axum_router();
    guard.protect(grpc.merge(probe_routes(probes(authorizer, ready))))
}

/// Reflection tells of the admin API and of health. Envoy's own descriptors are not among them.
fn with_reflection(services: Routes) -> Routes {
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(pb::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
    match reflection.build_v1() {
        Ok(reflection) => services.add_service(reflection),
        // The descriptors are compiled in, and a test asks for them; without them checks are answered all the same.
        Err(_) => services,
    }
}

fn probes(authorizer: &Arc<Authorizer>, ready: &Readiness) -> Probes {
    let (authorizer, ready) = (authorizer.clone(), ready.clone());
    let report = move || {
        let ready = ready.is_ready();
        ReadyReport {
            ready,
            body: readiness::report(ready, &authorizer, Instant::now()),
        }
    };
    Probes {
        ready: Arc::new(report),
        metrics: None,
    }
}

async fn serve_port(
    listener: Listener,
    routes: axum::Router,
    limits: ConnectionLimits,
    drain: Drain,
) -> Result<(), ServeError> {
    serve_here(
        listener,
        TowerToHyperService::new(routes),
        Protocol::Http1Or2,
        limits,
        drain,
    )
    .await
}

/// Ready once every required issuer has keys, or after `startup_wait` as soon as any issuer has.
async fn wait_for_keys(authorizer: &Authorizer, startup_wait: Duration) {
    let issuers: Vec<_> = authorizer.authenticator().issuers().iter().collect();
    let required = issuers
        .iter()
        .filter(|issuer| issuer.is_required())
        .map(|issuer| issuer.keys.first_keys());
    if tokio::time::timeout(startup_wait, join_all(required))
        .await
        .is_ok()
    {
        return;
    }
    let any: Vec<_> = issuers
        .iter()
        .map(|issuer| Box::pin(issuer.keys.first_keys()))
        .collect();
    if !any.is_empty() {
        select_all(any).await;
    }
    for issuer in issuers
        .iter()
        .filter(|issuer| issuer.keys.usable(Instant::now()).is_none())
    {
        tracing::warn!(issuer = ?issuer.names, "ready without this issuer's keys: its tokens get keys_unavailable");
    }
}

async fn release(keys: Latch, health: &HealthReporter) {
    keys.release();
    set_health(health, ServingStatus::Serving).await;
    tracing::info!("ready");
}

/// Becoming ready ends where stopping begins.
async fn until_stopped(become_ready: impl Future<Output = ()>, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    tokio::select! {
        () = &mut stop => return,
        () = become_ready => {}
    }
    stop.await;
}

async fn set_health(health: &HealthReporter, status: ServingStatus) {
    for name in HEALTH_NAMES {
        health.set_service_status(name, status).await;
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "App({})", self.check_addr())
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Bind(error) => error.fmt(f),
            StartError::Roots(file, error) => write!(f, "ca_file {} {error}", file.display()),
            StartError::Workers(error) => write!(
                f,
                "the threads that serve checks cannot be started: {error}"
            ),
        }
    }
}

impl std::error::Error for StartError {}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Serve(error) => error.fmt(f),
            RunError::Worker(error) => error.fmt(f),
            RunError::Refresher => f.write_str("a task that fetches keys has ended"),
        }
    }
}

impl std::error::Error for RunError {}
