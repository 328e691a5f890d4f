//! Decides one request without a running service, as the service would, and explains each step.

use accredit_core::config::settings::Settings;
use accredit_core::engine::{Engines, key_entries};
use accredit_core::keys::store::KeyStore;
use tokio::time::Instant;

use crate::admin::pb;
use crate::app::engine;
use crate::app::error::StartError;
use crate::deny_list::keeper::DenyListKeeper;
use crate::envoy::in_flight::InFlight;
use crate::explain::example::ExampleRequest;
use crate::explain::explanation::explanation;
use crate::jwks::key_stores::KeyStores;
use crate::observe::observer::Observer;

/// Decides a request with these settings and explains the decision. Fetches keys as the service does, and uses those in `state_dir`
/// as it does; writes nothing.
///
/// # Errors
/// [`StartError`] where a service with these settings could not start.
pub(crate) async fn explain(
    mut settings: Settings,
    client_request: pb::ExplainRequest,
) -> Result<pb::Explanation, StartError> {
    let example = ExampleRequest::new(client_request, settings.token_sources.first());
    let mut key_stores = KeyStores::default().reading_from(settings.state_dir.clone());
    let leases = key_stores.lease(&key_entries(&settings))?;
    let mut deny_list = settings
        .revoked
        .clone()
        .map(|revoked| DenyListKeeper::new(revoked, key_stores.system_trust()))
        .transpose()?;
    key_stores.restore().await;
    key_stores.start();
    if let Some(deny_list) = &mut deny_list {
        deny_list.start();
        // Without a list, the service answers every token with `internal_error`.
        let _ = deny_list.first_list().await;
    }
    for lease in &leases {
        lease.store().until(KeyStore::was_attempted).await;
    }
    // An explanation must not use the proof up for the replicas. In a memory of its own, each proof is unused.
    settings.replay.redis = None;
    let service = engine::build(
        &mut settings,
        leases,
        deny_list.as_ref(),
        &mut Engines::default(),
        &Observer::default(),
        None,
    );
    let request = example.request();
    let deadline = Instant::now() + service.check_timeout();
    let judged = match example.denial() {
        Some(denial) => service.authorizer().refuse(denial),
        None => {
            let in_flight = InFlight::new(1);
            service.decide_by(&request, deadline, &in_flight).await
        }
    };
    let explanation = explanation(service.authorizer(), &example, &request, &judged);
    key_stores.shutdown().await;
    Ok(explanation)
}
