//! Verifies client certificates in the handshake: a trusted CA, and a listed name.

use std::sync::Arc;

use accredit_core::config::tls_files::ClientName;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};

use crate::server::client_names::require_listed;

/// Names are read only from a certificate that a trusted CA has signed.
#[derive(Debug)]
pub(crate) struct ListedClients {
    authorities: Arc<dyn ClientCertVerifier>,
    listed: Vec<ClientName>,
}

// === impl ListedClients ===

impl ListedClients {
    pub(crate) fn new(authorities: Arc<dyn ClientCertVerifier>, listed: Vec<ClientName>) -> Self {
        Self {
            authorities,
            listed,
        }
    }
}

impl ClientCertVerifier for ListedClients {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.authorities.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self
            .authorities
            .verify_client_cert(end_entity, intermediates, now)?;
        require_listed(end_entity, &self.listed).map_err(|not_listed| {
            Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(not_listed))))
        })?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}
