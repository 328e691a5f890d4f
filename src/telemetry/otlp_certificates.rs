//! The certificates by which we and the receiver of spans prove who we are.

use std::fmt;
use std::time::Duration;

use tonic::transport::ClientTlsConfig;

use crate::telemetry::otlp_settings::{Lookup, TraceSettingError, otlp, wrong};

/// PEM texts. Not shown: one of them is a private key.
#[derive(Clone, Default)]
pub struct Certificates {
    authorities: Option<Vec<u8>>,
    client: Option<(Vec<u8>, Vec<u8>)>,
}

impl Certificates {
    /// Reads the files that the environment names.
    ///
    /// # Errors
    /// [`TraceSettingError`]
    pub fn read(env: Lookup<'_>) -> Result<Certificates, TraceSettingError> {
        let file = |what: &str| match otlp(env, what) {
            Some((name, path)) => match std::fs::read(path) {
                Ok(text) => Ok(Some(text)),
                Err(error) => Err(wrong(
                    &name,
                    &format!("names a file that cannot be read ({error})"),
                    "mend it",
                )),
            },
            None => Ok(None),
        };
        let client = match (file("CLIENT_CERTIFICATE")?, file("CLIENT_KEY")?) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => {
                return Err(TraceSettingError(
                    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY go together; set both"
                        .to_owned(),
                ));
            }
        };
        Ok(Certificates {
            authorities: file("CERTIFICATE")?,
            client,
        })
    }

    /// For a gRPC client. The exporter's own default trusts nobody at all.
    pub fn for_grpc(&self) -> ClientTlsConfig {
        let mut tls = ClientTlsConfig::new();
        tls = match &self.authorities {
            Some(pem) => tls.ca_certificate(tonic::transport::Certificate::from_pem(pem)),
            None => tls.with_enabled_roots(),
        };
        if let Some((certificate, key)) = &self.client {
            tls = tls.identity(tonic::transport::Identity::from_pem(certificate, key));
        }
        tls
    }

    /// An HTTP client that has them.
    ///
    /// # Errors
    /// [`TraceSettingError`] where they are none.
    pub fn http_client(&self, timeout: Duration) -> Result<reqwest::Client, TraceSettingError> {
        let unusable = |what: &str| {
            wrong(
                &format!("OTEL_EXPORTER_OTLP_{what}"),
                "holds no PEM that can be used",
                "mend it",
            )
        };
        let mut builder = reqwest::Client::builder()
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none());
        if let Some(pem) = &self.authorities {
            let roots =
                reqwest::Certificate::from_pem_bundle(pem).map_err(|_| unusable("CERTIFICATE"))?;
            builder = builder.tls_certs_only(roots);
        }
        if let Some((certificate, key)) = &self.client {
            let both = [certificate.as_slice(), b"\n", key].concat();
            let identity =
                reqwest::Identity::from_pem(&both).map_err(|_| unusable("CLIENT_CERTIFICATE"))?;
            builder = builder.identity(identity);
        }
        builder.build().map_err(|_| unusable("CERTIFICATE"))
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificates(..)")
    }
}
