//! The routes of each port.

use std::sync::Arc;

use accredit_core::authz::authorizer::Authorizer;
use axum::middleware::from_fn;
use http::StatusCode;
use tokio::time::Instant;
use tonic::service::Routes;

use crate::admin::service::{AdminApi, AdminSources};
use crate::admin::{pb, readiness};
use crate::console::guard::{forbid_sniffing, refuse_other_sites};
use crate::console::history::History;
use crate::console::routes;
use crate::console::sources::ConsoleSources;
use crate::envoy::current::Current;
use crate::envoy::fail_closed::FailClosed;
use crate::envoy::in_flight::InFlight;
use crate::envoy::port::CheckPort;
use crate::explain::explanation::LiveExplainer;
use crate::observe::observer::Observer;
use crate::server::host_guard::HostGuard;
use crate::server::http::{MetricsSource, Probes, ReadyReport, probe_routes};
use crate::server::readiness::ProcessReadiness;
use crate::server::routes::RouteService;
use crate::server::workers::WorkerPool;
use crate::telemetry::logs::LevelControl;

/// `listen`: checks and gRPC health.
pub(crate) fn check_port(checks: FailClosed<Authorizer>, health: Routes) -> CheckPort<Authorizer> {
    CheckPort::new(checks, with_reflection(health))
}

/// `admin_listen`: the admin API, the console, health, probes. Requests other than probes are answered on the threads
/// of `requests`.
pub(crate) fn admin_port(
    guard: HostGuard,
    sources: ConsoleSources,
    probes: axum::Router,
    health: Routes,
    requests: WorkerPool,
) -> RouteService {
    let services = health.add_service(AdminApi::server(sources.admin.clone()));
    let grpc = with_reflection(services).prepare().into_axum_router();
    let others = grpc.merge(probes);
    // tonic's own fallback answers 200 with a gRPC status, which load balancers and scrapers treat as success. gRPC clients
    // map 404 to UNIMPLEMENTED.
    let others = others
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(from_fn(refuse_other_sites));
    let routes = others.merge(routes::routes(sources));
    RouteService::new(guard.protect(routes).layer(from_fn(forbid_sniffing)))
        .answering_on(requests, is_probe)
}

/// Whether the path is that of a probe or of metrics. These must not wait for other requests, such as an explanation, which can
/// take a second of the processor (CONTRACT 7.3.6).
fn is_probe(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz" | "/metrics") || path.starts_with("/grpc.health.v1.Health/")
}

/// The data that the admin API reports.
pub(crate) fn admin_sources(
    current: &Arc<Current<Authorizer>>,
    observer: &Observer,
    log_level: LevelControl,
) -> AdminSources {
    let in_force = current.clone();
    AdminSources {
        authorizer: Arc::new(move || in_force.load().authorizer().clone()),
        explainer: Arc::new(LiveExplainer::new(current.clone())),
        followers: observer.followers.clone(),
        last_refusals: observer.last_refusals.clone(),
        log_level,
    }
}

/// The data that the console shows, including that of the admin API.
pub(crate) fn console_sources(
    admin: AdminSources,
    current: &Arc<Current<Authorizer>>,
    ready: &ProcessReadiness,
    history: &Arc<History>,
    in_flight: &InFlight,
) -> ConsoleSources {
    let (current, ready, in_flight) = (current.clone(), ready.clone(), in_flight.clone());
    let name = rustix::system::uname();
    ConsoleSources {
        admin,
        is_ready: Arc::new(move || ready.is_ready()),
        config: Arc::new(move || current.load().config().to_owned()),
        history: history.clone(),
        instance: name.nodename().to_string_lossy().into(),
        in_flight: Arc::new(move || (in_flight.count(), in_flight.limit())),
        started: Instant::now(),
    }
}

/// `probe_listen`: `/livez`, `/readyz` and `/metrics`.
pub(crate) fn probe_port(
    current: &Arc<Current<Authorizer>>,
    ready: &ProcessReadiness,
    metrics: &MetricsSource,
) -> axum::Router {
    let (current, ready) = (current.clone(), ready.clone());
    let report = move || {
        let ready = ready.is_ready();
        ReadyReport {
            ready,
            body: readiness::report(
                ready,
                current.load().authorizer(),
                Instant::now().into_std(),
            ),
        }
    };
    probe_routes(Probes {
        ready: Arc::new(report),
        metrics: Some(metrics.clone()),
    })
}

/// Adds gRPC reflection for the admin API and health. It does not describe Envoy's API.
fn with_reflection(services: Routes) -> Routes {
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(pb::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
    match reflection.build_v1() {
        Ok(reflection) => services.add_service(reflection),
        // Cannot happen: the descriptors are compiled in, and a test reads them. Checks do not need reflection.
        Err(_) => services,
    }
}
