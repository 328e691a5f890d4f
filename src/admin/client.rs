//! Reaches the admin API of a running service, as its commands do.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use tokio::time::timeout;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Response, Status, Streaming};

use crate::admin::pb;
use crate::admin::pb::admin_client::AdminClient;
use crate::admin::pb::tail_response::Told;

/// How long a connection may take, the handshake of TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A peer that is silent for so long is asked whether it is there, and has as long again to answer.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// An explanation may name every rule of a large configuration.
const LONGEST_ANSWER: usize = 64 * 1024 * 1024;

/// Where the admin API is: `host:port`, `https://host:port`, or `unix:/path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminAddr {
    shown: String,
    transport: Transport,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Transport {
    Plain(String),
    Tls(String),
    Unix(String),
}

/// The PEM texts of the files by which service and client prove who they are.
#[derive(Clone, Default)]
pub struct Proofs {
    /// Whom the service's certificate must come from; the system's roots without it.
    pub authorities: Option<Vec<u8>>,
    /// Our own certificate and its private key.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// The admin API of one service, which answers.
#[derive(Debug)]
pub struct Client {
    addr: AdminAddr,
    api: AdminClient<Channel>,
}

/// Decisions as they are made.
#[derive(Debug)]
pub struct Tail(Streaming<pb::TailResponse>);

/// Why the admin API did not answer as it was asked.
#[derive(Debug)]
pub enum AdminError {
    /// This is no address of one.
    NoAddress(String),
    /// The certificates are of no use there.
    Proofs(String),
    /// Nobody answers there.
    Unreachable(String, String),
    /// It answers to other names only.
    Misdirected(String),
    /// Something else answers there, such as the port for checks.
    Other(String),
    /// It says no.
    Refused(Status),
}

impl AdminAddr {
    /// Connects.
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn connect(&self, proofs: &Proofs) -> Result<Client, AdminError> {
        let unreachable = |cause| AdminError::Unreachable(self.shown.clone(), cause);
        let endpoint = self.endpoint(proofs)?;
        // The library's own limit ends before the handshake.
        let channel = timeout(CONNECT_TIMEOUT, endpoint.connect())
            .await
            .map_err(|_| unreachable(format!("no connection within {CONNECT_TIMEOUT:?}")))?
            .map_err(|error| unreachable(root(&error)))?;
        Ok(Client {
            addr: self.clone(),
            api: AdminClient::new(channel).max_decoding_message_size(LONGEST_ANSWER),
        })
    }

    fn endpoint(&self, proofs: &Proofs) -> Result<Endpoint, AdminError> {
        let unusable = |error: &tonic::transport::Error| AdminError::Proofs(root(error));
        let no_address = |_| AdminError::NoAddress(self.shown.clone());
        let uri = match &self.transport {
            Transport::Plain(authority) => format!("http://{authority}"),
            Transport::Tls(authority) => format!("https://{authority}"),
            Transport::Unix(path) => format!("unix:{path}"),
        };
        let endpoint = Endpoint::from_shared(uri).map_err(no_address)?;
        let endpoint = match self.transport {
            Transport::Tls(_) => endpoint
                .tls_config(proofs.tls())
                .map_err(|error| unusable(&error))?,
            Transport::Plain(_) | Transport::Unix(_) => endpoint,
        };
        Ok(endpoint
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .keep_alive_while_idle(true))
    }

    /// Whether certificates mean something there.
    pub fn is_tls(&self) -> bool {
        matches!(self.transport, Transport::Tls(_))
    }

    /// What a failed call means to whoever made it.
    fn error(&self, status: Status) -> AdminError {
        match status.code() {
            // What the library makes of an answer that is none of gRPC's.
            Code::Unknown if status.message().contains("421") => {
                AdminError::Misdirected(self.shown.clone())
            }
            Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled => {
                AdminError::Unreachable(self.shown.clone(), root(&status))
            }
            Code::Unimplemented => AdminError::Other(self.shown.clone()),
            _ => AdminError::Refused(status),
        }
    }
}

// === impl Client ===

impl Client {
    /// The issuers and their keys.
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn issuers(&mut self) -> Result<Vec<pb::Issuer>, AdminError> {
        let response = self.api.list_issuers(pb::ListIssuersRequest {}).await;
        self.told(response).map(|told| told.issuers)
    }

    /// The same after every key set was fetched.
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn refreshed_issuers(&mut self) -> Result<Vec<pb::Issuer>, AdminError> {
        let request = pb::RefreshKeysRequest::default();
        let response = self.api.refresh_keys(request).await;
        self.told(response).map(|told| told.issuers)
    }

