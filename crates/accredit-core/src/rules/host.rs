//! Host names and addresses: one grammar for rules, TLS names and the guards of HTTP ports.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A valid host name or address, normalised: names in lower case without the trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// Labels of ASCII letters, digits, `-` and `_`. The last label is not a number.
    Name(String),
    /// An IPv4 address in canonical form, or an IPv6 address.
    Address(IpAddr),
}

/// A host pattern: a host, or `*.` and a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// Matches this host only.
    Exact(Host),
    /// Matches names with one or more labels before this suffix. The suffix begins with a dot.
    Suffix(String),
}

/// The text is empty, or is not a valid host name or address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid host name or IP address")]
pub struct InvalidHost;

impl Host {
    /// Reads a host without a port: a name, an IPv4 address, or an IPv6 address with or without brackets.
    ///
    /// # Errors
    /// [`InvalidHost`]
    pub fn parse(text: &str) -> Result<Host, InvalidHost> {
        let ipv6 = match text.strip_prefix('[') {
            Some(bracketed) => Some(bracketed.strip_suffix(']').ok_or(InvalidHost)?),
            None => text.contains(':').then_some(text),
        };
        if let Some(ipv6) = ipv6 {
            let address: Ipv6Addr = ipv6.parse().map_err(|_| InvalidHost)?;
            return Ok(Host::Address(address.into()));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        if !is_name(name) {
            return Err(InvalidHost);
        }
        // Resolvers read a name whose last label is a number as an address, and differ about `127.1` and `010.0.0.1`.
        // Only the canonical form of an address is unambiguous.
        let last_label = name.rsplit('.').next().unwrap_or_default();
        if last_label.bytes().all(|byte| byte.is_ascii_digit()) {
            let address: Ipv4Addr = name.parse().map_err(|_| InvalidHost)?;
            return Ok(Host::Address(address.into()));
        }
        Ok(Host::Name(name.to_ascii_lowercase()))
    }

    /// Reads the authority of a request: a host, and optionally `:` and a port. An IPv6 address needs brackets.
    ///
    /// # Errors
    /// [`InvalidHost`]
    pub fn parse_authority(authority: &str) -> Result<Host, InvalidHost> {
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if is_port(port) => host,
            Some(_) if !authority.ends_with(']') => return Err(InvalidHost),
            _ => authority,
        };
        if host.contains(':') && !host.starts_with('[') {
            return Err(InvalidHost);
        }
        Host::parse(host)
    }

    /// Whether this is `localhost` or a loopback address, IPv4-mapped addresses included.
    pub fn is_loopback(&self) -> bool {
        match self {
            Host::Name(name) => name == "localhost",
            Host::Address(address) => address.to_canonical().is_loopback(),
        }
    }
}

impl HostPattern {
    /// Reads a pattern. A port is an error, because ports are never compared.
    ///
    /// # Errors
    /// [`InvalidHost`]
    pub fn parse(text: &str) -> Result<HostPattern, InvalidHost> {
        let (host, is_suffix) = match text.strip_prefix("*.") {
            Some(host) => (host, true),
            None => (text, false),
        };
        if host.contains(':') && !host.starts_with('[') {
            return Err(InvalidHost);
        }
        match (Host::parse(host)?, is_suffix) {
            (Host::Name(name), true) => Ok(HostPattern::Suffix(format!(".{name}"))),
            (Host::Address(_), true) => Err(InvalidHost),
            (host, false) => Ok(HostPattern::Exact(host)),
        }
    }

    pub fn matches(&self, host: &Host) -> bool {
        match (self, host) {
            (HostPattern::Exact(own), host) => own == host,
            (HostPattern::Suffix(suffix), Host::Name(name)) => {
                name.len() > suffix.len() && name.ends_with(suffix.as_str())
            }
            (HostPattern::Suffix(_), Host::Address(_)) => false,
        }
    }
}

