//! The address of a port: `IP:port` or `unix:/path`.

use std::fmt;
use std::net::SocketAddr;
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

/// A text is not an address to listen on. The messages follow the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListenAddrError {
    /// Neither an IP address with a port nor `unix:` with a path.
    #[error("is not an address to listen on")]
    Form,
    /// `unix:` with a path that does not begin with `/`.
    #[error("is a relative path")]
    RelativePath,
}

impl FromStr for ListenAddr {
    type Err = ListenAddrError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.starts_with('/') {
                Ok(Self::Unix(PathBuf::from(path)))
            } else {
                Err(ListenAddrError::RelativePath)
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
        for text in ["unix:", "unix:a.sock", "unix:./a.sock"] {
            assert_eq!(
                text.parse::<ListenAddr>(),
                Err(ListenAddrError::RelativePath)
            );
        }
    }
}
