//! The flags that name a running service, and the connection to it.

use std::path::{Path, PathBuf};

use crate::admin::addr::{AdminAddr, AdminTlsFiles};
use crate::admin::client::AdminClient;
use crate::admin::client_error::AdminError;
use crate::cli::exit::{ExitCode, complain};
use clap::Args;

/// The default of `admin_listen`.
const DEFAULT_ADMIN: &str = "127.0.0.1:9192";

/// The flags of a command that needs a running service.
#[derive(Args, Debug)]
pub(crate) struct AdminArgs {
    /// The admin_listen address of the service: host:port, https://host:port or unix:/path
    #[arg(long, value_name = "ADDR", default_value = DEFAULT_ADMIN)]
    admin: String,
    #[command(flatten)]
    proofs: ProofArgs,
}

/// The TLS flags of a connection to the service.
#[derive(Args, Debug)]
pub(crate) struct ProofArgs {
    /// The CA certificates for the service's certificate, with https:// (PEM) [default: the system's roots]
    #[arg(long, value_name = "FILE")]
    admin_ca: Option<PathBuf>,
    /// The client certificate, if the service requires one (PEM)
    #[arg(long, value_name = "FILE", requires = "admin_key")]
    admin_certificate: Option<PathBuf>,
    /// The private key of the client certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "admin_certificate")]
    admin_key: Option<PathBuf>,
}

/// The address of a running service, and the certificates for the connection.
#[derive(Debug)]
pub(crate) struct RunningService {
    addr: AdminAddr,
    proofs: AdminTlsFiles,
}

impl AdminArgs {
    /// The service that the flags name.
    ///
    /// # Errors
    /// The exit code. The error line has been printed.
    pub(crate) fn service(&self) -> Result<RunningService, ExitCode> {
        self.proofs.service_at(&self.admin)
    }
}

impl ProofArgs {
    /// The service at the address `admin`.
    ///
    /// # Errors
    /// The exit code. The error line has been printed.
    pub(crate) fn service_at(&self, admin: &str) -> Result<RunningService, ExitCode> {
        let bad_usage = |text: String| {
            complain(text);
            ExitCode::BadUsage
        };
        let parsed = admin.parse::<AdminAddr>();
        let addr = parsed.map_err(|error| bad_usage(error.to_string()))?;
        if !addr.is_tls() && (self.admin_ca.is_some() || self.admin_certificate.is_some()) {
            return Err(bad_usage(format!(
                "--admin-ca and --admin-certificate need https://; set --admin https://{addr}"
            )));
        }
        let proofs = self.read().map_err(bad_usage)?;
        Ok(RunningService { addr, proofs })
    }

    fn read(&self) -> Result<AdminTlsFiles, String> {
        Ok(AdminTlsFiles {
            authorities: self.admin_ca.as_deref().map(read).transpose()?,
            identity: match (&self.admin_certificate, &self.admin_key) {
                (Some(certificate), Some(key)) => Some((read(certificate)?, read(key)?)),
                (None, _) | (_, None) => None,
            },
        })
    }
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(file)
        .map_err(|error| format!("cannot read {}: {error}; name a PEM file", file.display()))
}

impl RunningService {
    /// # Errors
    /// [`AdminError`] if the service cannot be reached.
    pub(crate) async fn connect(&self) -> Result<AdminClient, AdminError> {
        AdminClient::connect(&self.addr, &self.proofs).await
    }
}