impl HostPattern {
    /// Whether a host can match both.
    pub(crate) fn overlaps(&self, other: &HostPattern) -> bool {
        match (self, other) {
            (HostPattern::Exact(host), pattern) | (pattern, HostPattern::Exact(host)) => {
                pattern.matches(host)
            }
            (HostPattern::Suffix(one), HostPattern::Suffix(other)) => {
                one.ends_with(other.as_str()) || other.ends_with(one.as_str())
            }
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::Address(IpAddr::V4(address)) => address.fmt(f),
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

fn is_port(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && text.parse::<u16>().is_ok()
}

fn is_name(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    host.len() <= 253 && host.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::{Host, HostPattern, InvalidHost};

    #[test]
    fn authorities_are_normalised_or_invalid() {
        for (authority, host) in [
            ("api.example", "api.example"),
            ("API.Example:8080", "api.example"),
            ("api.example.", "api.example"),
            ("api.example.:443", "api.example"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("[::1]:80", "[::1]"),
            ("[0:0:0:0:0:0:0:1]", "[::1]"),
            ("localhost", "localhost"),
            ("a_b.example", "a_b.example"),
        ] {
            assert_eq!(
                Host::parse_authority(authority).map(|host| host.to_string()),
                Ok(host.to_owned()),
                "{authority}"
            );
        }
        for authority in [
            "",
            ".",
            "a..b",
            "a,b",
            "user@a",
            "a b",
            "a:",
            "a:x",
            "a:99999",
            "a:1:2",
            "a/b",
            "[::1",
            "[::1]x",
            "[a]",
            "::1",
            "127.1",
            "1.2.3.999",
            "010.0.0.1",
            "a.1",
            "grüße.example",
            "a.example..",
            "%61.example",
            ":80",
            "[::1]:",
            "[::1]:x",
            "[::1]:1:2",
            "a]",
        ] {
            assert_eq!(
                Host::parse_authority(authority),
                Err(InvalidHost),
                "{authority}"
            );
        }
    }

    #[test]
    fn the_port_is_removed_from_a_host() {
        for (text, host, is_loopback) in [
            ("LocalHost.", "localhost", true),
            ("127.0.0.2", "127.0.0.2", true),
            ("::1", "[::1]", true),
            ("[::ffff:127.0.0.1]", "[::ffff:127.0.0.1]", true),
            ("2001:db8::1", "[2001:db8::1]", false),
            ("localhost.example", "localhost.example", false),
        ] {
            let parsed = Host::parse(text).expect(text);
            assert_eq!(
                (parsed.to_string().as_str(), parsed.is_loopback()),
                (host, is_loopback)
            );
        }
        for text in [
            "",
            "a:80",
            "127.0.0.1:80",
            "[::1]:80",
            "[::1",
            "::1]",
            "a b",
        ] {
            assert_eq!(Host::parse(text), Err(InvalidHost), "{text}");
        }
    }

    #[test]
    fn a_host_suffix_pattern_matches_one_or_more_labels() {
        let matches = |pattern: &str, host: &str| {
            HostPattern::parse(pattern)
                .expect("is one")
                .matches(&Host::parse_authority(host).expect("is one"))
        };
        for (pattern, host) in [
            ("api.example", "API.example.:80"),
            ("*.acme.example", "a.acme.example"),
            ("*.acme.example", "a.b.acme.example"),
            ("10.0.0.1", "10.0.0.1:80"),
            ("[::1]", "[0::1]:9"),
            ("API.Example.", "api.example"),
        ] {
            assert!(matches(pattern, host), "{pattern} {host}");
        }
        for (pattern, host) in [
            ("*.acme.example", "acme.example"),
            ("*.acme.example", "xacme.example"),
            ("api.example", "a.api.example"),
            ("*.0.0.example", "10.0.0.1"),
        ] {
            assert!(!matches(pattern, host), "{pattern} {host}");
        }
        for text in [
            "",
            "*",
            "*.",
            "a.*",
            "**.a",
            "*.10.0.0.1",
            "a:80",
            "[::1]:80",
            "a b",
        ] {
            assert_eq!(HostPattern::parse(text), Err(InvalidHost), "{text}");
        }
    }
}
