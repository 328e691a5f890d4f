//! Requests to issuers: which redirects are followed, how much is read, and why a request failed.

use std::error::Error;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use accredit_core::keys::access::KeyAccess;
use accredit_core::keys::source::KeyAddress;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_ENCODING, DATE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::{Response, StatusCode};

use crate::jwks::bearer_file;
use crate::jwks::error::{RequestError, RequestFailure};
use crate::jwks::http_clients::HttpClients;
use crate::jwks::server_text::quoted;
use crate::jwks::tls_failure::TlsFailure;
use crate::jwks::trust::TrustStore;
use crate::jwks::verifier::tls_failure;

/// The largest key set or metadata document, in octets after decompression (CONTRACT 5.8.4).
pub const MAX_SIZE: usize = 1024 * 1024;

/// CONTRACT 5.8.2.
const MAX_REDIRECTS: usize = 3;

/// Sends the requests of one issuer entry.
#[derive(Clone, Debug)]
pub struct IssuerClient {
    trust: Arc<TrustStore>,
    access: Arc<KeyAccess>,
}

/// An answer with status 200 or 304.
pub(crate) struct IssuerAnswer {
    /// The address, and each one that it redirected to.
    pub(crate) address: String,
    response: Response,
}

impl IssuerClient {
    /// A client that trusts these certificates.
    pub fn new(trust: Arc<TrustStore>) -> IssuerClient {
        IssuerClient {
            trust,
            access: Arc::default(),
        }
    }

    /// Sends the bearer token of `access` to its own origin.
    #[must_use]
    pub fn with_access(self, access: KeyAccess) -> IssuerClient {
        let access = Arc::new(access);
        IssuerClient { access, ..self }
    }

    /// Gets an address, or what it redirects to on the same host. `headers` are those of the request.
    ///
    /// # Errors
    /// [`RequestError`] unless the status is 200 or 304.
    pub(in crate::jwks) async fn get(
        &self,
        address: &KeyAddress,
        headers: &HeaderMap,
    ) -> Result<IssuerAnswer, RequestError> {
        let bearer = match &self.access.bearer_file {
            Some(file) => Some(self.authorization(file, address).await?),
            None => None,
        };
        let get = async |clients: HttpClients| {
            let request = OutgoingRequest {
                clients: &clients,
                access: &self.access,
                headers,
                bearer: bearer.as_ref(),
            };
            request.get(address).await
        };
        let mut attempt = match self.trust.clients().await {
            Ok(clients) => get(clients).await,
            Err(cause) => Err(RequestError {
                address: address.to_string(),
                cause: RequestFailure::NoClient(cause),
            }),
        };
        let is_tls_failure = matches!(
            &attempt,
            Err(RequestError {
                cause: RequestFailure::Tls(_),
                ..
            })
        );
        if is_tls_failure && let Some(clients) = self.trust.clients_after_failure().await {
            attempt = get(clients).await;
        }
        attempt
    }

    async fn authorization(
        &self,
        file: &Path,
        address: &KeyAddress,
    ) -> Result<HeaderValue, RequestError> {
        let path = file.to_owned();
        let reading = tokio::task::spawn_blocking(move || bearer_file::authorization(&path)).await;
        let read = reading.map_err(|error| error.to_string());
        read.and_then(|read| read.map_err(|error| error.to_string()))
            .map_err(|cause| RequestError {
                address: address.to_string(),
                cause: RequestFailure::NoBearer(cause),
            })
    }
}

/// One request, with the redirects that it follows.
struct OutgoingRequest<'a> {
    clients: &'a HttpClients,
    access: &'a KeyAccess,
    headers: &'a HeaderMap,
    bearer: Option<&'a HeaderValue>,
}

/// The headers of a request that accepts these media types.
pub(in crate::jwks) fn accepting(media_types: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(media_types))])
}

