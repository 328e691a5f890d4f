//! Builds the authorizer of each configuration of a process. Several configurations can be in force at once.

use std::sync::{Arc, Weak};

use crate::authn::authenticator::Authenticator;
use crate::authn::cookies::DroppedCookies;
use crate::authn::identity::EncodeIdentity;
use crate::authn::issuers::{Issuer, Issuers};
use crate::authn::sources::TokenSources;
use crate::authn::token_cache::TokenCache;
use crate::authz::authorizer::{Authorizer, AuthorizerParts};
use crate::authz::filtered_requests::FilteredRequests;
use crate::authz::refusal_settings::RefusalSettings;
use crate::config::settings::{IssuerSettings, Settings};
use crate::forward::strip::StripList;
use crate::keys::lease::{KeyEntry, KeyLease};
use crate::proof::replay::{ReplayAccess, ReplayCache, ReplayTerms};
use crate::revocation::store::DenyListStore;
use crate::rules::table::RuleTable;

/// Builds authorizers that share their token cache and their equal issuer entries, so that a token that one of them
/// verified is accepted by the others. The shared parts exist as long as one of the authorizers does.
#[derive(Debug, Default)]
pub struct Engines {
    encode: Option<EncodeIdentity>,
    shares_one_cache: bool,
    issuers: Vec<Weak<Issuer>>,
    token_caches: Vec<Weak<TokenCache>>,
    /// A reload must not forget the proofs that were used before it.
    proofs: Arc<ReplayCache>,
    /// A reload keeps these counts.
    filtered_requests: Arc<FilteredRequests>,
    dropped_cookies: Arc<DroppedCookies>,
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

impl Engines {
    /// Engines that encode each new identity, to be cached with it.
    pub fn encoding_by(encode: EncodeIdentity) -> Engines {
        Engines {
            encode: Some(encode),
            ..Engines::default()
        }
    }

    /// Engines whose authorizers share one token cache, whatever limits they have: the limit is that of the authorizer that was
    /// built last. It is for processes in which superseded configurations stay in force for long. An authorizer with `token_cache: 0`
    /// has no cache here either. Each new identity is encoded, and the encoded form is cached with it.
    pub fn sharing_one_cache(encode: EncodeIdentity) -> Engines {
        Engines {
            encode: Some(encode),
            shares_one_cache: true,
            ..Engines::default()
        }
    }

    /// Builds the authorizer of these settings. `leases` are those of [`key_entries`], in the same order; the authorizer holds
    /// them. `deny_list` is that of `settings.revoked`; without it, a configuration with `revoked` refuses every token. Takes
    /// the rules out of `settings`.
    pub fn build(
        &mut self,
        settings: &mut Settings,
        leases: Vec<KeyLease>,
        deny_list: Option<Arc<DenyListStore>>,
    ) -> Authorizer {
        let deny_list = settings
            .revoked
            .as_ref()
            .map(|_| deny_list.unwrap_or_default());
        let cache = self.token_cache(settings.token_cache);
        let issuers: Vec<_> = settings
            .issuers
            .iter()
            .zip(leases)
            .map(|(issuer, lease)| (self.issuer(settings, issuer, &lease), lease))
            .collect();
        let claimed = issuers
            .iter()
            .flat_map(|(issuer, _)| issuer.claim_headers.iter())
            .map(|header| header.name.clone());
        let names = claimed
            .chain(settings.payload_header.clone())
            .chain(settings.strip_names.iter().cloned())
            .collect();
        let strip = StripList::new(names, settings.strip_prefixes.clone());
        let authenticator = Authenticator::new(Issuers::new(issuers), cache, self.encode)
            .denying(deny_list)
            .remembering(ReplayAccess::new(
                self.proofs.clone(),
                replay_terms(settings),
            ));
        let rules = RuleTable::new(
            std::mem::take(&mut settings.rules),
            settings.ambiguous_paths,
        );
        let rules = match settings.rules_files.take() {
            Some(files) => rules.with_files(files),
            None => rules,
        };
        let reads = settings.metadata.iter();
        let rules = rules.with_reads(reads.map(|(_, expression)| expression.reads()));
        let sources = TokenSources::new(settings.token_sources.clone())
            .with_max_token_size(settings.max_token_size)
            .counting(self.dropped_cookies.clone());
        Authorizer::new(AuthorizerParts {
            authenticator,
            rules,
            sources,
            strip,
            forwarding: settings.token_forwarding,
            refusals: RefusalSettings {
                realm: settings.realm.clone(),
                details: settings.error_details,
                resource_metadata: settings
                    .resource_metadata
                    .as_ref()
                    .map(|metadata| metadata.address().to_owned()),
            },
            resource_metadata: settings.resource_metadata.clone(),
            without_keys: settings.unavailable,
            metadata: settings.metadata.clone(),
            filtered: self.filtered_requests.clone(),
        })
    }

    /// Removes every token from the token caches, so that each is verified and encoded again when a client next sends it.
    pub fn clear_token_caches(&self) {
        for cache in self.token_caches.iter().filter_map(Weak::upgrade) {
            cache.clear();
        }
    }

    fn issuer(
        &mut self,
        settings: &Settings,
        issuer: &IssuerSettings,
        lease: &KeyLease,
    ) -> Arc<Issuer> {
        let entry = Issuer {
            names: issuer.names.clone(),
            requirements: issuer.requirements.clone(),
            keys: lease.store().clone(),
            claim_headers: issuer.claim_headers.clone(),
            payload_header: settings.payload_header.clone(),
            startup: issuer.startup,
            tenants: issuer.tenants.clone(),
        };
        shared(&mut self.issuers, |own| entry.is_same_as(own)).unwrap_or_else(|| {
            let entry = Arc::new(entry);
            self.issuers.push(Arc::downgrade(&entry));
            entry
        })
    }

    /// Authorizers with different limits have caches of their own, unless all share one.
    fn token_cache(&mut self, limit: u64) -> Arc<TokenCache> {
        if self.shares_one_cache && limit > 0 {
            let found = shared(&mut self.token_caches, TokenCache::is_on);
            if let Some(cache) = found {
                cache.set_limit(limit);
                return cache;
            }
        }
        shared(&mut self.token_caches, |cache| cache.limit() == limit).unwrap_or_else(|| {
            let cache = Arc::new(TokenCache::new(limit));
            self.token_caches.push(Arc::downgrade(&cache));
            cache
        })
    }
}

fn replay_terms(settings: &Settings) -> ReplayTerms {
    let skews = settings.issuers.iter();
    let skews = skews.map(|issuer| issuer.requirements.clock_skew);
    ReplayTerms {
        size: settings.replay.size,
        is_shared: settings.replay.redis.is_some(),
        max_skew: skews.max().unwrap_or_default(),
    }
}

/// The first value that fits. Values that no authorizer uses any more are removed.
fn shared<T>(values: &mut Vec<Weak<T>>, is_wanted: impl Fn(&T) -> bool) -> Option<Arc<T>> {
    values.retain(|value| value.strong_count() > 0);
    let mut in_use = values.iter().filter_map(Weak::upgrade);
    in_use.find(|value| is_wanted(value))
}
