//! Reads a key source within its limits of time and size.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{
    CACHE_CONTROL, ETAG, HeaderMap, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};
use tokio::io::AsyncReadExt as _;

use crate::jwks::discovery::Discovery;
use crate::jwks::error::FetchError;
use crate::jwks::http::{Http, MAX_SIZE, read_body};
use crate::jwks::key_set::KeySet;
use crate::jwks::source::{FetchSettings, KeyAddress, KeySource};
use crate::jwks::target::Target;

/// `Retry-After` is obeyed up to this.
pub(in crate::jwks) const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Fetches the keys of one issuer entry.
pub struct Fetcher {
    way: Way,
    timeout: Duration,
}

/// What a fetch that succeeded brought.
pub struct Fetched {
    /// The key set; `None` where the server says that the held one still stands.
    pub key_set: Option<FetchedSet>,
    /// How long the server's caching rules let it stand.
    pub max_age: Option<Duration>,
}

/// A key set that came.
pub struct FetchedSet {
    /// The keys.
    pub key_set: KeySet,
    /// The text that they were read from.
    pub text: Bytes,
}

/// Fetches a key set once; [`Fetcher`] is the one that serves.
pub trait Fetch: Send {
    /// Fetches once.
    ///
    /// # Errors
    /// [`FetchError`]; nothing is tried again here.
    fn fetch(
        &mut self,
        purpose: Purpose,
    ) -> impl Future<Output = Result<Fetched, FetchError>> + Send;
}

/// Why a fetch is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// A token waits; an address that was discovered is used as it is.
    Demand,
    /// It is time; an address that was discovered is discovered again, unless its server asked to be left alone.
    Refresh,
    /// An operator asks; an address that was discovered is discovered again.
    Order,
}

enum Way {
    Http {
        http: Http,
        target: Target,
        seen: Option<Box<Validators>>,
    },
    File(std::path::PathBuf),
    Nothing,
}

/// What makes the next request conditional (RFC 9110 section 13.1).
struct Validators {
    address: KeyAddress,
    etag: Option<reqwest::header::HeaderValue>,
    last_modified: Option<reqwest::header::HeaderValue>,
}

// === impl Fetcher ===

impl Fetcher {
    /// A fetcher for that source.
    pub fn new(source: &KeySource, settings: &FetchSettings, http: Http) -> Fetcher {
        let way = match source {
            KeySource::Uri(address) => Way::Http {
                http,
                target: Target::Address(address.clone()),
                seen: None,
            },
            KeySource::Discovery { issuer, transport } => {
                let discovery = Discovery::of(issuer.clone(), *transport);
                Way::Http {
                    http,
                    target: Target::discovered(discovery, settings.max_stale),
                    seen: None,
                }
            }
            KeySource::File(path) => Way::File(path.clone()),
            KeySource::Inline(_) => Way::Nothing,
        };
        Fetcher {
            way,
            timeout: settings.timeout,
        }
    }
}

impl Fetch for Fetcher {
    /// The time limit covers the whole exchange, discovery and body included.
    async fn fetch(&mut self, purpose: Purpose) -> Result<Fetched, FetchError> {
        let timeout = self.timeout;
        let fetching = async {
            match &mut self.way {
                Way::Http { http, target, seen } => {
                    let address = target.resolve(http, purpose, timeout).await?;
                    let fetched = fetch_key_set(http, address, seen).await?;
                    target.led_to_keys();
                    Ok(fetched)
                }
                Way::File(path) => read_file(path).await,
                Way::Nothing => Ok(Fetched {
                    key_set: None,
                    max_age: None,
                }),
            }
        };
        tokio::time::timeout(timeout, fetching)
            .await
            .unwrap_or(Err(FetchError::TimedOut(timeout)))
    }
}

async fn fetch_key_set(
    http: &Http,
    address: KeyAddress,
    seen: &mut Option<Box<Validators>>,
) -> Result<Fetched, FetchError> {
    let conditions = seen
        .as_ref()
        .filter(|seen| seen.address == address)
        .map(|seen| seen.conditions())
        .unwrap_or_default();
    let is_conditional = !conditions.is_empty();
    let answer = http.get(&address, conditions).await?;
    let max_age = max_age(answer.headers());
    if answer.status() == StatusCode::NOT_MODIFIED {
        // Whoever says so unasked confirms nothing that is held.
        if !is_conditional {
            return Err(FetchError::Status {
                status: StatusCode::NOT_MODIFIED.as_u16(),
                retry_after: None,
            });
        }
        return Ok(Fetched {
            key_set: None,
            max_age,
        });
    }
    let validators = Validators {
        address,
        etag: answer.headers().get(ETAG).cloned(),
        last_modified: answer.headers().get(LAST_MODIFIED).cloned(),
    };
    let fetched = FetchedSet::parse(read_body(answer).await?)?;
    *seen = Some(Box::new(validators));
    Ok(Fetched {
        key_set: Some(fetched),
        max_age,
    })
}

async fn read_file(path: &Path) -> Result<Fetched, FetchError> {
    let unreadable = |error: std::io::Error| FetchError::Unreadable(error.kind());
    // To open a pipe could wait for ever, and take a thread each time.
    if !tokio::fs::metadata(path)
        .await
        .map_err(unreadable)?
        .is_file()
    {
        return Err(FetchError::Unreadable(std::io::ErrorKind::InvalidInput));
    }
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let mut text = Vec::new();
    file.take(MAX_SIZE as u64 + 1)
        .read_to_end(&mut text)
        .await
        .map_err(unreadable)?;
    if text.len() > MAX_SIZE {
        return Err(FetchError::TooLarge);
    }
    Ok(Fetched {
        key_set: Some(FetchedSet::parse(text)?),
        max_age: None,
    })
}

impl FetchedSet {
    /// Reads what came.
    ///
    /// # Errors
    /// [`FetchError::NotAKeySet`]
    pub(in crate::jwks) fn parse(text: Vec<u8>) -> Result<FetchedSet, FetchError> {
        let key_set = KeySet::parse(&text).map_err(FetchError::NotAKeySet)?;
        Ok(FetchedSet {
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

impl Validators {
    fn conditions(&self) -> HeaderMap {
        let mut conditions = HeaderMap::new();
        if let Some(etag) = &self.etag {
            conditions.insert(IF_NONE_MATCH, etag.clone());
        }
        if let Some(last_modified) = &self.last_modified {
            conditions.insert(IF_MODIFIED_SINCE, last_modified.clone());
        }
        conditions
    }
}

#[cfg(test)]
mod tests;
