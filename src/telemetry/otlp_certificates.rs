//! The certificates of the connection to the receiver of spans. The exporter does not read these variables.

use std::fmt;
use std::path::Path;

use tonic::transport::ClientTlsConfig;

use crate::regular_file;
use crate::telemetry::otlp_variables::{Lookup, otlp};

/// The maximum size of a file of certificates or of a key, in bytes.
const MAX_PEM_FILE: u64 = 1024 * 1024;

/// The certificates that the environment names.
#[derive(Clone, Default)]
pub struct OtlpCertificates {
    authorities: Option<PemFile>,
    client: Option<ClientPair>,
}

/// Why no connection to the receiver is made. If the receiver cannot be verified as the operator configured, it must
/// not get spans and headers, so no spans are exported.
#[derive(Debug, thiserror::Error)]
pub enum OtlpCertificateError {
    /// The file is missing, or may not be read.
    #[error("the file that {variable} names cannot be read")]
    Unreadable {
        /// The variable that names the file.
        variable: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// No certificate is in the file.
    #[error("the file that {0} names has no valid PEM certificate")]
    Authorities(String),
    /// The two do not belong together, or are not PEM.
    #[error("the files that {0} and {1} name are not a PEM certificate and its PEM key")]
    Pair(String, String),
    /// Only one of them is set.
    #[error(
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY must be set together"
    )]
    HalfPair,
    /// The system has no usable root certificates.
    #[error(
        "the root certificates of the system cannot be used; set OTEL_EXPORTER_OTLP_CERTIFICATE"
    )]
    Roots,
}

#[derive(Clone)]
struct PemFile {
    variable: String,
    text: Vec<u8>,
}

#[derive(Clone)]
struct ClientPair {
    certificate: PemFile,
    key: PemFile,
}

impl OtlpCertificates {
    /// Reads and checks the files that the environment names.
    ///
    /// # Errors
    /// [`OtlpCertificateError`]
    pub fn read(env: Lookup<'_>) -> Result<OtlpCertificates, OtlpCertificateError> {
        let file = |name: &str| otlp(env, name).map(PemFile::read).transpose();
        let client = match (file("CLIENT_CERTIFICATE")?, file("CLIENT_KEY")?) {
            (Some(certificate), Some(key)) => Some(ClientPair { certificate, key }),
            (None, None) => None,
            _ => return Err(OtlpCertificateError::HalfPair),
        };
        let certificates = OtlpCertificates {
            authorities: file("CERTIFICATE")?,
            client,
        };
        // tonic takes a file without a certificate for an empty list of authorities, so reqwest checks the files for both.
        if certificates.authorities.is_some() || certificates.client.is_some() {
            certificates.http_client()?;
        }
        Ok(certificates)
    }

    /// For the gRPC client. The exporter's default trusts no certificate at all.
    pub fn grpc_tls(&self) -> ClientTlsConfig {
        let mut tls = ClientTlsConfig::new();
        tls = match &self.authorities {
            Some(file) => tls.ca_certificate(tonic::transport::Certificate::from_pem(&file.text)),
            None => tls.with_enabled_roots(),
        };
        if let Some(ClientPair { certificate, key }) = &self.client {
            let identity = tonic::transport::Identity::from_pem(&certificate.text, &key.text);
            tls = tls.identity(identity);
        }
        tls
    }

    /// The HTTP client. It follows no redirect, which could take the headers to another server.
    ///
    /// # Errors
    /// [`OtlpCertificateError`] for files without usable certificates.
    pub fn http_client(&self) -> Result<reqwest::Client, OtlpCertificateError> {
        let mut builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        if let Some(file) = &self.authorities {
            let roots = reqwest::Certificate::from_pem_bundle(&file.text).ok();
            let roots = roots.filter(|roots| !roots.is_empty());
            builder = builder.tls_certs_only(roots.ok_or_else(|| file.unusable())?);
        }
        if let Some(pair) = &self.client {
            let pem = [pair.certificate.text.as_slice(), b"\n", &pair.key.text].concat();
            let identity = reqwest::Identity::from_pem(&pem).map_err(|_| pair.unusable())?;
            builder = builder.identity(identity);
        }
        builder
            .build()
            .map_err(|_| match (&self.client, &self.authorities) {
                (Some(pair), _) => pair.unusable(),
                (None, Some(file)) => file.unusable(),
                (None, None) => OtlpCertificateError::Roots,
            })
    }
}

impl PemFile {
    fn read((variable, path): (String, String)) -> Result<PemFile, OtlpCertificateError> {
        match regular_file::read(Path::new(&path), MAX_PEM_FILE) {
            Ok(text) => Ok(PemFile { variable, text }),
            Err(source) => Err(OtlpCertificateError::Unreadable { variable, source }),
        }
    }

    fn unusable(&self) -> OtlpCertificateError {
        OtlpCertificateError::Authorities(self.variable.clone())
    }
}

impl ClientPair {
    fn unusable(&self) -> OtlpCertificateError {
        OtlpCertificateError::Pair(self.certificate.variable.clone(), self.key.variable.clone())
    }
}

/// Leaves out the files: one of them is a private key.
impl fmt::Debug for OtlpCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtlpCertificates(..)")
    }
}
