//! Fetches each configured key set once (`accredit check --online`).

use accredit_core::authn::issuer_names::IssuerNames;
use accredit_core::config::settings::Settings;
use accredit_core::engine::key_entries;
use accredit_core::keys::key_set::KeySet;
use accredit_core::keys::lease::KeyEntry;
use accredit_core::keys::ledger::Purpose;
use accredit_core::keys::source::KeySource;
use accredit_core::revocation::source::DenyListSource;
use futures_util::future::join_all;

use crate::deny_list::error::DenyListError;
use crate::deny_list::keeper;
use crate::deny_list::loading;
use crate::deny_list::unmatched::UnmatchedIssuers;
use crate::jwks::conditional::Validators;
use crate::jwks::error::FetchError;
use crate::jwks::fetcher::{Fetch as _, Fetcher};
use crate::jwks::issuer_client::IssuerClient;
use crate::jwks::key_stores::{UnusableKeyAccess, client};
use crate::jwks::trust::TrustStore;

#[derive(Debug)]
pub(crate) struct OnlineCheck {
    /// The entry's first issuer.
    pub(crate) issuer: String,
    /// The source of its keys, without secrets.
    pub(crate) source: String,
    pub(crate) keys: Result<OnlineKeys, FetchError>,
}

#[derive(Debug)]
pub(crate) struct OnlineDenyList {
    /// The address of the list, without secrets.
    pub(crate) source: String,
    pub(crate) entries: Result<OnlineEntries, DenyListError>,
}

#[derive(Debug, Default)]
pub(crate) struct OnlineEntries {
    pub(crate) count: usize,
    /// The issuers of entries that name no token.
    pub(crate) unmatched: Option<UnmatchedIssuers>,
}

#[derive(Debug, Default)]
pub(crate) struct OnlineKeys {
    /// How many keys can verify tokens.
    pub(crate) usable: usize,
    /// How many of them are published with their private part (CONTRACT 5.7.3).
    pub(crate) private: usize,
    /// The `kid` of each key that was set aside, and the reason.
    pub(crate) set_aside: Vec<(Option<Box<str>>, String)>,
}

/// Fetches every key set.
///
/// # Errors
/// [`UnusableKeyAccess`]
pub(crate) async fn fetch_all(settings: &Settings) -> Result<Vec<OnlineCheck>, UnusableKeyAccess> {
    let system_trust = TrustStore::system();
    let mut checks = Vec::new();
    for (issuer, entry) in key_entries(settings).into_iter().enumerate() {
        let client = client(issuer, &entry, &system_trust)?;
        checks.push(check(entry, client));
    }
    Ok(join_all(checks).await)
}

/// Fetches the deny list, if it is at an address.
pub(crate) async fn fetch_deny_list(settings: &Settings) -> Option<OnlineDenyList> {
    let revoked = settings.revoked.as_ref()?;
    let DenyListSource::Uri(address) = &revoked.source else {
        return None;
    };
    let fetched = async {
        let client = keeper::client(revoked, &TrustStore::system())?;
        let mut validators = Validators::default();
        loading::fetch(&client, address, revoked.timeout, &mut validators).await
    };
    Some(OnlineDenyList {
        source: address.to_string(),
        entries: fetched.await.map(|list| {
            list.map_or_else(OnlineEntries::default, |list| OnlineEntries {
                count: list.len(),
                unmatched: UnmatchedIssuers::of(&list, &issuer_names(settings)),
            })
        }),
    })
}

fn issuer_names(settings: &Settings) -> IssuerNames {
    let mut names = IssuerNames::default();
    for (position, issuer) in settings.issuers.iter().enumerate() {
        for name in &issuer.names {
            names.add(name, position, issuer.tenants.as_ref());
        }
    }
    names
}

async fn check(entry: KeyEntry, client: IssuerClient) -> OnlineCheck {
    let keys = match &entry.source {
        KeySource::Inline(key_set) => Ok(OnlineKeys::of(key_set)),
        source => Fetcher::new(source, &entry.settings, client)
            .fetch(Purpose::Refresh)
            .await
            .map(|fetched| {
                let fetched = fetched.key_set;
                fetched.map_or_else(OnlineKeys::default, |fetched| {
                    OnlineKeys::of(&fetched.key_set)
                })
            }),
    };
    let issuer = entry.issuers.first();
    OnlineCheck {
        issuer: issuer.map(ToString::to_string).unwrap_or_default(),
        source: entry.source.to_string(),
        keys,
    }
}

impl OnlineKeys {
    fn of(key_set: &KeySet) -> OnlineKeys {
        let set_aside = key_set.set_aside().iter();
        OnlineKeys {
            usable: key_set.keys().len(),
            private: key_set.published_private_keys(),
            set_aside: set_aside
                .map(|key| (key.key_id.clone(), key.reason.to_string()))
                .collect(),
        }
    }
}