    /// What the service would decide.
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn explain(
        &mut self,
        ask: pb::ExplainRequest,
    ) -> Result<pb::Explanation, AdminError> {
        let response = self.api.explain(ask).await;
        self.told(response)
            .map(|told| told.explanation.unwrap_or_default())
    }

    /// The kept refusals of the requests with that id.
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn refusals(&mut self, id: &str) -> Result<Vec<pb::FoundRefusal>, AdminError> {
        let request_id = id.to_owned();
        let response = self
            .api
            .find_refusals(pb::FindRefusalsRequest { request_id });
        let response = response.await;
        self.told(response).map(|told| told.refusals)
    }

    /// Follows decisions.
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn tail(&mut self, request: pb::TailRequest) -> Result<Tail, AdminError> {
        let response = self.api.tail(request).await;
        self.told(response).map(Tail)
    }

    fn told<T>(&self, response: Result<Response<T>, Status>) -> Result<T, AdminError> {
        response
            .map(Response::into_inner)
            .map_err(|status| self.addr.error(status))
    }
}

impl Tail {
    /// What there is to tell next; `None` once the connection has ended, for whatever reason.
    pub async fn next(&mut self) -> Option<Told> {
        loop {
            let message = self.0.message().await.ok()??;
            // A message of a later version may tell what we do not know.
            if let Some(told) = message.told {
                return Some(told);
            }
        }
    }
}

impl FromStr for AdminAddr {
    type Err = AdminError;

    fn from_str(text: &str) -> Result<AdminAddr, AdminError> {
        let no_address = || AdminError::NoAddress(text.to_owned());
        let authority = |rest: &str| {
            let authority: http::uri::Authority = rest.parse().map_err(|_| no_address())?;
            match (authority.port_u16(), authority.as_str().contains('@')) {
                (Some(_), false) => Ok(authority.to_string()),
                (None, _) | (Some(_), true) => Err(no_address()),
            }
        };
        let transport = if let Some(path) = text.strip_prefix("unix:") {
            match path.is_empty() {
                false => Transport::Unix(path.to_owned()),
                true => return Err(no_address()),
            }
        } else if let Some(rest) = text.strip_prefix("https://") {
            Transport::Tls(authority(rest)?)
        } else {
            Transport::Plain(authority(text.strip_prefix("http://").unwrap_or(text))?)
        };
        Ok(AdminAddr {
            shown: text.to_owned(),
            transport,
        })
    }
}

impl fmt::Display for AdminAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Proofs {
    fn tls(&self) -> ClientTlsConfig {
        let tls = match &self.authorities {
            Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
            None => ClientTlsConfig::new().with_enabled_roots(),
        };
        match &self.identity {
            Some((certificate, key)) => tls.identity(Identity::from_pem(certificate, key)),
            None => tls,
        }
    }
}

impl fmt::Debug for Proofs {
    /// One of them is a private key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proofs(..)")
    }
}

/// The innermost cause, which names what went wrong; those around it say that something did.
fn root(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

// === impl AdminError ===

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AdminError::NoAddress(text) => write!(
                f,
                "--admin {text:?} is no address; give host:port, https://host:port or unix:/path"
            ),
            AdminError::Proofs(cause) => {
                write!(
                    f,
                    "the certificates for --admin cannot be used ({cause}); mend them"
                )
            }
            AdminError::Unreachable(addr, cause) => write!(
                f,
                "no admin API answers at {addr} ({cause}); start accredit, or name its admin_listen with --admin"
            ),
            AdminError::Misdirected(addr) => write!(
                f,
                "the service at {addr} does not answer to that name; add the name to its admin_hosts, or use its address"
            ),
            AdminError::Other(addr) => write!(
                f,
                "what answers at {addr} is no admin API of accredit; name its admin_listen with --admin"
            ),
            AdminError::Refused(status) => f.write_str(status.message()),
        }
    }
}

impl std::error::Error for AdminError {}

#[cfg(test)]
mod tests {
    use super::AdminAddr;

    #[test]
    fn an_address_has_a_port_or_a_path() {
        for (text, is_one) in [
            ("127.0.0.1:9192", true),
            ("[::1]:9192", true),
            ("http://accredit.auth.svc:9192", true),
            ("https://accredit.auth.svc:9192", true),
            ("unix:/run/accredit/admin.sock", true),
            ("127.0.0.1", false),
            ("unix:", false),
            ("https://host:1/path", false),
            ("user@host:1", false),
            ("", false),
        ] {
            assert_eq!(text.parse::<AdminAddr>().is_ok(), is_one, "{text}");
        }
    }
}
