//! Fetches a key set from its source, within the limits of time and size.

use std::path::PathBuf;
use std::time::Duration;

use accredit_core::keys::key_set::KeySet;
use accredit_core::keys::ledger::Purpose;
use accredit_core::keys::source::{FetchSettings, KeyAddress, KeySource};
use bytes::Bytes;
use reqwest::header::{CACHE_CONTROL, HeaderMap};

use crate::jwks::conditional::{Conditional, Validators};
use crate::jwks::content::parse_key_set;
use crate::jwks::discovery::{Discovery, FetchProgress};
use crate::jwks::error::FetchError;
use crate::jwks::issuer_client::{IssuerClient, MAX_SIZE};
use crate::jwks::key_location::KeyLocation;
use crate::regular_file;

/// The media types that a request for a key set accepts (RFC 7517 section 8.5).
pub(in crate::jwks) const KEY_SET_TYPES: &str = "application/jwk-set+json, application/json";

/// Fetches the keys of one issuer entry.
pub struct Fetcher {
    origin: KeyOrigin,
    timeout: Duration,
}

/// The result of a successful fetch.
pub struct FetchedKeys {
    /// `None` if the server answered that the held key set is still current.
    pub key_set: Option<FetchedKeySet>,
    /// The `max-age` of the answer.
    pub max_age: Option<Duration>,
}

/// A key set and the text that it was parsed from.
pub struct FetchedKeySet {
    pub key_set: KeySet,
    pub text: Bytes,
}

/// Fetches a key set once. Tests of the refresher replace [`Fetcher`].
pub trait Fetch: Send {
    /// Fetches once, without retries.
    ///
    /// # Errors
    /// [`FetchError`]
    fn fetch(
        &mut self,
        purpose: Purpose,
    ) -> impl Future<Output = Result<FetchedKeys, FetchError>> + Send;

    /// The next fetch brings the key set, changed or not.
    fn forget(&mut self);
}

enum KeyOrigin {
    Http {
        client: IssuerClient,
        location: KeyLocation,
        validators: Box<Validators>,
    },
    File(PathBuf),
    /// The configuration contains the keys: there is nothing to fetch.
    Fixed,
}

// === impl Fetcher ===

impl Fetcher {
    /// A fetcher for that source.
    pub fn new(source: &KeySource, settings: &FetchSettings, client: IssuerClient) -> Fetcher {
        let http = |location| KeyOrigin::Http {
            client,
            location,
            validators: Box::default(),
        };
        let origin = match source {
            KeySource::Uri(address) => http(KeyLocation::Configured(address.clone())),
            KeySource::Discovery { issuer, transport } => {
                let discovery = Discovery::of(issuer.clone(), *transport);
                http(KeyLocation::discovered(discovery, settings))
            }
            KeySource::File(path) => KeyOrigin::File(path.clone()),
            KeySource::Inline(_) => KeyOrigin::Fixed,
        };
        Fetcher {
            origin,
            timeout: settings.timeout,
        }
    }
}

impl Fetch for Fetcher {
    /// `timeout` covers the whole exchange, discovery and bodies included.
    async fn fetch(&mut self, purpose: Purpose) -> Result<FetchedKeys, FetchError> {
        let timeout = self.timeout;
        let mut progress = FetchProgress::default();
        let fetching = self.origin.fetch(purpose, timeout, &mut progress);
        let fetched = tokio::time::timeout(timeout, fetching).await;
        fetched.unwrap_or_else(|_| {
            Err(FetchError::TimedOut {
                limit: timeout,
                address: progress.address,
                attempts: progress.attempts,
            })
        })
    }

    fn forget(&mut self) {
        self.origin.forget();
    }
}

impl KeyOrigin {
    fn forget(&mut self) {
        match self {
            KeyOrigin::Http { validators, .. } => **validators = Validators::default(),
            KeyOrigin::File(_) | KeyOrigin::Fixed => {}
        }
    }

    async fn fetch(
        &mut self,
        purpose: Purpose,
        timeout: Duration,
        progress: &mut FetchProgress,
    ) -> Result<FetchedKeys, FetchError> {
        match self {
            KeyOrigin::Http {
                client,
                location,
                validators,
            } => {
                let address = location.resolve(client, purpose, timeout, progress).await?;
                progress.address = Some(address.to_string());
                let fetched = fetch_key_set(client, address, validators).await?;
                location.brought_keys();
                Ok(fetched)
            }
            KeyOrigin::File(path) => read_file(path.clone()).await,
            KeyOrigin::Fixed => Ok(FetchedKeys {
                key_set: None,
                max_age: None,
            }),
        }
    }
}

async fn fetch_key_set(
    client: &IssuerClient,
    address: KeyAddress,
    validators: &mut Validators,
) -> Result<FetchedKeys, FetchError> {
    let answer = validators
        .get(client, &address, KEY_SET_TYPES)
        .await
        .map_err(FetchError::Request)?;
    let changed = match answer {
        Conditional::Unchanged(headers) => {
            return Ok(FetchedKeys {
                key_set: None,
                max_age: max_age(&headers),
            });
        }
        Conditional::Changed(changed) => changed,
    };
    let max_age = max_age(changed.answer.headers());
    let origin = changed.answer.address.clone();
    let latest = changed.validators;
    let text = changed.answer.body().await.map_err(FetchError::Request)?;
    let key_set = FetchedKeySet::parse(text, origin)?;
    *validators = latest;
    Ok(FetchedKeys {
        key_set: Some(key_set),
        max_age,
    })
}

async fn read_file(path: PathBuf) -> Result<FetchedKeys, FetchError> {
    let origin = path.display().to_string();
    let file = path.clone();
    let reading =
        tokio::task::spawn_blocking(move || regular_file::read(&file, MAX_SIZE as u64)).await;
    let text = match reading {
        Ok(read) => read.map_err(|error| FetchError::File {
            path,
            cause: error.to_string(),
        })?,
        Err(_) => return Err(FetchError::Internal),
    };
    Ok(FetchedKeys {
        key_set: Some(FetchedKeySet::parse(text, origin)?),
        max_age: None,
    })
}

impl FetchedKeySet {
    /// Parses a fetched text. `origin` is the address or the file, for the error.
    ///
    /// # Errors
    /// [`FetchError::Content`]
    pub(in crate::jwks) fn parse(
        text: Vec<u8>,
        origin: String,
    ) -> Result<FetchedKeySet, FetchError> {
        let key_set =
            parse_key_set(&text).map_err(|content| FetchError::Content { origin, content })?;
        Ok(FetchedKeySet {
            key_set,
            text: text.into(),
        })
    }
}

fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let directives = headers
        .get_all(CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok());
    directives
        .flat_map(|value| value.split(','))
        .filter_map(|directive| {
            directive
                .trim()
                .to_ascii_lowercase()
                .strip_prefix("max-age=")?
                .trim_matches('"')
                .parse()
                .ok()
        })
        .map(Duration::from_secs)
        .min()
}

#[cfg(test)]
mod tests;
