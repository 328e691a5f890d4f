//! The HTTP of fetches: whom it trusts, where it may be redirected to, how much it reads. The only place that speaks
//! to issuers.

use std::path::Path;
use std::time::Duration;

use reqwest::header::{ACCEPT, DATE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Certificate, Client, Response, StatusCode};

use crate::jwks::error::FetchError;
use crate::jwks::source::KeyAddress;

/// A key set or a metadata document is at most this large, counted as it arrives and after decompression.
pub const MAX_SIZE: usize = 1024 * 1024;

const MAX_REDIRECTS: usize = 3;

/// An HTTP client that trusts either the system's roots or a file's.
#[derive(Clone, Debug)]
pub struct Http(pub(in crate::jwks) Result<Clients, String>);

/// No proxy is asked for a loopback address: it would mean its own, and plain http is secure only within this machine.
#[derive(Clone, Debug)]
pub(in crate::jwks) struct Clients {
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

    pub(in crate::jwks) fn builder() -> reqwest::ClientBuilder {
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
    pub(in crate::jwks) fn built(
        builder: impl Fn() -> reqwest::ClientBuilder,
    ) -> Result<Clients, reqwest::Error> {
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
        .and_then(|location| address.redirected(location).ok())
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
