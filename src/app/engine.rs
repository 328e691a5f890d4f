//! Builds the check service of one configuration. A reload replaces it as a whole.

use std::sync::Arc;

use accredit_core::authn::authenticator::Authenticator;
use accredit_core::authn::issuers::{Issuer, Issuers};
use accredit_core::authn::sources::TokenSources;
use accredit_core::authn::token_cache::TokenCache;
use accredit_core::authz::answer::RefusalSettings;
use accredit_core::authz::authorizer::{Authorizer, AuthorizerParts};
use accredit_core::config::settings::{IssuerSettings, Settings};
use accredit_core::forward::strip::StripList;
use accredit_core::rules::table::RuleTable;

use crate::envoy::service::CheckService;
use crate::jwks::key_stores::{KeyEntry, PreparedStores};
use crate::observe::observer::Observer;
use crate::observe::report::Disclosure;

/// Builds the service that answers checks with these settings and keys and reports to `observer`. Takes the rules out of
/// `settings`. Issuer entries that `previous` has too are shared with it, and so is its token cache, so that a reload does not
/// verify every token again.
pub fn build(
    settings: &mut Settings,
    keys: &PreparedStores,
    observer: &Observer,
    previous: Option<&Authorizer>,
) -> CheckService<Authorizer> {
    let previous = previous.map(Authorizer::authenticator);
    let issuers = build_issuers(settings, keys, previous);
    let cache = previous
        .map(Authenticator::token_cache)
        .filter(|cache| cache.limit() == settings.token_cache)
        .cloned()
        .unwrap_or_else(|| Arc::new(TokenCache::new(settings.token_cache)));
    let authorizer = Arc::new(build_authorizer(settings, issuers, cache));
    let disclosure = Disclosure {
        config: settings.config.clone(),
        claims: settings.log_claims.as_slice().into(),
    };
    CheckService::new(authorizer, settings.check_timeout).observed(observer.clone(), disclosure)
}

/// The keys of each issuer entry, as configured.
pub fn key_entries(settings: &Settings) -> Vec<KeyEntry> {
    let entry = |issuer: &IssuerSettings| KeyEntry {
        issuers: issuer.names.clone(),
        source: issuer.key_source.clone(),
        settings: issuer.fetch.clone(),
    };
    settings.issuers.iter().map(entry).collect()
}

fn build_issuers(
    settings: &Settings,
    keys: &PreparedStores,
    previous: Option<&Authenticator>,
) -> Vec<Arc<Issuer>> {
    let issuer = |(issuer, keys): (&IssuerSettings, _)| {
        let entry = Issuer {
            names: issuer.names.clone(),
            requirements: issuer.requirements.clone(),
            keys,
            claim_headers: issuer.claim_headers.clone(),
            payload_header: settings.payload_header.clone(),
            startup: issuer.startup,
        };
        let mut earlier = previous.into_iter().flat_map(|own| own.issuers().iter());
        earlier
            .find(|earlier| entry.is_same_as(earlier))
            .cloned()
            .unwrap_or_else(|| Arc::new(entry))
    };
    settings
        .issuers
        .iter()
        .zip(keys.stores())
        .map(issuer)
        .collect()
}

fn build_authorizer(
    settings: &mut Settings,
    issuers: Vec<Arc<Issuer>>,
    cache: Arc<TokenCache>,
) -> Authorizer {
    let claimed = issuers
        .iter()
        .flat_map(|issuer| issuer.claim_headers.iter())
        .map(|header| header.name.clone());
    let names = claimed
        .chain(settings.payload_header.clone())
        .chain(settings.strip_names.iter().cloned())
        .collect();
    let strip = StripList::new(names, settings.strip_prefixes.clone());
    let authenticator = Authenticator::new(Issuers::new(issuers), cache);
    let rules = RuleTable::new(
        std::mem::take(&mut settings.rules),
        settings.ambiguous_paths,
    );
    let sources = TokenSources::new(settings.token_sources.clone())
        .with_max_token_size(settings.max_token_size);
    Authorizer::new(AuthorizerParts {
        authenticator,
        rules,
        sources,
        strip,
        forwarding: settings.token_forwarding,
        refusals: RefusalSettings {
            realm: settings.realm.clone(),
            details: settings.error_details,
        },
        without_keys: settings.unavailable,
    })
}