impl OutgoingRequest<'_> {
    async fn get(&self, address: &KeyAddress) -> Result<IssuerAnswer, RequestError> {
        let mut shown = address.to_string();
        let mut address = address.clone();
        for _ in 0..=MAX_REDIRECTS {
            let mut headers = self.headers.clone();
            // Metadata and redirects can name another server.
            if let Some(bearer) = self.bearer
                && self.access.sends_bearer_to(address.url())
            {
                headers.insert(AUTHORIZATION, bearer.clone());
            }
            let outcome = match self.clients.get(&address, &headers).send().await {
                Ok(response) => judge(&address, &response).map(|next| (response, next)),
                Err(error) => Err(connection_failure(&error)),
            };
            match outcome {
                Ok((response, None)) => {
                    return Ok(IssuerAnswer {
                        address: shown,
                        response,
                    });
                }
                Ok((_, Some(next))) => {
                    shown = format!("{shown}, redirected to {next}");
                    address = next;
                }
                Err(cause) => {
                    return Err(RequestError {
                        address: shown,
                        cause,
                    });
                }
            }
        }
        Err(RequestError {
            address: shown,
            cause: RequestFailure::TooManyRedirects,
        })
    }
}

/// `None` if this is the answer, or where it redirects to.
fn judge(address: &KeyAddress, response: &Response) -> Result<Option<KeyAddress>, RequestFailure> {
    let headers = response.headers();
    match response.status() {
        StatusCode::NOT_MODIFIED => Ok(None),
        // The client removes the header of an encoding that it has decoded.
        StatusCode::OK => match headers.get(CONTENT_ENCODING) {
            Some(encoding) if encoding != "identity" => Err(RequestFailure::ContentEncoding(
                quoted(&String::from_utf8_lossy(encoding.as_bytes())),
            )),
            _ => Ok(None),
        },
        status if status.is_redirection() => {
            let location = headers.get(LOCATION).map(|location| location.to_str());
            let target = match location {
                Some(Ok(location)) => address.redirected(location),
                Some(Err(_)) | None => Err(None),
            };
            target
                .map(Some)
                .map_err(|target| RequestFailure::ForbiddenRedirect { target })
        }
        status => Err(RequestFailure::Status {
            status: status.as_u16(),
            retry_after: retry_after(headers),
        }),
    }
}

impl IssuerAnswer {
    pub(in crate::jwks) fn is_not_modified(&self) -> bool {
        self.response.status() == StatusCode::NOT_MODIFIED
    }

    pub(in crate::jwks) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Reads the body of a key set or of metadata.
    pub(in crate::jwks) async fn body(self) -> Result<Vec<u8>, RequestError> {
        let mut body = Vec::new();
        self.read(MAX_SIZE, |piece| {
            body.extend_from_slice(piece);
            ControlFlow::Continue(())
        })
        .await?;
        Ok(body)
    }

    /// Passes the body to `take` piece by piece until `take` returns that it needs no more. Reading stops at the limit.
    pub(crate) async fn read(
        mut self,
        limit: usize,
        mut take: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), RequestError> {
        let mut size = 0;
        let cause = loop {
            match self.response.chunk().await {
                Ok(Some(chunk)) if size + chunk.len() > limit => {
                    break RequestFailure::TooLarge { limit };
                }
                Ok(Some(chunk)) => {
                    size += chunk.len();
                    if take(&chunk).is_break() {
                        return Ok(());
                    }
                }
                Ok(None) => return Ok(()),
                Err(error) => break RequestFailure::Interrupted(causes(&error)),
            }
        };
        Err(RequestError {
            address: self.address,
            cause,
        })
    }
}

fn connection_failure(error: &reqwest::Error) -> RequestFailure {
    match tls_error(error) {
        Some(error) => RequestFailure::Tls(explain_tls(error)),
        None => RequestFailure::Unreachable(causes(error)),
    }
}

fn explain_tls(error: &rustls::Error) -> TlsFailure {
    if let Some(failure) = tls_failure(error) {
        return failure.clone();
    }
    match error {
        rustls::Error::InvalidMessage(_) => TlsFailure::NotTls,
        rustls::Error::AlertReceived(alert) => TlsFailure::Alert(format!("{alert:?}")),
        error => TlsFailure::Other(error.to_string()),
    }
}

/// The error of the TLS library among the causes. `io::Error` does not give what it wraps as its source.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return Some(error);
        }
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

/// The causes of an error from the second on: the first names the whole address, with its secrets.
fn causes(error: &reqwest::Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        // Some errors repeat their source, and `client error (Connect)` says nothing.
        let is_repeated = texts.last().is_some_and(|last| last.contains(&text));
        if !is_repeated && !text.starts_with("client error") {
            texts.push(text);
        }
        next = cause.source();
    }
    match texts.is_empty() {
        true => "the request failed".to_owned(),
        false => texts.join(": "),
    }
}

/// `Retry-After` (RFC 9110 section 10.2.3) as a duration. A date is compared with the answer's own `Date`.
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
