//! Reads a key source within its limits of time, size and redirects. The only place that speaks HTTP to issuers.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{
    ACCEPT, CACHE_CONTROL, DATE, ETAG, HeaderMap, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
    LOCATION, RETRY_AFTER,
};
use reqwest::{Certificate, Client, Response, StatusCode};
use tokio::io::AsyncReadExt as _;

use crate::jwks::discovery::Discovery;
use crate::jwks::error::FetchError;
use crate::jwks::key_set::KeySet;
use crate::jwks::source::{FetchSettings, KeyAddress, KeySource};
use crate::jwks::target::Target;

/// A key set or a metadata document is at most this large, counted as it arrives and after decompression.
pub const MAX_SIZE: usize = 1024 * 1024;

const MAX_REDIRECTS: usize = 3;

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
                    target: Target::discovered(discovery),
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
                    fetch_key_set(http, address, seen).await
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

// === impl Http ===

/// An HTTP client that trusts either the system's roots or a file's.
#[derive(Clone, Debug)]
pub struct Http(Result<Clients, String>);

/// No proxy is asked for a loopback address: it would mean its own, and plain http is secure only within this machine.
#[derive(Clone, Debug)]
struct Clients {
    by_proxy: Client,
    direct: Client,
}

/// A `ca_file` that cannot be used.
#[derive(Debug)]
pub enum RootsError {
    /// It cannot be read.
    Unreadable(std::io::ErrorKind),
    /// It holds no certificate in PEM form.
    NoCertificate,
}

impl std::fmt::Display for RootsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RootsError::Unreadable(kind) => write!(f, "cannot be read: {kind}"),
            RootsError::NoCertificate => f.write_str("holds no PEM certificate"),
        }
    }
}

impl Http {
    /// Trusts the system's roots. Without any, only http can be fetched, and each https fetch says so.
    pub fn with_system_roots() -> Http {
        let clients = Clients::built(Http::builder).map_err(|error| root_cause(&error));
        Http(clients)
    }

    /// Trusts the certificates of a file alone.
    ///
    /// # Errors
    /// [`RootsError`] where it holds none.
    pub fn with_roots(file: &Path) -> Result<Http, RootsError> {
        let pem = std::fs::read(file).map_err(|error| RootsError::Unreadable(error.kind()))?;
        let roots = Certificate::from_pem_bundle(&pem).map_err(|_| RootsError::NoCertificate)?;
        if roots.is_empty() {
            return Err(RootsError::NoCertificate);
        }
        Clients::built(|| Http::builder().tls_certs_only(roots.clone()))
            .map(|clients| Http(Ok(clients)))
            .map_err(|_| RootsError::NoCertificate)
    }

    fn builder() -> reqwest::ClientBuilder {
        // Redirects are followed by us, since a policy of the client could not tell hosts and schemes apart by
        // our rule and still say which rule was broken.
        Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            // Each fetch connects anew: minutes lie between two, and one that was cut off silently would make each
            // attempt fail that uses it.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("accredit/", env!("CARGO_PKG_VERSION")))
            .referer(false)
    }

    /// A 200 or 304 from the address, or from where it redirects to on the same host.
    pub(in crate::jwks) async fn get(
        &self,
        address: &KeyAddress,
        conditions: HeaderMap,
    ) -> Result<Response, FetchError> {
        let clients = self.0.as_ref();
        let clients = clients.map_err(|cause| FetchError::Unreachable(cause.clone()))?;
        let mut address = address.clone();
        for _ in 0..=MAX_REDIRECTS {
            let request = clients
                .of(&address)
                .get(address.url().clone())
                .header(ACCEPT, "application/jwk-set+json, application/json")
                .headers(conditions.clone());
            let answer = request
                .send()
                .await
                .map_err(|error| FetchError::Unreachable(root_cause(&error)))?;
            match answer.status() {
                StatusCode::OK | StatusCode::NOT_MODIFIED => return Ok(answer),
                status if status.is_redirection() => address = redirected(&address, &answer)?,
                status => {
                    let retry_after = retry_after(answer.headers());
                    return Err(FetchError::Status {
                        status: status.as_u16(),
                        retry_after,
                    });
                }
            }
        }
        Err(FetchError::TooManyRedirects)
    }
}

impl Clients {
    fn built(builder: impl Fn() -> reqwest::ClientBuilder) -> Result<Clients, reqwest::Error> {
        Ok(Clients {
            by_proxy: builder().build()?,
            direct: builder().no_proxy().build()?,
        })
    }

    fn of(&self, address: &KeyAddress) -> &Client {
        if address.is_loopback() {
            &self.direct
        } else {
            &self.by_proxy
        }
    }
}

/// Reads a body, and stops at the limit instead of after it.
pub(in crate::jwks) async fn read_body(mut answer: Response) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > MAX_SIZE => {
                return Err(FetchError::TooLarge);
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) => return Err(FetchError::Unreachable(root_cause(&error))),
        }
    }
}

fn redirected(address: &KeyAddress, answer: &Response) -> Result<KeyAddress, FetchError> {
    answer
        .headers()
        .get(LOCATION)
        .and_then(|location| location.to_str().ok())
        .and_then(|location| address.redirected(location))
        .ok_or(FetchError::ForbiddenRedirect)
}

/// The innermost cause: the outer ones name the address, which may hold a password.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if std::ptr::eq(
        cause as *const _ as *const (),
        error as *const _ as *const (),
    ) {
        return "the request failed".to_owned();
    }
    cause.to_string()
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

/// `Retry-After` (RFC 9110 section 10.2.3) as a span; a date is taken against the answer's own `Date`.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok();
    let wanted = text(RETRY_AFTER)?.trim();
    if let Ok(seconds) = wanted.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(wanted).ok()?;
    let now = httpdate::parse_http_date(text(DATE)?).ok()?;
    until.duration_since(now).ok()
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
