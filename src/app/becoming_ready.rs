//! Readiness: when it begins, and the health service that reports it.

use std::time::Duration;

use accredit_core::authz::authorizer::Authorizer;
use accredit_core::keys::store::KeyStore;
use accredit_core::revocation::store::DenyListStore;
use futures_util::future::{join_all, select_all};
use tokio::time::Instant;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::envoy::current::Current;
use crate::server::readiness::ReadinessLatch;

/// The service names of the gRPC health service (CONTRACT 6.1.1).
const HEALTH_NAMES: [&str; 2] = ["", "envoy.service.auth.v3.Authorization"];

/// Waits until every required issuer has keys, and the deny list is loaded, or, after `startup_wait`, until any issuer has (CONTRACT 5.1.4, 5.1.5). A reload
/// meanwhile replaces the issuers.
pub(crate) async fn wait_for_keys(current: &Current<Authorizer>, startup_wait: Duration) {
    let began = Instant::now();
    loop {
        let replaced = current.replaced();
        let service = current.load();
        tokio::select! {
            () = keys_of(service.authorizer(), startup_wait.saturating_sub(began.elapsed())) => return,
            () = replaced => {}
        }
    }
}

/// Waits until every required issuer of this configuration has keys or, after `startup_wait`, until any issuer has.
pub async fn keys_of(authorizer: &Authorizer, startup_wait: Duration) {
    let issuers: Vec<_> = authorizer.authenticator().issuers().iter().collect();
    let required = issuers
        .iter()
        .filter(|issuer| issuer.is_required())
        .map(|issuer| first_keys(&issuer.keys));
    let deny_list = authorizer.authenticator().deny_list();
    let first_list = async {
        if let Some(deny_list) = deny_list {
            deny_list.until(DenyListStore::has_list).await;
        }
    };
    let all = async { tokio::join!(join_all(required), first_list) };
    if tokio::time::timeout(startup_wait, all).await.is_ok() {
        return;
    }
    let any: Vec<_> = issuers
        .iter()
        .map(|issuer| Box::pin(first_keys(&issuer.keys)))
        .collect();
    if !any.is_empty() {
        select_all(any).await;
    }
    if deny_list.is_some_and(|deny_list| !deny_list.has_list()) {
        tracing::warn!("ready without the deny list; every token gets internal_error");
    }
    for issuer in issuers
        .iter()
        .filter(|issuer| !issuer.keys.has_keys(Instant::now().into_std()))
    {
        let names = issuer.names.join(", ");
        tracing::warn!(
            issuer = names,
            "ready without the keys of this issuer; its tokens get keys_unavailable"
        );
    }
}

async fn first_keys(keys: &KeyStore) {
    keys.until(|keys| keys.has_keys(Instant::now().into_std()))
        .await;
}

/// Reports ready, on `/readyz` and in the gRPC health service.
pub(crate) async fn release(keys: ReadinessLatch, health: &HealthReporter) {
    drop(keys);
    set_health(health, ServingStatus::Serving).await;
    tracing::info!("ready");
}

/// Waits for `stop`, and drops `become_ready` if it is not done by then.
pub(crate) async fn until_stopped(
    become_ready: impl Future<Output = ()>,
    stop: impl Future<Output = ()>,
) {
    let mut stop = std::pin::pin!(stop);
    tokio::select! {
        () = &mut stop => return,
        () = become_ready => {}
    }
    stop.await;
}

pub(crate) async fn set_health(health: &HealthReporter, status: ServingStatus) {
    for name in HEALTH_NAMES {
        health.set_service_status(name, status).await;
    }
}
