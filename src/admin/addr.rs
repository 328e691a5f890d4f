//! The address of a running service's admin API, and how to connect to it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

use crate::admin::client_error::{AdminError, root_cause};

/// A connection without traffic for this time is pinged. The answer has to arrive within the same time.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// The address of an admin API: `host:port`, `http://host:port`, `https://host:port` or `unix:/path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminAddr {
    text: String,
    transport: AdminTransport,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum AdminTransport {
    Plain(String),
    Tls(String),
    Unix(String),
}

/// The PEM files for TLS with the service.
#[derive(Clone, Default)]
pub struct AdminTlsFiles {
    /// The issuers of the service's certificate; the system's roots if absent.
    pub authorities: Option<Vec<u8>>,
    /// The client certificate and its private key.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl AdminAddr {
    pub(in crate::admin) fn endpoint(&self, tls: &AdminTlsFiles) -> Result<Endpoint, AdminError> {
        let uri = match &self.transport {
            AdminTransport::Plain(authority) => format!("http://{authority}"),
            AdminTransport::Tls(authority) => format!("https://{authority}"),
            AdminTransport::Unix(path) => format!("unix:{path}"),
        };
        let endpoint = Endpoint::from_shared(uri)
            .map_err(|_| AdminError::InvalidAddress(self.text.clone()))?;
        let endpoint = match self.transport {
            AdminTransport::Tls(_) => endpoint
                .tls_config(tls.config())
                .map_err(|error| AdminError::TlsFiles(root_cause(&error)))?,
            AdminTransport::Plain(_) | AdminTransport::Unix(_) => endpoint,
        };
        Ok(endpoint
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .keep_alive_while_idle(true))
    }

    /// Whether the connection uses TLS.
    pub fn is_tls(&self) -> bool {
        matches!(self.transport, AdminTransport::Tls(_))
    }
}

impl FromStr for AdminAddr {
    type Err = AdminError;

    fn from_str(text: &str) -> Result<AdminAddr, AdminError> {
        let invalid = || AdminError::InvalidAddress(text.to_owned());
        let authority = |rest: &str| {
            let authority: http::uri::Authority = rest.parse().map_err(|_| invalid())?;
            match (authority.port_u16(), authority.as_str().contains('@')) {
                (Some(_), false) => Ok(authority.to_string()),
                (None, _) | (Some(_), true) => Err(invalid()),
            }
        };
        let transport = if let Some(path) = text.strip_prefix("unix:") {
            match path.is_empty() {
                false => AdminTransport::Unix(path.to_owned()),
                true => return Err(invalid()),
            }
        } else if let Some(rest) = text.strip_prefix("https://") {
            AdminTransport::Tls(authority(rest)?)
        } else {
            AdminTransport::Plain(authority(text.strip_prefix("http://").unwrap_or(text))?)
        };
        Ok(AdminAddr {
            text: text.to_owned(),
            transport,
        })
    }
}

impl fmt::Display for AdminAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl AdminTlsFiles {
    fn config(&self) -> ClientTlsConfig {
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

impl fmt::Debug for AdminTlsFiles {
    /// Omits the private key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminTlsFiles(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::AdminAddr;

    #[test]
    fn an_admin_address_has_a_port_or_a_socket_path() {
        for (text, is_valid) in [
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
            assert_eq!(text.parse::<AdminAddr>().is_ok(), is_valid, "{text}");
        }
    }
}
