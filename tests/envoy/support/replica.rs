//! One replica: the binary in a process that a test can stop, kill and start again at the same address.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use accredit_test_support::ports::free_address;
use accredit_test_support::process::{Running, accredit};

/// The addresses and the configuration of a replica, and its current process.
pub(crate) struct Replica {
    config: PathBuf,
    checks: SocketAddr,
    process: Running,
}

impl Replica {
    /// Starts a replica with this configuration at addresses of its own, and waits until it is ready.
    pub(crate) async fn start(folder: &Path, name: &str, yaml: &str) -> Self {
        let (checks, admin) = (free_address(), free_address());
        let config = folder.join(format!("{name}.yaml"));
        let text = format!("listen: {checks}\nadmin_listen: {admin}\n{yaml}");
        std::fs::write(&config, text).unwrap();
        Self {
            process: ready(&config).await,
            config,
            checks,
        }
    }

    /// The address of `listen`.
    pub(crate) fn address(&self) -> SocketAddr {
        self.checks
    }

    /// Starts the replica again with the same configuration.
    pub(crate) async fn restart(&mut self) {
        self.process = ready(&self.config).await;
    }

    /// Sends a signal to the process.
    pub(crate) async fn signal(&self, name: &str) {
        self.process.signal(name).await;
    }

    /// Waits for the end of the process. `None` if a signal ended it.
    pub(crate) async fn exit_code(&mut self) -> Option<i32> {
        self.process.exit_code().await
    }
}

async fn ready(config: &Path) -> Running {
    let config = config.to_str().expect("is UTF-8");
    let mut process = Running::start(&mut accredit(&["serve", "--config", config])).await;
    process.wait_for_line("\"ready\"").await;
    // It must be able to log for as long as it runs.
    drop(process.hear());
    process
}
