//! accredit's own binary, as a user starts it.

use std::net::SocketAddr;

use tempfile::TempDir;
use tokio::process::Command;

use super::program::Program;

/// `accredit serve` or `accredit dev`, ready.
pub(crate) struct Accredit {
    program: Program,
    checks: SocketAddr,
    admin: SocketAddr,
    _folder: Option<TempDir>,
}

impl Accredit {
    /// `accredit serve` with this configuration of issuers; the addresses are added.
    pub(crate) async fn serve(issuers: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("accredit.yaml");
        std::fs::write(&config, format!("{ANY_PORT}{issuers}")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_accredit"));
        command.arg("serve").arg("--config").arg(&config);
        Self::ready(Program::start("accredit serve", command), Some(folder)).await
    }

    /// `accredit dev`, and the address of its issuer.
    pub(crate) async fn dev() -> (Self, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_accredit"));
        command.args(["dev", "--log-format", "json"]).args([
            "--issuer-listen",
            "127.0.0.1:0",
            "--listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
        ]);
        let accredit = Self::ready(Program::start("accredit dev", command), None).await;
        let issuer = accredit
            .program
            .find(|line| {
                Some(
                    line.trim()
                        .strip_prefix("development issuer")?
                        .trim()
                        .to_owned(),
                )
            })
            .await;
        (accredit, issuer)
    }

    /// Where it answers checks.
    pub(crate) fn checks(&self) -> SocketAddr {
        self.checks
    }

    /// Where the console is.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.admin
    }

    async fn ready(program: Program, folder: Option<TempDir>) -> Self {
        let address = async |name: &str| {
            let find = |line: &str| log_line(line)?[name].as_str()?.parse().ok();
            program.find(find).await
        };
        let (checks, admin) = (address("listen").await, address("admin_listen").await);
        program
            .find(|line| (log_line(line)?["message"] == "ready").then_some(()))
            .await;
        Self {
            program,
            checks,
            admin,
            _folder: folder,
        }
    }
}

const ANY_PORT: &str = "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n";

fn log_line(line: &str) -> Option<serde_json::Value> {
    serde_json::from_str(line).ok()
}
