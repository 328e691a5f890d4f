//! Builds the check service of one configuration. A reload replaces it as a whole.

use std::sync::Arc;

use accredit_core::authz::authorizer::Authorizer;
use accredit_core::config::settings::Settings;
use accredit_core::engine::Engines;
use accredit_core::keys::lease::KeyLease;

use crate::deny_list::keeper::DenyListKeeper;
use crate::envoy::service::CheckService;
use crate::observe::observer::Observer;
use crate::observe::report::Disclosure;
use crate::replay::store::ReplayStore;

/// Builds the service that answers checks with these settings, keys and deny list, and reports to `observer`. Takes the rules
/// out of `settings`. `running` is the memory of used proofs of the configuration before it, which goes on if it is for these
/// settings.
pub fn build(
    settings: &mut Settings,
    leases: Vec<KeyLease>,
    deny_list: Option<&DenyListKeeper>,
    engines: &mut Engines,
    observer: &Observer,
    running: Option<&Arc<ReplayStore>>,
) -> CheckService<Authorizer> {
    let store = deny_list.map(|keeper| keeper.store().clone());
    let authorizer = Arc::new(engines.build(settings, leases, store));
    if let Some(keeper) = deny_list {
        keeper.note_user(authorizer.authenticator().issuers().names());
    }
    let disclosure = Disclosure {
        config: settings.config.clone(),
        claims: settings.log_claims.as_slice().into(),
    };
    let replay_store = settings.replay.redis.as_ref().map(|url| match running {
        Some(running) if running.is_for(url) => running.clone(),
        _ => Arc::new(ReplayStore::new(url.clone())),
    });
    CheckService::new(authorizer, settings.check_timeout)
        .observed(observer.clone(), disclosure)
        .sharing_proofs(replay_store)
}
