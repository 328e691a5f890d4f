//! Why a port cannot serve TLS with its files, in words for whoever wrote the configuration.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// Why a port cannot serve TLS with its files.
#[derive(Debug)]
pub enum TlsFilesError {
    /// A file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// A file holds no certificate, or something that is none.
    NoCertificate(PathBuf),
    /// A file holds no private key.
    NoKey(PathBuf),
    /// The key is of a kind that TLS here does not know.
    UnusableKey(PathBuf),
    /// The key is not the certificate's.
    OtherKey {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        private_key: PathBuf,
    },
    /// The certificate has expired, at this many seconds since 1970.
    Expired(PathBuf, i64),
    /// The certificate is not valid before that many seconds since 1970.
    NotYetValid(PathBuf, i64),
    /// A client CA cannot be used.
    UnusableCa(PathBuf),
    /// What rustls said of all of it together.
    Tls(rustls::Error),
}

impl fmt::Display for TlsFilesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => write!(
                f,
                "{}: {error}; name a file that this user can read",
                path.display()
            ),
            Self::NoCertificate(path) => write!(
                f,
                "{} holds no certificate: write PEM, beginning with -----BEGIN CERTIFICATE-----",
                path.display()
            ),
            Self::NoKey(path) => write!(
                f,
                "{} holds no private key: write PEM, beginning with -----BEGIN PRIVATE KEY-----, not encrypted",
                path.display()
            ),
            Self::UnusableKey(path) => write!(
                f,
                "the private key in {} cannot be used: take an RSA key of 2048 bits or more, or one of ECDSA P-256 or P-384",
                path.display()
            ),
            Self::OtherKey {
                certificate,
                private_key,
            } => write!(
                f,
                "the private key in {} does not belong to the certificate in {}: put the two of one issue there",
                private_key.display(),
                certificate.display()
            ),
            Self::Expired(path, when) => write!(
                f,
                "the certificate in {} expired on {}: renew it",
                path.display(),
                date(*when)
            ),
            Self::NotYetValid(path, when) => write!(
                f,
                "the certificate in {} is not valid before {}: wait, or mend this machine's clock",
                path.display(),
                date(*when)
            ),
            Self::UnusableCa(path) => write!(
                f,
                "{} holds a certificate that can be no client CA: put certificates of CAs there",
                path.display()
            ),
            Self::Tls(error) => write!(f, "TLS cannot be served: {error}"),
        }
    }
}

impl std::error::Error for TlsFilesError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable(_, error) => Some(error),
            Self::Tls(error) => Some(error),
            _ => None,
        }
    }
}

fn date(seconds: i64) -> String {
    let since = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + since)
}
