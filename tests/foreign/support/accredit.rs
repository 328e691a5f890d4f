//! accredit's own binary, and checks of single tokens without Envoy.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use accredit_test_support::check_request::ClientRequest;
use accredit_test_support::connection::Envoy;
use accredit_test_support::process::accredit;
use tempfile::TempDir;

use super::program::Program;

/// `accredit serve` or `accredit dev`, ready.
pub(crate) struct Accredit {
    program: Program,
    checks: SocketAddr,
    admin: SocketAddr,
    envoy: Envoy,
    checked: AtomicUsize,
    _folder: Option<TempDir>,
}

impl Accredit {
    /// `accredit serve` with this configuration of issuers; the addresses are added.
    pub(crate) async fn serve(issuers: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("accredit.yaml");
        std::fs::write(&config, format!("{ANY_PORT}{issuers}")).unwrap();
        let command = accredit(&["serve", "--config", config.to_str().expect("is UTF-8")]);
        Self::ready(Program::start("accredit serve", command), Some(folder)).await
    }

    /// `accredit dev`, and the address of its issuer.
    pub(crate) async fn dev() -> (Self, String) {
        let free = "127.0.0.1:0";
        let command = accredit(&[
            "dev",
            "--log-format",
            "json",
            "--issuer-listen",
            free,
            "--listen",
            free,
            "--admin-listen",
            free,
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

    /// The `reason` of the decision on a GET with this token.
    pub(crate) async fn reason(&self, token: &str) -> String {
        self.reason_at("/api/data", token).await
    }

    /// The same for this path.
    pub(crate) async fn reason_at(&self, path: &str, token: &str) -> String {
        let number = self.checked.fetch_add(1, Ordering::Relaxed) + 1;
        let request = ClientRequest::bearer(token)
            .to("GET", path)
            .at("api.example")
            .header("x-request-id", format!("id-{number}"));
        self.envoy.check(request).await.reason()
    }

    /// The address of `listen`.
    pub(crate) fn checks(&self) -> SocketAddr {
        self.checks
    }

    /// The address of `admin_listen`.
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
            envoy: Envoy::at(checks).await,
            checked: AtomicUsize::new(0),
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
