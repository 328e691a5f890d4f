//! What each port answers.

use std::sync::Arc;

use http::StatusCode;
use hyper_util::service::TowerToHyperService;
use tokio::time::Instant;
use tonic::service::Routes;

use crate::admin::console::history::History;
use crate::admin::console::sources::ConsoleSources;
use crate::admin::service::{AdminService, Sources};
use crate::admin::{console, pb, readiness};
use crate::app::explanation::Explainer;
use crate::authz::authorizer::Authorizer;
use crate::authz::observer::Observer;
use crate::envoy::current::Current;
use crate::envoy::fail_closed::FailClosed;
use crate::envoy::port::CheckPort;
use crate::server::accept::{ServeError, serve_here};
use crate::server::connection::{ConnectionLimits, Protocol};
use crate::server::host_guard::HostGuard;
use crate::server::http::{MetricsSource, Probes, ReadyReport, probe_routes};
use crate::server::listener::Listener;
use crate::server::readiness::Readiness;
use crate::server::shutdown::Drain;
use crate::telemetry::logs::LevelControl;

/// `listen`: checks, and health beside them.
pub fn check_port(checks: FailClosed<Authorizer>, health: Routes) -> CheckPort<Authorizer> {
    CheckPort::new(checks, with_reflection(health))
}

/// `admin_listen`: the admin API, the console, health, probes.
pub fn admin_port(
    guard: HostGuard,
    sources: ConsoleSources,
    probes: axum::Router,
    health: Routes,
) -> axum::Router {
    let services = health.add_service(AdminService::server(sources.admin.clone()));
    let grpc = with_reflection(services).prepare().into_axum_router();
    let routes = grpc.merge(probes).merge(console::routes::routes(sources));
    // The gRPC library's own fallback is 200 with a gRPC status, which a load balancer or a scraper takes for good;
    // a gRPC client takes 404 for UNIMPLEMENTED.
    guard.protect(routes.fallback(async || StatusCode::NOT_FOUND))
}

/// What the admin API of a running service tells of.
pub fn admin_sources(
    current: &Arc<Current<Authorizer>>,
    observer: &Observer,
    log_level: LevelControl,
) -> Sources {
    let in_force = current.clone();
    Sources {
        authorizer: Arc::new(move || in_force.load().decider().clone()),
        explainer: Arc::new(Explainer::new(current.clone())),
        followers: observer.followers.clone(),
        last_refusals: observer.last_refusals.clone(),
        log_level,
    }
}

/// What the console shows beside that.
pub fn console_sources(
    admin: Sources,
    current: &Arc<Current<Authorizer>>,
    ready: &Readiness,
    history: &Arc<History>,
) -> ConsoleSources {
    let (current, ready) = (current.clone(), ready.clone());
    ConsoleSources {
        admin,
        is_ready: Arc::new(move || ready.is_ready()),
        config: Arc::new(move || current.load().config().to_owned()),
        history: history.clone(),
        started: Instant::now(),
    }
}

/// `probe_listen`: probes and nothing else.
pub fn probe_port(
    current: &Arc<Current<Authorizer>>,
    ready: &Readiness,
    metrics: &MetricsSource,
) -> axum::Router {
    let (current, ready) = (current.clone(), ready.clone());
    let report = move || {
        let ready = ready.is_ready();
        ReadyReport {
            ready,
            body: readiness::report(ready, current.load().decider(), Instant::now()),
        }
    };
    probe_routes(Probes {
        ready: Arc::new(report),
        metrics: Some(metrics.clone()),
    })
}

/// Serves a port of few connections on the main runtime.
pub async fn serve_port(
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
