//! Which certificates fetches trust, the system's roots or those of a `ca_file` instead, and the client certificate that they
//! present.
//!
//! All are read again when their files change, and after a TLS failure (CONTRACT 5.8.5): a private authority that is rotated
//! must not need a restart.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use accredit_core::keys::access::{ClientIdentityFiles, KeyAccess};
use rustls::pki_types::CertificateDer;
use thiserror::Error;

use crate::jwks::client_identity::{ClientIdentity, ClientIdentityError};
use crate::jwks::connect::ConnectRoute;
use crate::jwks::http_clients::{
    CaFileError, ClientOptions, HttpClients, HttpClientsError, read_ca_file, system_certificates,
};
use crate::regular_file::{FileStamp, stamp};

/// The trusted certificates of one issuer entry, or those of the system, and the HTTP clients that trust them.
#[derive(Debug)]
pub struct TrustStore {
    /// `None`: the system's roots.
    ca_file: Option<PathBuf>,
    identity: Option<ClientIdentityFiles>,
    route: Option<ConnectRoute>,
    loaded: Mutex<LoadedTrust>,
}

#[derive(Debug)]
struct LoadedTrust {
    certificates: Vec<CertificateDer<'static>>,
    identity: Option<ClientIdentity>,
    /// The stamp of each file and folder that was read.
    stamps: Vec<(PathBuf, Option<FileStamp>)>,
    clients: Result<HttpClients, String>,
    /// Whether the latest reload failed. It is logged once.
    has_failed: bool,
}

/// Why the files of an issuer entry cannot be used.
#[derive(Debug, Error)]
pub enum TrustFileError {
    #[error("ca_file: {} {error}; name a PEM file with certificates of authorities, which this user can read", path.display())]
    CaFile {
        path: PathBuf,
        #[source]
        error: CaFileError,
    },
    #[error("client_certificate: {0}")]
    Identity(#[from] ClientIdentityError),
}

// === impl TrustStore ===

impl TrustStore {
    /// Trusts the system's roots. If there are none, each https fetch fails with an error that says so.
    pub fn system() -> Arc<TrustStore> {
        let stamps = stamps(None, None);
        let certificates = system_certificates();
        let clients = HttpClients::of_system(&certificates, &ClientOptions::default());
        Arc::new(TrustStore {
            ca_file: None,
            identity: None,
            route: None,
            loaded: Mutex::new(LoadedTrust {
                certificates,
                identity: None,
                stamps,
                clients: clients.map_err(|error| error.to_string()),
                has_failed: false,
            }),
        })
    }

    /// Trusts the certificates of that file only.
    ///
    /// # Errors
    /// [`TrustFileError`]
    pub fn of_file(file: &Path) -> Result<Arc<TrustStore>, TrustFileError> {
        TrustStore::of_files(Some(file), &KeyAccess::default())
    }

    /// Trusts the certificates of `ca_file` only, or the system's, and reaches key servers as `access` says.
    ///
    /// # Errors
    /// [`TrustFileError`]
    pub fn of_files(
        ca_file: Option<&Path>,
        access: &KeyAccess,
    ) -> Result<Arc<TrustStore>, TrustFileError> {
        let route = access.connected_name().zip(access.connect.as_ref());
        let route = route.map(|(name, target)| ConnectRoute {
            name: name.to_owned(),
            target: target.clone(),
        });
        let identity = access.client_identity.as_ref();
        let stamps = stamps(ca_file, identity);
        let read = read_files(ca_file, identity, route.clone())?;
        Ok(Arc::new(TrustStore {
            ca_file: ca_file.map(Path::to_owned),
            identity: identity.cloned(),
            route,
            loaded: Mutex::new(LoadedTrust {
                certificates: read.certificates,
                identity: read.identity,
                stamps,
                clients: read.clients,
                has_failed: false,
            }),
        }))
    }

    /// The clients that trust the current certificates. Reads them again if their files have changed.
    pub(in crate::jwks) async fn clients(self: &Arc<TrustStore>) -> Result<HttpClients, String> {
        self.in_background(|trust| {
            let has_changed = trust.loaded().stamps != trust.stamps();
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

    /// Returns whether the certificates have changed. Files that cannot be used change nothing.
    fn reload(&self) -> bool {
        let stamps = self.stamps();
        let read = read_files(
            self.ca_file.as_deref(),
            self.identity.as_ref(),
            self.route.clone(),
        );
        let mut loaded = self.loaded();
        loaded.stamps = stamps;
        match read {
            Ok(read) => {
                loaded.has_failed = false;
                let has_changed =
                    loaded.certificates != read.certificates || loaded.identity != read.identity;
                if has_changed {
                    tracing::info!(
                        ca_file = self.ca_file.as_ref().map(|file| file.display().to_string()),
                        client_certificate = self
                            .identity
                            .as_ref()
                            .map(|files| files.certificate.display().to_string()),
                        certificates = read.certificates.len(),
                        "trusted certificates reloaded"
                    );
                    loaded.certificates = read.certificates;
                    loaded.identity = read.identity;
                    loaded.clients = read.clients;
                }
                has_changed
            }
            Err(error) => {
                if !std::mem::replace(&mut loaded.has_failed, true) {
                    tracing::warn!(
                        ca_file = self.ca_file.as_ref().map(|file| file.display().to_string()),
                        %error,
                        "certificates of fetches cannot be reloaded; the earlier ones stay in use"
                    );
                }
                false
            }
        }
    }

    fn stamps(&self) -> Vec<(PathBuf, Option<FileStamp>)> {
        stamps(self.ca_file.as_deref(), self.identity.as_ref())
    }

    fn loaded(&self) -> MutexGuard<'_, LoadedTrust> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The content of all files at one moment.
struct TrustFiles {
    certificates: Vec<CertificateDer<'static>>,
    identity: Option<ClientIdentity>,
    clients: Result<HttpClients, String>,
}

fn read_files(
    ca_file: Option<&Path>,
    identity: Option<&ClientIdentityFiles>,
    route: Option<ConnectRoute>,
) -> Result<TrustFiles, TrustFileError> {
    let identity = identity.map(ClientIdentity::read).transpose()?;
    let options = ClientOptions { identity, route };
    let (certificates, clients) = match ca_file {
        None => {
            let certificates = system_certificates();
            let clients = HttpClients::of_system(&certificates, &options);
            (certificates, clients)
        }
        Some(file) => {
            let read = || {
                let certificates = read_ca_file(file)?;
                let clients = HttpClients::of_file(&certificates, &options)?;
                Ok((certificates, clients))
            };
            read().map_err(|error| TrustFileError::CaFile {
                path: file.to_owned(),
                error,
            })?
        }
    };
    let clients = match clients {
        Ok(clients) => Ok(clients),
        Err(HttpClientsError::Identity(error)) => return Err(error.into()),
        Err(HttpClientsError::Library(error)) => Err(error),
    };
    Ok(TrustFiles {
        certificates,
        identity: options.identity,
        clients,
    })
}

fn stamps(
    ca_file: Option<&Path>,
    identity: Option<&ClientIdentityFiles>,
) -> Vec<(PathBuf, Option<FileStamp>)> {
    let trusted = match ca_file {
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
    let own = identity.into_iter();
    let own = own.flat_map(|files| [files.certificate.clone(), files.private_key.clone()]);
    trusted
        .into_iter()
        .chain(own)
        .map(|path| (path.clone(), stamp(&path)))
        .collect()
}
