//! Verifies an issuer's server certificate, and states in words why it is refused.
//!
//! A certificate is trusted if its chain ends at a trusted authority, or if the certificate itself is in `ca_file`
//! (CONTRACT 5.8.5). WebPKI refuses the second kind: a self-signed certificate has no authority, or is one itself.

use std::sync::Arc;

use chrono::DateTime;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;
use x509_parser::time::ASN1Time;

use crate::jwks::server_text::quoted;
use crate::jwks::tls_failure::TlsFailure;

/// Verifies the certificates of issuers.
#[derive(Debug)]
pub(in crate::jwks) struct IssuerVerifier {
    /// `None` if there is no trusted authority.
    authorities: Option<Arc<WebPkiServerVerifier>>,
    /// The certificates of `ca_file`.
    pinned: Vec<CertificateDer<'static>>,
    has_ca_file: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl IssuerVerifier {
    /// Trusts these authorities, and these certificates of `ca_file` as server certificates.
    pub(in crate::jwks) fn new(
        roots: RootCertStore,
        ca_file: Option<Vec<CertificateDer<'static>>>,
    ) -> IssuerVerifier {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let algorithms = provider.signature_verification_algorithms;
        // Without roots the builder fails; each handshake then says so.
        let authorities =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        IssuerVerifier {
            authorities: authorities.ok(),
            has_ca_file: ca_file.is_some(),
            pinned: ca_file.unwrap_or_default(),
            algorithms,
        }
    }

    fn verify_chain(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(authorities) = &self.authorities else {
            return Err(match self.has_ca_file {
                true => Error::InvalidCertificate(CertificateError::UnknownIssuer),
                false => refused(TlsFailure::NoAuthorities),
            });
        };
        authorities.verify_server_cert(end_entity, intermediates, name, ocsp_response, now)
    }

    /// The reason for the operator.
    fn explain(&self, error: Error, end_entity: &CertificateDer<'_>) -> Error {
        let parsed = X509Certificate::from_der(end_entity).ok();
        let certificate = parsed.map(|(_, certificate)| certificate);
        if let Some(certificate) = &certificate
            && certificate.version.0 != 2
        {
            return refused(TlsFailure::OldVersion(certificate.version.0 + 1));
        }
        let Error::InvalidCertificate(problem) = &error else {
            return error;
        };
        if tls_failure(&error).is_some() {
            return error;
        }
        refused(match problem {
            CertificateError::Other(_)
            | CertificateError::UnknownIssuer
            | CertificateError::BadSignature
                if certificate.as_ref().is_some_and(|own| own.is_ca()) =>
            {
                TlsFailure::AuthorityAsServer
            }
            // The signature is bad although an authority of that name is trusted: the authority has another key, and
            // was probably rotated.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                TlsFailure::UnknownAuthority {
                    authority: certificate.as_ref().map(authority).unwrap_or_default(),
                    is_rotated: matches!(problem, CertificateError::BadSignature),
                    has_ca_file: self.has_ca_file,
                }
            }
            CertificateError::NotValidForNameContext {
                expected,
                presented,
            } => TlsFailure::OtherName {
                expected: expected.to_str().into_owned(),
                presented: presented.iter().map(|name| plain_name(name)).collect(),
            },
            CertificateError::ExpiredContext { not_after, .. } => TlsFailure::Expired {
                since: timestamp(not_after.as_secs()),
            },
            CertificateError::NotValidYetContext { not_before, .. } => TlsFailure::NotValidYet {
                from: timestamp(not_before.as_secs()),
            },
            _ => return error,
        })
    }
}

impl ServerCertVerifier for IssuerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = if self.pinned.iter().any(|pinned| pinned == end_entity) {
            verify_pinned(end_entity, name, now)
        } else {
            self.verify_chain(end_entity, intermediates, name, ocsp_response, now)
        };
        verified.map_err(|error| self.explain(error, end_entity))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The certificate is in `ca_file`, byte for byte. Only its name and its validity have to be verified.
fn verify_pinned(
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, Error> {
    let malformed = || Error::InvalidCertificate(CertificateError::BadEncoding);
    let parsed = ParsedCertificate::try_from(certificate)?;
    let (_, x509) = X509Certificate::from_der(certificate).map_err(|_| malformed())?;
    let seconds = |time: &ASN1Time| u64::try_from(time.timestamp()).unwrap_or(0);
    let (not_before, not_after) = (
        seconds(&x509.validity().not_before),
        seconds(&x509.validity().not_after),
    );
    if now.as_secs() < not_before {
        return Err(refused(TlsFailure::NotValidYet {
            from: timestamp(not_before),
        }));
    }
    if now.as_secs() > not_after {
        return Err(refused(TlsFailure::Expired {
            since: timestamp(not_after),
        }));
    }
    verify_server_name(&parsed, name)?;
    Ok(ServerCertVerified::assertion())
}

/// The failure that [`IssuerVerifier`] put into an error of the TLS library.
pub(in crate::jwks) fn tls_failure(error: &Error) -> Option<&TlsFailure> {
    match error {
        Error::InvalidCertificate(CertificateError::Other(OtherError(other))) => {
            other.downcast_ref()
        }
        _ => None,
    }
}

fn refused(failure: TlsFailure) -> Error {
    let other = OtherError(Arc::new(failure));
    Error::InvalidCertificate(CertificateError::Other(other))
}

fn authority(certificate: &X509Certificate<'_>) -> String {
    if certificate.issuer().as_raw() == certificate.subject().as_raw() {
        return "it is self-signed".to_owned();
    }
    format!(
        "its issuer is {}",
        quoted(&certificate.issuer().to_string())
    )
}

/// `DnsName("a.example")` as the library presents a name, without what is around it.
fn plain_name(presented: &str) -> String {
    let inner = presented
        .split_once('(')
        .map_or(presented, |(_, inner)| inner);
    inner.trim_end_matches(')').trim_matches('"').to_owned()
}

fn timestamp(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok();
    time.and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .map_or_else(
            || format!("{seconds} seconds after 1970"),
            |time| time.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        )
}
