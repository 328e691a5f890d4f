//! The files of a port's TLS and the clients that it accepts, as data. The server reads the files.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::rules::host::Host;

/// The files of a port's certificate and key, and the clients that may connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM: the port's certificate, then the intermediate certificates up to its CA.
    pub certificate: PathBuf,
    /// PEM: the private key of the certificate.
    pub private_key: PathBuf,
    /// PEM: the CAs of client certificates. `None`: clients need no certificate.
    pub client_ca: Option<PathBuf>,
    /// The clients that may connect. Empty: every client with a certificate of `client_ca`.
    pub client_names: Vec<ClientName>,
}

/// A subject alternative name of a client's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientName {
    /// `gateway.example`, in lower case. A name of the configuration has no wildcard: it says who may call.
    Dns(String),
    /// `spiffe://cluster.local/ns/istio-system/sa/ingressgateway`, compared character by character.
    Uri(String),
}

/// A text is not a name that a client's certificate can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is neither a URI, such as spiffe://domain/path, nor a DNS name")]
pub struct ClientNameError;

impl TlsFiles {
    /// The paths of all files.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        [&self.certificate, &self.private_key]
            .into_iter()
            .chain(&self.client_ca)
            .map(PathBuf::as_path)
    }
}

impl FromStr for ClientName {
    type Err = ClientNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some((scheme, rest)) = text.split_once("://") {
            let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
            let named = !rest.is_empty() && scheme.starts_with(|c: char| c.is_ascii_alphabetic());
            return match printable && named {
                true => Ok(Self::Uri(text.to_owned())),
                false => Err(ClientNameError),
            };
        }
        match Host::parse(text) {
            // A certificate has neither a port nor a final dot.
            Ok(Host::Name(name)) if name.eq_ignore_ascii_case(text) => Ok(Self::Dns(name)),
            _ => Err(ClientNameError),
        }
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Dns(name) | Self::Uri(name)) = self;
        f.write_str(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_names_are_uris_or_dns_names() {
        for (text, name) in [
            ("spiffe://a/b", ClientName::Uri("spiffe://a/b".to_owned())),
            ("Edge.Example", ClientName::Dns("edge.example".to_owned())),
            ("envoy", ClientName::Dns("envoy".to_owned())),
        ] {
            assert_eq!(text.parse(), Ok(name), "{text}");
        }
        for text in [
            "",
            "*.a.example",
            "a..b",
            "a b",
            "://x",
            "spiffe://",
            "spiffe://a b",
            "a/b",
            "a:b",
            "a:80",
            "a.",
            "10.0.0.1",
        ] {
            assert_eq!(text.parse::<ClientName>(), Err(ClientNameError), "{text}");
        }
    }
}
