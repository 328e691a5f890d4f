//! Reads the certificate, private key and client CA of a port, and makes of them what handshakes need.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use accredit_core::config::tls_files::TlsFiles;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{InconsistentKeys, RootCertStore, ServerConfig};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::regular_file;
use crate::server::listed_clients::ListedClients;
use crate::server::tls_files_error::TlsFilesError;

/// The octets of all files at one moment. It holds a private key, so it has no `Debug`.
#[derive(PartialEq, Eq)]
pub(crate) struct TlsFileContents {
    certificate: Vec<u8>,
    private_key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

/// What a port serves with.
pub(crate) struct LoadedTls {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) expiry: Expiry,
}

/// The validity of a certificate, inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expiry {
    /// Seconds since 1970.
    pub(crate) not_before: i64,
    /// Seconds since 1970, inclusive.
    pub(crate) not_after: i64,
}

/// Octets of one file: a bundle of all public CAs has less than half of it.
const MAX_FILE_SIZE: u64 = 1024 * 1024;

pub(crate) fn read(files: &TlsFiles) -> Result<TlsFileContents, TlsFilesError> {
    Ok(TlsFileContents {
        certificate: read_file(&files.certificate)?,
        private_key: read_file(&files.private_key)?,
        client_ca: files.client_ca.as_deref().map(read_file).transpose()?,
    })
}

/// Checks what was read, and makes of it what handshakes need.
pub(crate) fn load(
    files: &TlsFiles,
    contents: &TlsFileContents,
    alpn: &[&str],
    now: SystemTime,
) -> Result<LoadedTls, TlsFilesError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let chain = certificates(&files.certificate, &contents.certificate)?;
    let expiry = expiry(
        files,
        chain.first().map_or(&[], |first| first.as_ref()),
        now,
    )?;
    let key = certified_key(files, chain, &contents.private_key, &provider)?;
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(TlsFilesError::Tls)?;
    let builder = match (&files.client_ca, &contents.client_ca) {
        (Some(path), Some(bytes)) => {
            builder.with_client_cert_verifier(verifier(files, path, bytes, provider)?)
        }
        _ => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    // A resumed session would skip the verification of the client's certificate, which may have expired or whose CA
    // may no longer be trusted. Envoy's connections are few and long, so resumption would gain nothing.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(LoadedTls {
        config: Arc::new(config),
        expiry,
    })
}

fn certified_key(
    files: &TlsFiles,
    chain: Vec<CertificateDer<'static>>,
    private_key: &[u8],
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TlsFilesError> {
    let key = PrivateKeyDer::from_pem_slice(private_key)
        .map_err(|_| TlsFilesError::NoKey(files.private_key.clone()))?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsFilesError::OtherKey {
            certificate: files.certificate.clone(),
            private_key: files.private_key.clone(),
        },
        rustls::Error::InvalidCertificate(_) => {
            TlsFilesError::NoCertificate(files.certificate.clone())
        }
        _ => TlsFilesError::UnusableKey(files.private_key.clone()),
    })
}

fn verifier(
    files: &TlsFiles,
    path: &Path,
    pem: &[u8],
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsFilesError> {
    let unusable = || TlsFilesError::UnusableCa(path.to_owned());
    let mut roots = RootCertStore::empty();
    for authority in certificates(path, pem)? {
        roots.add(authority).map_err(|_| unusable())?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|_| unusable())?;
    Ok(match files.client_names.as_slice() {
        [] => verifier,
        names => Arc::new(ListedClients::new(verifier, names.to_vec())),
    })
}

fn expiry(files: &TlsFiles, certificate: &[u8], now: SystemTime) -> Result<Expiry, TlsFilesError> {
    let (_, parsed) = X509Certificate::from_der(certificate)
        .map_err(|_| TlsFilesError::NoCertificate(files.certificate.clone()))?;
    let expiry = Expiry {
        not_before: parsed.validity().not_before.timestamp(),
        not_after: parsed.validity().not_after.timestamp(),
    };
    let now = seconds(now);
    let path = || files.certificate.clone();
    if now > expiry.not_after {
        return Err(TlsFilesError::Expired(path(), expiry.not_after));
    }
    if now < expiry.not_before {
        return Err(TlsFilesError::NotYetValid(path(), expiry.not_before));
    }
    Ok(expiry)
}

fn read_file(path: &Path) -> Result<Vec<u8>, TlsFilesError> {
    regular_file::read(path, MAX_FILE_SIZE).map_err(|error| TlsFilesError::Unreadable {
        path: path.to_owned(),
        error,
    })
}

/// Whether certificates of clients can be checked with these certificates of authorities.
pub(crate) fn check_client_ca(path: &Path, pem: &[u8]) -> Result<(), TlsFilesError> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(path, pem)? {
        roots
            .add(authority)
            .map_err(|_| TlsFilesError::UnusableCa(path.to_owned()))?;
    }
    Ok(())
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsFilesError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(TlsFilesError::NoCertificate(path.to_owned())),
    }
}

// === impl Expiry ===

impl Expiry {
    /// The whole days that are left, if they are few: less than 14 days or a fifth of the whole validity, whichever is
    /// shorter. A certificate that is renewed in time never causes a warning.
    pub(crate) fn days_left_if_few(&self, now: SystemTime) -> Option<i64> {
        let left = self.not_after.saturating_sub(seconds(now));
        let life = self.not_after.saturating_sub(self.not_before);
        (left < MAX_FEW_SECONDS.min(life / 5)).then_some(left.div_euclid(SECONDS_PER_DAY))
    }
}

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;
const MAX_FEW_SECONDS: i64 = 14 * SECONDS_PER_DAY;

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since.map_or(0, |since| since.as_secs())).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
