//! Certificates that are made when a test needs them.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{NoClientAuth, WebPkiClientVerifier};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// A certificate authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    certificate: CertificateDer<'static>,
}

impl Authority {
    /// A new CA that no configuration trusts yet.
    pub(crate) fn new() -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        let own = params.self_signed(&key).expect("can be signed");
        Authority {
            issuer: Issuer::new(params, key),
            pem: own.pem(),
            certificate: own.der().clone(),
        }
    }

    /// Its own certificate.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// A client's certificate and its private key, both PEM.
    pub(crate) fn client(&self) -> (String, String) {
        let key = KeyPair::generate().expect("a key can be made");
        let mut params = CertificateParams::new([]).expect("are names");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.issuer).expect("can be signed");
        (certificate.pem(), key.serialize_pem())
    }

    /// Shakes hands as that host.
    pub(crate) fn acceptor(&self, host: &str) -> TlsAcceptor {
        self.acceptor_for(host, Arc::new(NoClientAuth))
    }

    /// Shakes hands as that host, with clients whose certificate is of that authority.
    pub(crate) fn acceptor_of_clients(&self, host: &str, clients: &Authority) -> TlsAcceptor {
        let mut roots = RootCertStore::empty();
        roots
            .add(clients.certificate.clone())
            .expect("can be trusted");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        self.acceptor_for(host, verifier.build().expect("has a root"))
    }

    fn acceptor_for(&self, host: &str, clients: Arc<dyn ClientCertVerifier>) -> TlsAcceptor {
        let params = CertificateParams::new([host.to_owned()]).expect("is a name");
        self.server(params).acceptor_with(clients)
    }

    /// A server's certificate of this authority.
    pub(crate) fn server(&self, params: CertificateParams) -> ServerCertificate {
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.signed_by(&key, &self.issuer).expect("can be signed");
        ServerCertificate::new(&certificate, &key)
    }
}

/// A server's certificate with its private key.
pub(crate) struct ServerCertificate {
    pem: String,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl ServerCertificate {
    fn new(certificate: &rcgen::Certificate, key: &KeyPair) -> ServerCertificate {
        ServerCertificate {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            key: PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        }
    }

    pub(crate) fn self_signed(params: CertificateParams) -> ServerCertificate {
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.self_signed(&key).expect("can be signed");
        ServerCertificate::new(&certificate, &key)
    }

    pub(crate) fn from_pem(certificate: &str, key: &str) -> ServerCertificate {
        ServerCertificate {
            pem: certificate.to_owned(),
            certificate: CertificateDer::from_pem_slice(certificate.as_bytes())
                .expect("is a certificate"),
            key: PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("is a key"),
        }
    }

    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// Accepts TLS connections with this certificate.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor_with(Arc::new(NoClientAuth))
    }

    fn acceptor_with(&self, clients: Arc<dyn ClientCertVerifier>) -> TlsAcceptor {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let key = provider
            .key_provider
            .load_private_key(self.key.clone_key())
            .expect("is a key");
        // Unlike a configuration of one certificate, this one takes X.509 version 1 too.
        let certified = CertifiedKey::new(vec![self.certificate.clone()], key);
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("are supported")
            .with_client_cert_verifier(clients)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        TlsAcceptor::from(Arc::new(config))
    }
}
