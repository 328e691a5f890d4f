//! Which certificates fetches trust: the system's roots, or those of a `ca_file` instead.
//!
//! Both are read again when their files change, and after a TLS failure (CONTRACT 5.8.5): a private authority that is
//! rotated must not need a restart.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use accredit_core::keys::source::KeyAddress;
use reqwest::Client;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Version;

use crate::jwks::verifier::IssuerVerifier;
use crate::regular_file;

/// The largest `ca_file`, in octets. The bundles of operating systems have about 200 KiB.
const MAX_CA_FILE: u64 = 8 * 1024 * 1024;

/// The trusted certificates of one issuer entry, or those of the system, and the HTTP clients that trust them.
#[derive(Debug)]
pub struct TrustStore {
    /// `None`: the system's roots.
    ca_file: Option<PathBuf>,
    loaded: Mutex<LoadedTrust>,
}

#[derive(Debug)]
struct LoadedTrust {
    certificates: Vec<CertificateDer<'static>>,
    stamps: Vec<Stamp>,
    clients: Result<HttpClients, String>,
    /// The latest reload failed: the log says so once.
    has_failed: bool,
}

/// What tells a changed file or folder from the one that was read.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    path: PathBuf,
    state: Option<(u64, u64, u64, i64, i64)>,
}

/// No proxy is used for a loopback address: the proxy would connect to its own machine, and http is permitted because it
/// does not leave this one.
#[derive(Clone, Debug)]
pub(in crate::jwks) struct HttpClients {
    with_proxies: Client,
    direct: Client,
}

/// Why a `ca_file` cannot be used.
#[derive(Debug, Error)]
pub enum CaFileError {
    #[error("cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    #[error("contains no PEM certificate")]
    NoCertificate,
    #[error("contains a certificate that cannot be parsed: {0}")]
    BadCertificate(#[source] rustls::Error),
}

// === impl TrustStore ===

impl TrustStore {
    /// Trusts the system's roots. Without any, each https fetch fails and says so.
    pub fn system() -> Arc<TrustStore> {
        let stamps = stamps(None);
        let certificates = system_certificates();
        let clients = clients_of_system(&certificates);
        Arc::new(TrustStore {
            ca_file: None,
            loaded: Mutex::new(LoadedTrust {
                certificates,
                stamps,
                clients,
                has_failed: false,
            }),
        })
    }

    /// Trusts the certificates of that file only.
    ///
    /// # Errors
    /// [`CaFileError`]
    pub fn of_file(file: &Path) -> Result<Arc<TrustStore>, CaFileError> {
        let stamps = stamps(Some(file));
        let certificates = read_ca_file(file)?;
        let clients = clients_of_file(&certificates)?;
        Ok(Arc::new(TrustStore {
            ca_file: Some(file.to_owned()),
            loaded: Mutex::new(LoadedTrust {
                certificates,
                stamps,
                clients,
                has_failed: false,
            }),
        }))
    }

    /// The clients that trust the current certificates. Reads them again if their files have changed.
    pub(in crate::jwks) async fn clients(self: &Arc<TrustStore>) -> Result<HttpClients, String> {
        self.in_background(|trust| {
            let has_changed = trust.loaded().stamps != stamps(trust.ca_file.as_deref());
            if has_changed {
                trust.reload();
            }
            trust.loaded().clients.clone()
        })
        .await
    }

    /// Reads the certificates again after a TLS failure. Returns other clients if the certificates are others now.
    pub(in crate::jwks) async fn clients_after_failure(
        self: &Arc<TrustStore>,
    ) -> Option<HttpClients> {
        let reloaded = self.in_background(|trust| {
            let has_changed = trust.reload();
            has_changed
                .then(|| trust.loaded().clients.clone())
                .ok_or_else(String::new)?
        });
        reloaded.await.ok()
    }

    /// Files can be on a slow disk, and a thousand roots take a while to parse.
    async fn in_background<T: Send + 'static>(
        self: &Arc<TrustStore>,
        work: impl FnOnce(&TrustStore) -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let trust = self.clone();
        let worked = tokio::task::spawn_blocking(move || work(&trust)).await;
        worked.unwrap_or_else(|error| Err(error.to_string()))
    }

