//! Which certificates fetches trust: the system's roots, or those of a `ca_file` instead.
//!
//! Both are read again when their files change, and after a TLS failure (CONTRACT 5.8.5): a private authority that is
//! rotated must not need a restart.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::pki_types::CertificateDer;

use crate::jwks::http_clients::{CaFileError, HttpClients, read_ca_file, system_certificates};
use crate::regular_file::{FileStamp, stamp};

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
    /// Of `ca_file`, or of the system's file and folder.
    stamps: Vec<(PathBuf, Option<FileStamp>)>,
    clients: Result<HttpClients, String>,
    /// The latest reload failed: the log says so once.
    has_failed: bool,
}

// === impl TrustStore ===

impl TrustStore {
    /// Trusts the system's roots. Without any, each https fetch fails and says so.
    pub fn system() -> Arc<TrustStore> {
        let stamps = stamps(None);
        let certificates = system_certificates();
        let clients = HttpClients::of_system(&certificates);
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
        let clients = HttpClients::of_file(&certificates)?;
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
                let clients = HttpClients::of_file(&certificates)?;
                Ok((certificates, clients))
            }),
            None => {
                let certificates = system_certificates();
                let clients = HttpClients::of_system(&certificates);
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

fn stamps(ca_file: Option<&Path>) -> Vec<(PathBuf, Option<FileStamp>)> {
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
    paths
        .into_iter()
        .map(|path| (path.clone(), stamp(&path)))
        .collect()
}
