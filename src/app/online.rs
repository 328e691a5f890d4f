//! Fetches each configured key set once, for `accredit check --online`.

use futures_util::future::join_all;

use crate::app::error::StartError;
use crate::config::settings::{IssuerSettings, Settings};
use crate::jwks::fetch::{Fetch, Fetcher, Purpose};
use crate::jwks::http::Http;
use crate::jwks::source::KeySource;

/// The result of fetching the key set of one issuer entry.
#[derive(Debug)]
pub struct OnlineResult {
    /// The first issuer of the entry.
    pub issuer: String,
    /// The source of the key set.
    pub source: String,
    /// The numbers of usable keys and of keys that are set aside, or the cause of the failure.
    pub keys: Result<(usize, usize), String>,
}

/// # Errors
/// [`StartError::Roots`] if a `ca_file` cannot be used.
pub async fn fetch_all(settings: &Settings) -> Result<Vec<OnlineResult>, StartError> {
    let system_roots = Http::with_system_roots();
    let mut fetches = Vec::new();
    for issuer in &settings.issuers {
        let http = match &issuer.fetch.ca_file {
            Some(file) => {
                Http::with_roots(file).map_err(|error| StartError::Roots(file.clone(), error))?
            }
            None => system_roots.clone(),
        };
        fetches.push(fetch(issuer, http));
    }
    Ok(join_all(fetches).await)
}

async fn fetch(issuer: &IssuerSettings, http: Http) -> OnlineResult {
    let keys = match &issuer.key_source {
        KeySource::Inline(key_set) => Ok((key_set.keys().len(), key_set.set_aside().len())),
        source => match Fetcher::new(source, &issuer.fetch, http)
            .fetch(Purpose::Refresh)
            .await
        {
            Ok(fetched) => {
                let key_set = fetched.key_set.as_ref();
                Ok(key_set.map_or((0, 0), |fetched| {
                    let key_set = &fetched.key_set;
                    (key_set.keys().len(), key_set.set_aside().len())
                }))
            }
            Err(error) => Err(error.to_string()),
        },
    };
    let issuer_name = issuer
        .names
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    OnlineResult {
        issuer: issuer_name,
        source: issuer.key_source.to_string(),
        keys,
    }
}
