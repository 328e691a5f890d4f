//! The certificates by which we and the receiver of spans prove who we are.

use std::fmt;
use std::time::Duration;

use tonic::transport::ClientTlsConfig;

use crate::telemetry::otlp_settings::{Lookup, TraceSettingError, otlp, wrong};

/// What proves who is who, as far as the environment names it.
#[derive(Clone, Default)]
pub struct Certificates {
    authorities: Option<File>,
    client: Option<Client>,
}

/// A variable, and the text of the file that it names.
#[derive(Clone)]
struct File {
    variable: String,
    text: Vec<u8>,
}

#[derive(Clone)]
struct Client {
    certificate: File,
    key: File,
}

impl Certificates {
    /// Reads the files that the environment names.
    ///
    /// # Errors
    /// [`TraceSettingError`]
    pub fn read(env: Lookup<'_>) -> Result<Certificates, TraceSettingError> {
        let file = |what: &str| otlp(env, what).map(File::read).transpose();
        let client = match (file("CLIENT_CERTIFICATE")?, file("CLIENT_KEY")?) {
            (Some(certificate), Some(key)) => Some(Client { certificate, key }),
            (None, None) => None,
            _ => {
                return Err(TraceSettingError(
                    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY go together; set both"
                        .to_owned(),
                ));
            }
        };
        let read = Certificates {
            authorities: file("CERTIFICATE")?,
            client,
        };
        // gRPC's client takes a file without a certificate for trust in nobody, so that this one judges for both.
        if read.authorities.is_some() || read.client.is_some() {
            read.http_client(Duration::MAX)?;
        }
        Ok(read)
    }

    /// For a gRPC client. The exporter's own default trusts nobody at all.
    pub fn for_grpc(&self) -> ClientTlsConfig {
        let mut tls = ClientTlsConfig::new();
        tls = match &self.authorities {
            Some(file) => tls.ca_certificate(tonic::transport::Certificate::from_pem(&file.text)),
            None => tls.with_enabled_roots(),
        };
        if let Some(Client { certificate, key }) = &self.client {
            let identity = tonic::transport::Identity::from_pem(&certificate.text, &key.text);
            tls = tls.identity(identity);
        }
        tls
    }

    /// An HTTP client that has them.
    ///
    /// # Errors
    /// [`TraceSettingError`] where they are none.
    pub fn http_client(&self, timeout: Duration) -> Result<reqwest::Client, TraceSettingError> {
        let mut builder = reqwest::Client::builder()
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none());
        if let Some(file) = &self.authorities {
            let roots = reqwest::Certificate::from_pem_bundle(&file.text).ok();
            let roots = roots.filter(|roots| !roots.is_empty());
            builder = builder.tls_certs_only(roots.ok_or_else(|| file.is_unusable())?);
        }
        if let Some(client @ Client { certificate, key }) = &self.client {
            let both = [certificate.text.as_slice(), b"\n", &key.text].concat();
            let identity = reqwest::Identity::from_pem(&both);
            builder = builder.identity(identity.map_err(|_| client.is_unusable())?);
        }
        builder
            .build()
            .map_err(|_| match (&self.client, &self.authorities) {
                (Some(client), _) => client.is_unusable(),
                (None, Some(file)) => file.is_unusable(),
                (None, None) => TraceSettingError(
                    "the system's certificates cannot be used; name others in OTEL_EXPORTER_OTLP_CERTIFICATE"
                        .to_owned(),
                ),
            })
    }
}

impl File {
    fn read((variable, path): (String, String)) -> Result<File, TraceSettingError> {
        match std::fs::read(path) {
            Ok(text) => Ok(File { variable, text }),
            Err(error) => Err(wrong(
                &variable,
                &format!("names a file that cannot be read ({error})"),
                "mend it",
            )),
        }
    }

    fn is_unusable(&self) -> TraceSettingError {
        wrong(
            &self.variable,
            "holds no PEM certificate that can be used",
            "mend it",
        )
    }
}

impl Client {
    fn is_unusable(&self) -> TraceSettingError {
        let both = format!("{} and {}", self.certificate.variable, self.key.variable);
        wrong(
            &both,
            "are no PEM certificate and key that belong together",
            "mend them",
        )
    }
}

/// One of the texts is a private key.
impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificates(..)")
    }
}
