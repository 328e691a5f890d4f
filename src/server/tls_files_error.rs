//! Why a port cannot serve TLS with its files.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// Why a port cannot serve TLS with its files.
#[derive(Debug, thiserror::Error)]
pub enum TlsFilesError {
    #[error("{}: {error}; name a file that this user can read", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        error: io::Error,
    },
    #[error("{} holds no certificate: write PEM, beginning with -----BEGIN CERTIFICATE-----", .0.display())]
    NoCertificate(PathBuf),
    #[error("{} holds no private key: write PEM, beginning with -----BEGIN PRIVATE KEY-----, not encrypted", .0.display())]
    NoKey(PathBuf),
    #[error(
        "the private key in {} cannot be used: use an RSA key of 2048 bits or more, or an ECDSA key on P-256 or P-384",
        .0.display()
    )]
    UnusableKey(PathBuf),
    #[error(
        "the private key in {} does not belong to the certificate in {}: install a certificate and key that were issued together",
        private_key.display(),
        certificate.display()
    )]
    OtherKey {
        certificate: PathBuf,
        private_key: PathBuf,
    },
    /// The time is in seconds since 1970.
    #[error("the certificate in {} expired on {}: renew it", .0.display(), date(*.1))]
    Expired(PathBuf, i64),
    /// The time is in seconds since 1970.
    #[error(
        "the certificate in {} is not valid before {}: wait until then, or correct the clock of this machine",
        .0.display(),
        date(*.1)
    )]
    NotYetValid(PathBuf, i64),
    #[error("{} holds a certificate that cannot be a client CA: write CA certificates", .0.display())]
    UnusableCa(PathBuf),
    #[error("TLS cannot be served: {0}")]
    Tls(#[source] rustls::Error),
}

fn date(seconds: i64) -> String {
    let since = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + since)
}
