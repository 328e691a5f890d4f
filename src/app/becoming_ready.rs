//! From the first fetches to "ready", and who is told.

use std::time::Duration;

use futures_util::future::{join_all, select_all};
use tokio::time::Instant;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::authz::authorizer::Authorizer;
use crate::server::readiness::Latch;

/// The names under which the health of checks is asked: the whole server's, and the service's.
const HEALTH_NAMES: [&str; 2] = ["", "envoy.service.auth.v3.Authorization"];

/// Ready once every required issuer has keys, or after `startup_wait` as soon as any issuer has.
pub async fn wait_for_keys(authorizer: &Authorizer, startup_wait: Duration) {
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
        .filter(|issuer| !issuer.keys.has_keys(Instant::now()))
    {
        let names = issuer.names.join(", ");
        tracing::warn!(
            issuer = names,
            "ready without this issuer's keys: its tokens get keys_unavailable"
        );
    }
}

/// Readiness has waited for keys alone: says that it is there, to every one who asks.
pub async fn release(keys: Latch, health: &HealthReporter) {
    keys.release();
    set_health(health, ServingStatus::Serving).await;
    tracing::info!("ready");
}

/// Becoming ready ends where stopping begins.
pub async fn until_stopped(become_ready: impl Future<Output = ()>, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    tokio::select! {
        () = &mut stop => return,
        () = become_ready => {}
    }
    stop.await;
}

/// Tells those who ask, or watch, by gRPC whether checks are answered.
pub async fn set_health(health: &HealthReporter, status: ServingStatus) {
    for name in HEALTH_NAMES {
        health.set_service_status(name, status).await;
    }
}
