//! Where an issuer's keys come from.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use url::Url;

use crate::keys::access::{KeyAccess, is_loopback};
use crate::keys::key_set::KeySet;

/// The source of one issuer entry's key set.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// The address of a key set.
    Uri(KeyAddress),
    /// The issuer's metadata names the address (OpenID Connect Discovery 1.0, RFC 8414).
    Discovery {
        /// The configured issuer. The metadata must name the same one.
        issuer: String,
        transport: Transport,
    },
    /// A file that contains a key set.
    File(PathBuf),
    /// The configuration contains the key set.
    Inline(Arc<KeySet>),
}

impl PartialEq for KeySource {
    fn eq(&self, other: &KeySource) -> bool {
        match (self, other) {
            (KeySource::Uri(own), KeySource::Uri(other)) => own == other,
            (KeySource::File(own), KeySource::File(other)) => own == other,
            (KeySource::Inline(own), KeySource::Inline(other)) => own.judges_as(other),
            (
                KeySource::Discovery {
                    issuer: own,
                    transport: own_transport,
                },
                KeySource::Discovery {
                    issuer: other,
                    transport: other_transport,
                },
            ) => own == other && own_transport == other_transport,
            _ => false,
        }
    }
}

impl KeySource {
    /// The issuer whose metadata names the address. A source with discovery is displayed as `discovery`, so logs add this.
    pub fn issuer(&self) -> Option<&str> {
        match self {
            KeySource::Discovery { issuer, .. } => Some(issuer),
            KeySource::Uri(_) | KeySource::File(_) | KeySource::Inline(_) => None,
        }
    }

    /// A text that no other fetched source has, with the user part and the query of its address: never show it. `None` if
    /// nothing is fetched over the network.
    pub fn identity(&self) -> Option<String> {
        match self {
            KeySource::Uri(address) => Some(format!("uri {}", address.url())),
            // Keys that were fetched while http was allowed must not verify tokens when it is not allowed any more.
            KeySource::Discovery { issuer, transport } => {
                Some(format!("discovery {transport:?} {issuer}"))
            }
            KeySource::File(_) | KeySource::Inline(_) => None,
        }
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeySource::Uri(address) => address.fmt(f),
            KeySource::Discovery { .. } => f.write_str("discovery"),
            KeySource::File(path) => write!(f, "{}", path.display()),
            KeySource::Inline(_) => f.write_str("inline"),
        }
    }
}

/// How keys are fetched and how long they may verify tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchSettings {
    /// The longest time between two refreshes.
    pub refresh: Duration,
    /// How long the last-known-good keys may verify tokens while refreshes fail.
    pub max_stale: Duration,
    /// The time limit of one whole fetch, discovery included.
    pub timeout: Duration,
    /// PEM certificates that a fetch trusts instead of the system's roots.
    pub ca_file: Option<PathBuf>,
    /// What a fetch needs besides the address.
    pub access: KeyAccess,
}

/// Which transports may carry keys (CONTRACT 5.8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// https, and http to a loopback address.
    Https,
    /// https, and http to every address.
    HttpToo,
}

/// An address that keys may be fetched from. Displayed without its user part and its query, which can be secret.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyAddress(Url);

/// Why keys cannot be fetched from an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    #[error("the address has no scheme")]
    NoScheme,
    #[error("the address has no host")]
    NoHost,
    #[error("the scheme is neither http nor https")]
    OtherScheme,
    #[error("the address is not a URL")]
    NotAUrl,
    #[error("http is permitted to loopback addresses only")]
    Insecure,
}

impl AddressError {
    /// What the operator has to change.
    pub fn advice(self) -> &'static str {
        match self {
            AddressError::NoScheme => "begin it with https://",
            AddressError::NoHost => "write a host after https://",
            AddressError::OtherScheme | AddressError::NotAUrl => {
                "write an address of the form https://host/path"
            }
            AddressError::Insecure => "use https, or set allow_http: true",
        }
    }
}

// === impl KeyAddress ===

impl KeyAddress {
    /// Parses an address.
    ///
    /// # Errors
    /// [`AddressError`] if keys may not be fetched from it.
    pub fn parse(text: &str, transport: Transport) -> Result<KeyAddress, AddressError> {
        let (scheme, rest) = text.split_once(':').ok_or(AddressError::NoScheme)?;
        if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
            // `keys.example:8443/jwks` and `//host:1/`: a host and a port, not a scheme.
            let is_host =
                scheme.contains(['.', '/', '[']) || rest.starts_with(|c: char| c.is_ascii_digit());
            return Err(match is_host {
                true => AddressError::NoScheme,
                false => AddressError::OtherScheme,
            });
        }
        // URL parsers take the first segment of `https:///path` and `https:path` for the host.
        let host_onwards = rest.strip_prefix("//").ok_or(AddressError::NoHost)?;
        if host_onwards.is_empty() || host_onwards.starts_with(['/', '\\', '?', '#']) {
            return Err(AddressError::NoHost);
        }
        let url = Url::parse(text).map_err(|error| match error {
            url::ParseError::EmptyHost => AddressError::NoHost,
            _ => AddressError::NotAUrl,
        })?;
        let host = url.host_str().ok_or(AddressError::NoHost)?;
        let permitted =
            url.scheme() == "https" || transport == Transport::HttpToo || is_loopback_of_url(host);
        permitted
            .then_some(KeyAddress(url))
            .ok_or(AddressError::Insecure)
    }

    /// The target of a redirect.
    ///
    /// # Errors
    /// The target as far as it may be shown, if it is on another host or leaves https (CONTRACT 5.8.3); `None` if it is not
    /// a URL.
    pub fn redirected(&self, location: &str) -> Result<KeyAddress, Option<String>> {
        let target = self.0.join(location).map_err(|_| None)?;
        let is_same_host = target.host() == self.0.host();
        let is_as_secure = target.scheme() == "https" || target.scheme() == self.0.scheme();
        if is_same_host && is_as_secure {
            Ok(KeyAddress(target))
        } else {
            Err(Some(KeyAddress(target).to_string()))
        }
    }

    /// Whether the host is this machine, where http cannot be intercepted.
    pub fn is_loopback(&self) -> bool {
        self.0.host_str().is_some_and(is_loopback_of_url)
    }

    /// The whole address, with its secrets.
    pub fn url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for KeyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.0.scheme();
        let Some(host) = self.0.host_str().filter(|_| !self.0.cannot_be_a_base()) else {
            return write!(f, "{scheme}:");
        };
        write!(f, "{scheme}://{host}")?;
        if let Some(port) = self.0.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(self.0.path())
    }
}

impl fmt::Debug for KeyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The host of a URL has brackets around an IPv6 address.
fn is_loopback_of_url(host: &str) -> bool {
    is_loopback(host.trim_start_matches('[').trim_end_matches(']'))
}

#[cfg(test)]
mod tests;
