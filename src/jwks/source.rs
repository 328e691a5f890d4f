//! Where an issuer's keys come from.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;

use crate::jwks::key_set::KeySet;

/// The source of one issuer entry's key set.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// The address of a key set.
    Uri(KeyAddress),
    /// The issuer's metadata names the address.
    Discovery {
        /// The issuer that the metadata must be of.
        issuer: String,
        /// Which addresses may be used.
        transport: Transport,
    },
    /// A file that holds a key set.
    File(PathBuf),
    /// The key set itself, from the configuration.
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
    /// Whose metadata name the address, for those who read of a source that is shown as `discovery`.
    pub(in crate::jwks) fn issuer(&self) -> Option<&str> {
        match self {
            KeySource::Discovery { issuer, .. } => Some(issuer),
            KeySource::Uri(_) | KeySource::File(_) | KeySource::Inline(_) => None,
        }
    }

    /// The whole of what tells this source from every other one that is fetched: not to be shown, since a user part or a
    /// query may be secret. Keys that are at hand anyway have none.
    pub(in crate::jwks) fn identity(&self) -> Option<String> {
        match self {
            KeySource::Uri(address) => Some(format!("uri {}", address.url())),
            // Keys that came when http was allowed are no longer good when it is not.
            KeySource::Discovery { issuer, transport } => {
                Some(format!("discovery {transport:?} {issuer}"))
            }
            KeySource::File(_) | KeySource::Inline(_) => None,
        }
    }
}

/// How keys are fetched and how long they serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchSettings {
    /// The longest time between two refreshes.
    pub refresh: Duration,
    /// How long the last good keys serve while no newer ones can be had.
    pub max_stale: Duration,
    /// How long one whole fetch may take.
    pub timeout: Duration,
    /// PEM certificates that replace the system's roots.
    pub ca_file: Option<PathBuf>,
}

/// Which transports may carry keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// https; http to a loopback address alone.
    Https,
    /// http to every address as well.
    HttpToo,
}

/// An address that keys may be fetched from. Shown without its user part and its query, which may be secret.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyAddress(Url);

/// Why a text is no address for keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// Not an absolute http or https URL with a host.
    NotAUrl,
    /// http to a host that is not loopback.
    Insecure,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AddressError::NotAUrl => "not an http or https URL",
            AddressError::Insecure => "http is for loopback addresses only",
        })
    }
}

// === impl KeyAddress ===

impl KeyAddress {
    /// Reads an address.
    ///
    /// # Errors
    /// [`AddressError`] where no keys may come from it.
    pub fn parse(text: &str, transport: Transport) -> Result<KeyAddress, AddressError> {
        KeyAddress::from_url(
            Url::parse(text).map_err(|_| AddressError::NotAUrl)?,
            transport,
        )
    }

    fn from_url(url: Url, transport: Transport) -> Result<KeyAddress, AddressError> {
        let host = url.host_str().ok_or(AddressError::NotAUrl)?;
        match url.scheme() {
            "https" => Ok(KeyAddress(url)),
            "http" if transport == Transport::HttpToo || is_loopback(host) => Ok(KeyAddress(url)),
            "http" => Err(AddressError::Insecure),
            _ => Err(AddressError::NotAUrl),
        }
    }

    /// The address that a redirect names, if it is one on the same host and no less secure.
    pub fn redirected(&self, location: &str) -> Option<KeyAddress> {
        let url = self.0.join(location).ok()?;
        let same_host = url.host() == self.0.host();
        let as_secure = url.scheme() == "https" || url.scheme() == self.0.scheme();
        (same_host && as_secure).then_some(KeyAddress(url))
    }

    /// Whether it is on this machine, where http is secure as long as nothing else carries it.
    pub fn is_loopback(&self) -> bool {
        self.0.host_str().is_some_and(is_loopback)
    }

    /// The address itself, for the one who fetches.
    pub fn url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for KeyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host) = (self.0.scheme(), self.0.host_str().unwrap_or_default());
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

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::{AddressError, KeyAddress, Transport};

    #[test]
    fn http_is_for_loopback_unless_allowed() {
        for text in [
            "https://a.example/keys",
            "http://127.0.0.1:9/keys",
            "http://localhost/k",
            "http://[::1]:9/k",
        ] {
            assert!(KeyAddress::parse(text, Transport::Https).is_ok(), "{text}");
        }
        for text in [
            "http://a.example/keys",
            "http://127.0.0.1.example/k",
            "http://localhost.example/",
        ] {
            assert_eq!(
                KeyAddress::parse(text, Transport::Https),
                Err(AddressError::Insecure),
                "{text}"
            );
            assert!(
                KeyAddress::parse(text, Transport::HttpToo).is_ok(),
                "{text}"
            );
        }
        for text in [
            "",
            "/keys",
            "ftp://a.example",
            "file:///etc/passwd",
            "data:,x",
        ] {
            assert_eq!(
                KeyAddress::parse(text, Transport::HttpToo),
                Err(AddressError::NotAUrl),
                "{text}"
            );
        }
    }

    #[test]
    fn redirects_stay_on_the_host_and_on_https() {
        let from =
            KeyAddress::parse("https://a.example/keys", Transport::Https).expect("is an address");
        assert!(from.redirected("/new").is_some());
        assert!(from.redirected("https://A.example/new?x").is_some());
        for location in [
            "https://b.example/keys",
            "http://a.example/keys",
            "//b.example/",
            "file:///etc/passwd",
        ] {
            assert!(from.redirected(location).is_none(), "{location}");
        }
    }

    #[test]
    fn an_address_is_shown_without_what_may_be_secret() {
        let address = KeyAddress::parse(
            "https://user:secret@a.example:8443/keys?token=secret",
            Transport::Https,
        )
        .expect("is an address");
        assert_eq!(
            format!("{address} {address:?}"),
            "https://a.example:8443/keys https://a.example:8443/keys"
        );
    }
}