    /// Returns whether the certificates are others than before. Certificates that cannot be read change nothing.
    fn reload(&self) -> bool {
        let stamps = stamps(self.ca_file.as_deref());
        let read = match &self.ca_file {
            Some(file) => read_ca_file(file).and_then(|certificates| {
                let clients = clients_of_file(&certificates)?;
                Ok((certificates, clients))
            }),
            None => {
                let certificates = system_certificates();
                let clients = clients_of_system(&certificates);
                Ok((certificates, clients))
            }
        };
        let mut loaded = self.loaded();
        loaded.stamps = stamps;
        match read {
            Ok((certificates, clients)) => {
                loaded.has_failed = false;
                let has_changed = loaded.certificates != certificates;
                if has_changed {
                    tracing::info!(
                        ca_file = self.ca_file.as_ref().map(|file| file.display().to_string()),
                        certificates = certificates.len(),
                        "trusted certificates reloaded"
                    );
                    loaded.certificates = certificates;
                    loaded.clients = clients;
                }
                has_changed
            }
            Err(error) => {
                if !std::mem::replace(&mut loaded.has_failed, true) {
                    tracing::warn!(
                        ca_file = self.ca_file.as_ref().map(|file| file.display().to_string()),
                        %error,
                        "ca_file cannot be reloaded; its earlier certificates stay trusted"
                    );
                }
                false
            }
        }
    }

    fn loaded(&self) -> MutexGuard<'_, LoadedTrust> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl HttpClients ===

impl HttpClients {
    fn build(verifier: IssuerVerifier) -> Result<HttpClients, String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let builder = || {
            Client::builder()
                .tls_backend_preconfigured(tls.clone())
                // Redirects are followed in `issuer_client`, which can say why one is not followed.
                .redirect(reqwest::redirect::Policy::none())
                // Each fetch connects anew: minutes lie between two, and a connection that was cut off silently would make
                // each attempt fail that uses it.
                .pool_max_idle_per_host(0)
                .user_agent(concat!("accredit/", env!("CARGO_PKG_VERSION")))
                .referer(false)
        };
        let built = |builder: reqwest::ClientBuilder| builder.build().map_err(|e| e.to_string());
        Ok(HttpClients {
            with_proxies: built(builder())?,
            direct: built(builder().no_proxy())?,
        })
    }

    pub(in crate::jwks) fn for_address(&self, address: &KeyAddress) -> &Client {
        if address.is_loopback() {
            &self.direct
        } else {
            &self.with_proxies
        }
    }
}

fn clients_of_system(certificates: &[CertificateDer<'static>]) -> Result<HttpClients, String> {
    let mut roots = RootCertStore::empty();
    // A system's folder can hold certificates that are none; the others count.
    roots.add_parsable_certificates(certificates.iter().cloned());
    HttpClients::build(IssuerVerifier::new(roots, None))
}

fn clients_of_file(
    certificates: &[CertificateDer<'static>],
) -> Result<Result<HttpClients, String>, CaFileError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        let mut parsed = RootCertStore::empty();
        parsed
            .add(certificate.clone())
            .map_err(CaFileError::BadCertificate)?;
        // A server certificate of the file is trusted as such, and must not sign certificates for other names.
        if is_authority(certificate) {
            roots.extend(parsed.roots);
        }
    }
    Ok(HttpClients::build(IssuerVerifier::new(
        roots,
        Some(certificates.to_vec()),
    )))
}

/// Whether a certificate is a CA certificate. Version 1 has no extension that says so.
fn is_authority(certificate: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(certificate)
        .is_ok_and(|(_, certificate)| certificate.is_ca() || certificate.version == X509Version::V1)
}

fn system_certificates() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

fn read_ca_file(file: &Path) -> Result<Vec<CertificateDer<'static>>, CaFileError> {
    let pem = regular_file::read(file, MAX_CA_FILE).map_err(CaFileError::Unreadable)?;
    let certificates = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(CaFileError::NoCertificate),
    }
}

fn stamps(ca_file: Option<&Path>) -> Vec<Stamp> {
    let paths = match ca_file {
        Some(file) => vec![file.to_owned()],
        None => {
            let probed = openssl_probe::probe();
            probed
                .cert_file
                .into_iter()
                .chain(probed.cert_dir)
                .collect()
        }
    };
    let state = |metadata: Metadata| {
        let (seconds, nanoseconds) = (metadata.mtime(), metadata.mtime_nsec());
        (
            metadata.dev(),
            metadata.ino(),
            metadata.len(),
            seconds,
            nanoseconds,
        )
    };
    paths
        .into_iter()
        .map(|path| Stamp {
            state: std::fs::metadata(&path).ok().map(state),
            path,
        })
        .collect()
}
