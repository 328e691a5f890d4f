//! Where a running service's admin API is, and the way there.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

use crate::admin::client_error::{AdminError, root};

/// A peer that is silent for so long is asked whether it is there, and has as long again to answer.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

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

impl AdminAddr {
    /// The way there.
    ///
    /// # Errors
    /// [`AdminError`]
    pub(in crate::admin) fn endpoint(&self, proofs: &Proofs) -> Result<Endpoint, AdminError> {
        let unusable = |error: &tonic::transport::Error| AdminError::Proofs(root(error));
        let no_address = |_| AdminError::NoAddress(self.to_string());
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
