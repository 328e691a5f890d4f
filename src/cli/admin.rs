//! The flags by which a command finds a running service, and the way there.

use std::path::{Path, PathBuf};

use crate::admin::addr::{AdminAddr, Proofs};
use crate::admin::client::Client;
use crate::admin::client_error::AdminError;
use crate::cli::exit::{ExitCode, complain};
use clap::Args;

/// Where a service is asked that nobody names.
const DEFAULT_ADMIN: &str = "127.0.0.1:9192";

/// Which service is asked.
#[derive(Args, Debug)]
pub struct AdminArgs {
    /// The service's admin_listen: host:port, https://host:port or unix:/path
    #[arg(long, value_name = "ADDR", default_value = DEFAULT_ADMIN)]
    admin: String,
    #[command(flatten)]
    proofs: ProofArgs,
}

/// How service and command prove to each other who they are.
#[derive(Args, Debug)]
pub struct ProofArgs {
    /// Who issued the certificate of an https:// service (PEM) [default: the system's roots]
    #[arg(long, value_name = "FILE")]
    admin_ca: Option<PathBuf>,
    /// Our own certificate (PEM), where the service asks for one
    #[arg(long, value_name = "FILE", requires = "admin_key")]
    admin_certificate: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "admin_certificate")]
    admin_key: Option<PathBuf>,
}

/// A service that can be asked.
#[derive(Debug)]
pub struct AdminService {
    addr: AdminAddr,
    proofs: Proofs,
}

impl AdminArgs {
    /// The service that the flags name.
    ///
    /// # Errors
    /// The exit code, after it was said what is wrong.
    pub fn service(&self) -> Result<AdminService, ExitCode> {
        self.proofs.service_at(&self.admin)
    }
}

impl ProofArgs {
    /// The service at that address.
    ///
    /// # Errors
    /// The exit code, after it was said what is wrong.
    pub fn service_at(&self, admin: &str) -> Result<AdminService, ExitCode> {
        let bad_usage = |text: String| {
            complain(text);
            ExitCode::BadUsage
        };
        let parsed = admin.parse::<AdminAddr>();
        let addr = parsed.map_err(|error| bad_usage(error.to_string()))?;
        if !addr.is_tls() && (self.admin_ca.is_some() || self.admin_certificate.is_some()) {
            return Err(bad_usage(format!(
                "certificates are of use with https:// only; give --admin https://{addr}"
            )));
        }
        let proofs = self.read().map_err(bad_usage)?;
        Ok(AdminService { addr, proofs })
    }

    fn read(&self) -> Result<Proofs, String> {
        Ok(Proofs {
            authorities: self.admin_ca.as_deref().map(read).transpose()?,
            identity: match (&self.admin_certificate, &self.admin_key) {
                (Some(certificate), Some(key)) => Some((read(certificate)?, read(key)?)),
                (None, _) | (_, None) => None,
            },
        })
    }
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|error| {
        format!(
            "{} cannot be read ({error}); name a PEM file",
            file.display()
        )
    })
}

impl AdminService {
    /// Connects.
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn connect(&self) -> Result<Client, AdminError> {
        Client::connect(&self.addr, &self.proofs).await
    }
}
