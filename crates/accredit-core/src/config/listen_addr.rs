//! The address of a port: `IP:port` or `unix:/path`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// An address to listen on, as the configuration writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ListenAddr {
    /// `0.0.0.0:9191`, `[::]:9191`
    Tcp(SocketAddr),
    /// `unix:/run/accredit/accredit.sock`
    Unix(PathBuf),
}

/// The most bytes of the path of a unix socket: those of `sun_path` without the byte that ends it.
const MAX_UNIX_PATH: usize = 107;

/// A text is not an address to listen on. The messages follow the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListenAddrError {
    /// Neither an IP address with a port nor `unix:` with a path.
    #[error("is not an address to listen on")]
    Form,
    /// `unix:` with a path that does not begin with `/`.
    #[error("is a relative path")]
    RelativePath,
    /// `unix:` with a path that the kernel does not take.
    #[error("is longer than the {MAX_UNIX_PATH} bytes that the path of a unix socket can have")]
    LongPath,
}

impl ListenAddr {
    /// Whether a process that listens on one of the addresses cannot listen on the other. Port 0 is a free port each time.
    pub fn overlaps(&self, other: &ListenAddr) -> bool {
        match (self, other) {
            (Self::Tcp(one), Self::Tcp(other)) => {
                one.port() != 0
                    && one.port() == other.port()
                    && (accepts(one, other) || accepts(other, one))
            }
            (Self::Unix(one), Self::Unix(other)) => one == other,
            (Self::Tcp(_), Self::Unix(_)) | (Self::Unix(_), Self::Tcp(_)) => false,
        }
    }
}

/// Whether a socket on `wide` accepts connections to the address `narrow`.
fn accepts(wide: &SocketAddr, narrow: &SocketAddr) -> bool {
    // `[::]` accepts IPv4 too, and an IPv4-mapped address is one of IPv4.
    match (wide.ip().to_canonical(), narrow.ip().to_canonical()) {
        (IpAddr::V6(wide), _) if wide.is_unspecified() => true,
        (IpAddr::V4(wide), IpAddr::V4(narrow)) => wide.is_unspecified() || wide == narrow,
        (IpAddr::V6(own), IpAddr::V6(other)) => own == other && scope(wide) == scope(narrow),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

/// The network interface of a link-local address.
fn scope(addr: &SocketAddr) -> u32 {
    match addr {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(addr) => addr.scope_id(),
    }
}

impl FromStr for ListenAddr {
    type Err = ListenAddrError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match path {
                _ if !path.starts_with('/') => Err(ListenAddrError::RelativePath),
                _ if path.contains('\0') => Err(ListenAddrError::Form),
                _ if path.len() > MAX_UNIX_PATH => Err(ListenAddrError::LongPath),
                _ => Ok(Self::Unix(PathBuf::from(path))),
            };
        }
        text.parse()
            .map(Self::Tcp)
            .map_err(|_| ListenAddrError::Form)
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(addr) => addr.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listen_address_is_displayed_as_it_was_written() {
        for text in [
            "0.0.0.0:9191",
            "[::]:9191",
            "127.0.0.1:0",
            "unix:/run/a.sock",
        ] {
            let addr: ListenAddr = text.parse().unwrap();
            assert_eq!(addr.to_string(), text);
        }
        assert_eq!(
            "unix:/run/a.sock".parse(),
            Ok(ListenAddr::Unix(PathBuf::from("/run/a.sock")))
        );
    }

    #[test]
    fn addresses_that_one_process_cannot_both_listen_on_overlap() {
        let overlap = |one: &str, other: &str| {
            let one: ListenAddr = one.parse().unwrap();
            let other: ListenAddr = other.parse().unwrap();
            assert_eq!(one.overlaps(&other), other.overlaps(&one));
            one.overlaps(&other)
        };
        for (one, other) in [
            ("127.0.0.1:9191", "127.0.0.1:9191"),
            ("0.0.0.0:9191", "127.0.0.1:9191"),
            ("[::]:9191", "[::1]:9191"),
            ("[::]:9191", "0.0.0.0:9191"),
            ("[::]:9191", "10.0.0.1:9191"),
            ("[::ffff:127.0.0.1]:9191", "127.0.0.1:9191"),
            ("[::ffff:0.0.0.0]:9191", "10.0.0.1:9191"),
            ("unix:/run/a.sock", "unix:/run//./a.sock"),
        ] {
            assert!(overlap(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("127.0.0.1:9191", "127.0.0.1:9192"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("0.0.0.0:9191", "[::1]:9191"),
            ("10.0.0.1:9191", "10.0.0.2:9191"),
            ("[fe80::1%2]:9191", "[fe80::1%3]:9191"),
            ("unix:/run/a.sock", "unix:/run/b.sock"),
            ("unix:/run/a.sock", "127.0.0.1:9191"),
        ] {
            assert!(!overlap(one, other), "{one} {other}");
        }
    }

    #[test]
    fn malformed_listen_addresses_are_errors() {
        for text in [
            "",
            "9191",
            ":9191",
            "localhost:9191",
            "::1:x",
            "/run/a.sock",
            "0.0.0.0",
        ] {
            assert_eq!(text.parse::<ListenAddr>(), Err(ListenAddrError::Form));
        }
        let of_length = |length: usize| format!("unix:/{}", "a".repeat(length - 1));
        assert!(of_length(107).parse::<ListenAddr>().is_ok());
        assert_eq!(
            of_length(108).parse::<ListenAddr>(),
            Err(ListenAddrError::LongPath)
        );
        assert_eq!(
            "unix:/a\0b".parse::<ListenAddr>(),
            Err(ListenAddrError::Form)
        );
        for text in ["unix:", "unix:a.sock", "unix:./a.sock"] {
            assert_eq!(
                text.parse::<ListenAddr>(),
                Err(ListenAddrError::RelativePath)
            );
        }
    }
}
