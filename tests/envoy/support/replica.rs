//! One replica: the true binary in a process of its own, which can be told to stop, or killed.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

use super::client::RawRequest;
use super::ports::free_address;

const LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);

/// A place for a replica, and the process that runs there.
pub(crate) struct Replica {
    config: PathBuf,
    checks: SocketAddr,
    admin: SocketAddr,
    child: Child,
}

impl Replica {
    /// Starts one at addresses of its own, with this configuration, and waits until it is ready.
    pub(crate) async fn start(folder: &Path, name: &str, yaml: &str) -> Self {
        let (checks, admin) = (free_address(), free_address());
        let config = folder.join(format!("{name}.yaml"));
        let text = format!("listen: {checks}\nadmin_listen: {admin}\n{yaml}");
        std::fs::write(&config, text).unwrap();
        let child = launch(&config);
        let replica = Self {
            config,
            checks,
            admin,
            child,
        };
        replica.ready().await;
        replica
    }

    /// Where it answers checks.
    pub(crate) fn address(&self) -> SocketAddr {
        self.checks
    }

    /// Starts it again where it was.
    pub(crate) async fn restart(&mut self) {
        self.child = launch(&self.config);
        self.ready().await;
    }

    /// Sends a signal.
    pub(crate) async fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        let mut kill = Command::new("kill");
        let sent = kill.args(["-s", name, &id]).status().await.unwrap();
        assert!(sent.success());
    }

    /// How it ended, once it has.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        tokio::time::timeout(LIMIT, self.child.wait())
            .await
            .expect("it does not end")
            .unwrap()
    }

    async fn ready(&self) {
        let deadline = Instant::now() + LIMIT;
        loop {
            assert!(Instant::now() < deadline, "it does not become ready");
            if tokio::net::TcpStream::connect(self.admin).await.is_ok() {
                let readyz = RawRequest::get("/readyz").host(Some(b"localhost"));
                if readyz.send(self.admin).await.status == 200 {
                    return;
                }
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

fn launch(config: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_accredit"))
        .args(["serve", "--config"])
        .arg(config)
        .env("ACCREDIT_LOG", "warn")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}
