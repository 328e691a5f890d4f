//! The HTTP clients of fetches, and the certificates that they trust.

use std::io;
use std::path::Path;
use std::sync::Arc;

use accredit_core::keys::source::KeyAddress;
use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Version;

use crate::jwks::client_identity::{ClientIdentity, ClientIdentityError};
use crate::jwks::connect::ConnectRoute;
use crate::jwks::verifier::IssuerVerifier;
use crate::regular_file;

/// The largest `ca_file`, in octets. The bundles of operating systems have about 200 KiB.
const MAX_CA_FILE: u64 = 8 * 1024 * 1024;

/// No proxy is used for a loopback address: the proxy would connect to its own machine, and http is permitted because it
/// does not leave this one.
#[derive(Clone, Debug)]
pub(in crate::jwks) struct HttpClients {
    with_proxies: Client,
    direct: Client,
    /// The client for the host name that `jwks.connect` redirects.
    connected: Option<(ConnectRoute, Client)>,
}

/// The settings of the clients of one issuer entry, besides trusted certificates.
#[derive(Clone, Debug, Default)]
pub(in crate::jwks) struct ClientOptions {
    pub(in crate::jwks) identity: Option<ClientIdentity>,
    pub(in crate::jwks) route: Option<ConnectRoute>,
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

/// Why there are no clients.
#[derive(Debug, Error)]
pub(in crate::jwks) enum HttpClientsError {
    #[error(transparent)]
    Identity(#[from] ClientIdentityError),
    #[error("{0}")]
    Library(String),
}

// === impl HttpClients ===

impl HttpClients {
    /// Clients that trust the system's roots.
    pub(in crate::jwks) fn of_system(
        certificates: &[CertificateDer<'static>],
        options: &ClientOptions,
    ) -> Result<HttpClients, HttpClientsError> {
        let mut roots = RootCertStore::empty();
        // The system's folder can contain files that are not certificates. They are skipped.
        roots.add_parsable_certificates(certificates.iter().cloned());
        HttpClients::build(IssuerVerifier::new(roots, None), options)
    }

    /// Clients that trust these certificates only.
    ///
    /// # Errors
    /// [`CaFileError::BadCertificate`]
    pub(in crate::jwks) fn of_file(
        certificates: &[CertificateDer<'static>],
        options: &ClientOptions,
    ) -> Result<Result<HttpClients, HttpClientsError>, CaFileError> {
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
        let verifier = IssuerVerifier::new(roots, Some(certificates.to_vec()));
        Ok(HttpClients::build(verifier, options))
    }

    fn build(
        verifier: IssuerVerifier,
        options: &ClientOptions,
    ) -> Result<HttpClients, HttpClientsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| HttpClientsError::Library(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut tls = match &options.identity {
            Some(identity) => identity.configure(tls)?,
            None => tls.with_no_client_auth(),
        };
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let builder = || {
            Client::builder()
                .tls_backend_preconfigured(tls.clone())
                // Redirects are followed in `issuer_client`, which can say why one is not followed.
                .redirect(reqwest::redirect::Policy::none())
                // Each fetch opens a new connection. Fetches are minutes apart, and a connection that was cut off
                // silently would make the next fetch fail.
                .pool_max_idle_per_host(0)
                .user_agent(concat!("accredit/", env!("CARGO_PKG_VERSION")))
                .referer(false)
        };
        let built = |builder: reqwest::ClientBuilder| {
            let built = builder.build();
            built.map_err(|error| HttpClientsError::Library(error.to_string()))
        };
        let connected = match &options.route {
            None => None,
            Some(route) => {
                // HTTP/1.1 takes `Host` from the headers, as `ConnectRoute::request` needs.
                let builder = builder().no_proxy().http1_only();
                let client = built(builder.dns_resolver(Arc::new(route.clone())))?;
                Some((route.clone(), client))
            }
        };
        Ok(HttpClients {
            with_proxies: built(builder())?,
            direct: built(builder().no_proxy())?,
            connected,
        })
    }

    /// A request for that address.
    pub(in crate::jwks) fn get(&self, address: &KeyAddress, headers: &HeaderMap) -> RequestBuilder {
        let url = address.url();
        match self
            .connected
            .as_ref()
            .filter(|(route, _)| route.is_for(url))
        {
            Some((route, client)) => {
                let (url, headers) = route.request(url, headers);
                client.get(url).headers(headers)
            }
            None => {
                let client = self.for_address(address);
                client.get(url.clone()).headers(headers.clone())
            }
        }
    }

    fn for_address(&self, address: &KeyAddress) -> &Client {
        if address.is_loopback() {
            &self.direct
        } else {
            &self.with_proxies
        }
    }
}

/// Whether a certificate is a CA certificate. Version 1 has no extension that says so.
fn is_authority(certificate: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(certificate)
        .is_ok_and(|(_, certificate)| certificate.is_ca() || certificate.version == X509Version::V1)
}

pub(in crate::jwks) fn system_certificates() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

pub(in crate::jwks) fn read_ca_file(
    file: &Path,
) -> Result<Vec<CertificateDer<'static>>, CaFileError> {
    let pem = regular_file::read(file, MAX_CA_FILE).map_err(CaFileError::Unreadable)?;
    let certificates = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(CaFileError::NoCertificate),
    }
}
