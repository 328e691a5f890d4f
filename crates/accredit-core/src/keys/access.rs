//! How fetches reach a key server that requires credentials, or that is at another address than its name says.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;
use url::{Host, Url};

/// What a fetch needs besides an address.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KeyAccess {
    /// A file with a bearer token, which is sent to the origin of `home` only.
    pub bearer_file: Option<PathBuf>,
    /// The certificate that a fetch presents to a server that asks for one.
    pub client_identity: Option<ClientIdentityFiles>,
    /// Where connections to the host of `home` lead.
    pub connect: Option<ConnectTarget>,
    /// The configured address: `jwks.uri` or the issuer. Metadata and redirects can name others.
    pub home: Option<Url>,
}

/// A client certificate and its private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientIdentityFiles {
    /// PEM: the certificate, then the intermediate certificates.
    pub certificate: PathBuf,
    /// PEM.
    pub private_key: PathBuf,
}

/// `HOST:PORT`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectTarget {
    /// A name, or an address without brackets.
    pub host: String,
    pub port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("this is not a host and a port")]
pub struct NotAConnectTarget;

impl KeyAccess {
    /// Whether the bearer token may be sent to this address.
    pub fn sends_bearer_to(&self, address: &Url) -> bool {
        let home = self.home.as_ref();
        home.is_some_and(|home| home.origin() == address.origin())
    }

    /// The name to which connections lead to `connect` instead of where the name service says.
    pub fn connected_name(&self) -> Option<&str> {
        match self.home.as_ref()?.host()? {
            Host::Domain(name) if self.connect.is_some() => Some(name),
            _ => None,
        }
    }
}

impl fmt::Debug for KeyAccess {
    /// Without the address, which can contain secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyAccess")
            .field("bearer_file", &self.bearer_file)
            .field("client_identity", &self.client_identity)
            .field("connect", &self.connect)
            .finish_non_exhaustive()
    }
}

impl ConnectTarget {
    /// Whether connections stay on this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }
}

/// Whether a name or an address without brackets is this machine, where http cannot be intercepted.
pub(in crate::keys) fn is_loopback(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

impl FromStr for ConnectTarget {
    type Err = NotAConnectTarget;

    fn from_str(text: &str) -> Result<ConnectTarget, NotAConnectTarget> {
        let (host, port) = text.rsplit_once(':').ok_or(NotAConnectTarget)?;
        let port = port.parse().map_err(|_| NotAConnectTarget)?;
        let host = match host.strip_prefix('[') {
            Some(rest) => {
                let address = rest.strip_suffix(']').ok_or(NotAConnectTarget)?;
                let is_address = address.parse::<std::net::Ipv6Addr>().is_ok();
                Some(address).filter(|_| is_address)
            }
            None => {
                let is_of_name =
                    |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
                Some(host).filter(|host| host.bytes().all(is_of_name) && !host.is_empty())
            }
        };
        match host {
            Some(host) if port != 0 => Ok(ConnectTarget {
                host: host.to_owned(),
                port,
            }),
            _ => Err(NotAConnectTarget),
        }
    }
}

impl fmt::Display for ConnectTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ConnectTarget, NotAConnectTarget};

    #[test]
    fn a_connect_target_is_a_host_and_a_port() {
        for (text, host, port, is_loopback) in [
            ("keys.internal:8443", "keys.internal", 8443, false),
            ("10.0.0.7:443", "10.0.0.7", 443, false),
            ("127.0.0.1:1", "127.0.0.1", 1, true),
            ("LOCALHOST:1", "LOCALHOST", 1, true),
            ("[::1]:443", "::1", 443, true),
            ("[2001:db8::1]:443", "2001:db8::1", 443, false),
        ] {
            let target: ConnectTarget = text.parse().expect(text);
            assert_eq!((target.host.as_str(), target.port), (host, port));
            assert_eq!(target.is_loopback(), is_loopback, "{text}");
            assert_eq!(target.to_string(), text);
        }
        for text in [
            "",
            ":443",
            "a",
            "a:",
            "a:0",
            "a:x",
            "a:70000",
            "::1:443",
            "[::1]",
            "[a]:1",
            "https://a:1",
            "a/b:1",
            "u@a:1",
            "a b:1",
        ] {
            assert_eq!(
                text.parse::<ConnectTarget>(),
                Err(NotAConnectTarget),
                "{text}"
            );
        }
    }
}
