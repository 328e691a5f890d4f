//! The client certificate that fetches present (`jwks.client_certificate`, `jwks.client_key`).

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use accredit_core::keys::access::ClientIdentityFiles;
use rustls::ClientConfig;
use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ConfigBuilder, InconsistentKeys};
use thiserror::Error;

use crate::regular_file;

/// The largest file, in octets.
const MAX_FILE: u64 = 1024 * 1024;

/// The content of both files.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::jwks) struct ClientIdentity {
    files: ClientIdentityFiles,
    certificate: Vec<u8>,
    private_key: Vec<u8>,
}

/// Why a client certificate cannot be used.
#[derive(Debug, Error)]
pub enum ClientIdentityError {
    #[error("{}: cannot be read: {cause}; correct the path, or let this user read the file", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("{}: contains no PEM certificate; write PEM, beginning with -----BEGIN CERTIFICATE-----", .0.display())]
    NoCertificate(PathBuf),
    #[error("{}: contains no PEM private key; write PEM, beginning with -----BEGIN PRIVATE KEY-----", .0.display())]
    NoKey(PathBuf),
    #[error("{}: the private key does not belong to the certificate in {}; install a certificate and key that were issued together", private_key.display(), certificate.display())]
    OtherKey {
        certificate: PathBuf,
        private_key: PathBuf,
    },
    #[error("{}: cannot be used: {cause}; use an RSA key of 2048 bits or more, or an ECDSA key, and the certificate for it", path.display())]
    Unusable {
        path: PathBuf,
        #[source]
        cause: rustls::Error,
    },
}

impl ClientIdentity {
    /// # Errors
    /// [`ClientIdentityError::Unreadable`]
    pub(in crate::jwks) fn read(
        files: &ClientIdentityFiles,
    ) -> Result<ClientIdentity, ClientIdentityError> {
        let read = |path: &Path| {
            regular_file::read(path, MAX_FILE).map_err(|cause| ClientIdentityError::Unreadable {
                path: path.to_owned(),
                cause,
            })
        };
        Ok(ClientIdentity {
            certificate: read(&files.certificate)?,
            private_key: read(&files.private_key)?,
            files: files.clone(),
        })
    }

    /// The configuration of handshakes that present this certificate.
    ///
    /// # Errors
    /// [`ClientIdentityError`]
    pub(in crate::jwks) fn configure(
        &self,
        builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    ) -> Result<ClientConfig, ClientIdentityError> {
        let (certificate, private_key) = (&self.files.certificate, &self.files.private_key);
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain = chain
            .ok()
            .filter(|chain| !chain.is_empty())
            .ok_or_else(|| ClientIdentityError::NoCertificate(certificate.clone()))?;
        let key = PrivateKeyDer::from_pem_slice(&self.private_key)
            .map_err(|_| ClientIdentityError::NoKey(private_key.clone()))?;
        builder
            .with_client_auth_cert(chain, key)
            .map_err(|cause| match cause {
                rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                    ClientIdentityError::OtherKey {
                        certificate: certificate.clone(),
                        private_key: private_key.clone(),
                    }
                }
                rustls::Error::InvalidCertificate(_) => {
                    ClientIdentityError::NoCertificate(certificate.clone())
                }
                cause => ClientIdentityError::Unusable {
                    path: private_key.clone(),
                    cause,
                },
            })
    }
}

impl fmt::Debug for ClientIdentity {
    /// Shows no content: it is a private key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientIdentity({})", self.files.certificate.display())
    }
}
