//! Hosts as rules match them: without port, case and one trailing dot.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A valid host name or address, normalised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A name in lower case.
    Name(String),
    /// An address.
    Address(IpAddr),
}

/// A host pattern: a host, or `*.` and a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// That host.
    Exact(Host),
    /// Any one label or more before this suffix, which begins with a dot.
    Below(String),
}

/// A text that names no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAHost;

impl Host {
    /// Reads an authority: a host with or without a port.
    ///
    /// # Errors
    /// [`NotAHost`] for what is empty, or no valid name or address.
    pub fn parse(authority: &str) -> Result<Host, NotAHost> {
        if let Some(bracketed) = authority.strip_prefix('[') {
            let (address, port) = bracketed.split_once(']').ok_or(NotAHost)?;
            if !(port.is_empty() || port.strip_prefix(':').is_some_and(is_port)) {
                return Err(NotAHost);
            }
            return address
                .parse::<Ipv6Addr>()
                .map(|address| Host::Address(address.into()))
                .map_err(|_| NotAHost);
        }
        let host = match authority.split_once(':') {
            Some((host, port)) if is_port(port) => host,
            Some(_) => return Err(NotAHost),
            None => authority,
        };
        let host = host.strip_suffix('.').unwrap_or(host);
        if !is_name(host) {
            return Err(NotAHost);
        }
        // A last label of digits makes it an address to some readers, so it must be one in its only canonical form.
        let last_label = host.rsplit('.').next().unwrap_or_default();
        if last_label.bytes().all(|byte| byte.is_ascii_digit()) {
            return host
                .parse::<Ipv4Addr>()
                .map(|address| Host::Address(address.into()))
                .map_err(|_| NotAHost);
        }
        Ok(Host::Name(host.to_ascii_lowercase()))
    }
}

impl HostPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`NotAHost`]
    pub fn parse(text: &str) -> Result<HostPattern, NotAHost> {
        let host = text.strip_prefix("*.").unwrap_or(text);
        // A port would never be compared, so that a pattern with one promises what it does not keep.
        if host.contains(':') && !host.starts_with('[') || host.contains("]:") {
            return Err(NotAHost);
        }
        match (Host::parse(host)?, text.starts_with("*.")) {
            (Host::Name(name), true) => Ok(HostPattern::Below(format!(".{name}"))),
            (Host::Address(_), true) => Err(NotAHost),
            (host, false) => Ok(HostPattern::Exact(host)),
        }
    }

    /// Whether the host matches.
    pub fn matches(&self, host: &Host) -> bool {
        match (self, host) {
            (HostPattern::Exact(own), host) => own == host,
            (HostPattern::Below(suffix), Host::Name(name)) => {
                name.len() > suffix.len() && name.ends_with(suffix.as_str())
            }
            (HostPattern::Below(_), Host::Address(_)) => false,
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
    use super::{Host, HostPattern, NotAHost};

    #[test]
    fn hosts_are_normalised_or_refused() {
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
                Host::parse(authority).map(|host| host.to_string()),
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
        ] {
            assert_eq!(Host::parse(authority), Err(NotAHost), "{authority}");
        }
    }

    #[test]
    fn patterns_match_one_label_or_more() {
        let matches = |pattern: &str, host: &str| {
            HostPattern::parse(pattern)
                .expect("is one")
                .matches(&Host::parse(host).expect("is one"))
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
            assert_eq!(HostPattern::parse(text), Err(NotAHost), "{text}");
        }
    }
}
