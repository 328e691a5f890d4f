//! Certificates that are made when a test needs them.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{NoClientAuth, WebPkiClientVerifier};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// A certificate authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    certificate: CertificateDer<'static>,
}

impl Authority {
    /// A new one, that nobody trusts yet.
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
        let key = KeyPair::generate().expect("a key can be made");
        let params = CertificateParams::new([host.to_owned()]).expect("is a name");
        let certificate = params.signed_by(&key, &self.issuer).expect("can be signed");
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("are supported")
            .with_client_cert_verifier(clients)
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("fit together");
        TlsAcceptor::from(Arc::new(config))
    }
}
