//! A real Envoy as a process.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::bootstrap::Bootstrap;
use crate::eventually::eventually;
use crate::process::root;

/// A running Envoy. It is killed when dropped, and shows its log when the test fails.
pub struct EnvoyProcess {
    child: Child,
    listener: SocketAddr,
    folder: TempDir,
}

impl EnvoyProcess {
    /// Starts Envoy with this configuration and waits until its listener accepts.
    pub async fn start(bootstrap: &Bootstrap) -> Self {
        Self::start_with(&bootstrap.render(), bootstrap.listener).await
    }

    /// Starts Envoy with any configuration that has a listener at this address.
    pub async fn start_with(yaml: &str, listener: SocketAddr) -> Self {
        Self::start_version(PINNED, yaml, listener).await
    }

    /// Starts an Envoy of this version with any configuration that has a listener at this address.
    pub async fn start_version(version: &str, yaml: &str, listener: SocketAddr) -> Self {
        let mut envoy = Self::spawn(version, yaml, listener);
        envoy.wait_until_it_accepts().await;
        envoy
    }

    /// Starts an Envoy of this version, whose listener may not accept yet.
    pub fn spawn(version: &str, yaml: &str, listener: SocketAddr) -> Self {
        Self::spawn_with(version, yaml, listener, &["--use-dynamic-base-id"])
    }

    /// The same with these variables in its environment.
    pub fn spawn_in(
        version: &str,
        yaml: &str,
        listener: SocketAddr,
        variables: &[(&str, &str)],
    ) -> Self {
        let mut command = command(version);
        command.envs(variables.iter().copied());
        Self::run(command, yaml, listener, &["--use-dynamic-base-id"])
    }

    /// The same with these arguments, which choose the base id: Envoys with the same one restart each other.
    pub fn spawn_with(version: &str, yaml: &str, listener: SocketAddr, arguments: &[&str]) -> Self {
        Self::run(command(version), yaml, listener, arguments)
    }

    fn run(mut command: Command, yaml: &str, listener: SocketAddr, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("envoy.yaml");
        std::fs::write(&config, yaml).unwrap();
        let child = command
            .args([
                "--file-flush-interval-msec",
                "20",
                "--concurrency",
                "1",
                "--log-level",
                "warning",
                "-c",
            ])
            .arg(&config)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(File::create(folder.path().join(ACCESS_LOG)).unwrap())
            .stderr(File::create(folder.path().join(LOG)).unwrap())
            .spawn()
            .unwrap();
        Self {
            child,
            listener,
            folder,
        }
    }

    /// The address of its listener.
    pub fn address(&self) -> SocketAddr {
        self.listener
    }

    /// Envoy's own log so far.
    pub fn log(&self) -> String {
        self.read(LOG)
    }

    /// The access log, once it has this many lines. Envoy writes a line after the answer has
    /// gone out, so that it may not be there yet when the client has the answer.
    pub async fn access_log(&self, count: usize) -> Vec<serde_json::Value> {
        let what = format!("the access log has {count} lines");
        eventually(&what, async || {
            let text = self.read(ACCESS_LOG);
            let lines = text
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'));
            let lines: Vec<_> = lines
                .map(|line| serde_json::from_str(line).unwrap())
                .collect();
            (lines.len() >= count).then_some(lines)
        })
        .await
    }

    /// Asks it to end, and waits for the end. Returns whether it ended without an error.
    pub async fn terminate(self) -> bool {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", "TERM", &id]).status();
        assert!(sent.unwrap().success());
        self.wait_for_end().await
    }

    /// Waits until it ends by itself. Returns whether it ended without an error.
    pub async fn wait_for_end(mut self) -> bool {
        let status = eventually("Envoy ends", async || self.child.try_wait().unwrap()).await;
        status.success()
    }

    /// Waits until its listener accepts.
    pub async fn wait_until_it_accepts(&mut self) {
        let Self {
            child, listener, ..
        } = self;
        eventually("Envoy accepts connections", async || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("Envoy ended at once, with {status}");
            }
            TcpStream::connect(*listener).await.ok().map(drop)
        })
        .await;
    }

    fn read(&self, name: &str) -> String {
        let bytes = std::fs::read(self.folder.path().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for EnvoyProcess {
    fn drop(&mut self) {
        // It may have ended by itself, which is for the test to find out.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("=== Envoy's log ===\n{}", self.log());
            eprintln!("=== Envoy's access log ===\n{}", self.read(ACCESS_LOG));
        }
    }
}

/// Runs `envoy --mode validate`. The error is its standard error.
pub fn validate(yaml: &str) -> Result<(), String> {
    validate_with(PINNED, yaml)
}

/// The same with an Envoy of this version.
pub fn validate_with(version: &str, yaml: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("envoy.yaml");
    std::fs::write(&config, yaml).unwrap();
    let output = command(version)
        .args(["--mode", "validate", "--log-level", "warning", "-c"])
        .arg(&config)
        .output()
        .unwrap();
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The version of the Envoy in `.venv/`.
pub const PINNED: &str = "1.40.0";

/// Every version in which the module is tested, the oldest first.
pub const VERSIONS: [&str; 3] = ["1.38.3", "1.39.3", PINNED];

/// Finds modules by name beside the test.
fn command(version: &str) -> Command {
    let mut command = Command::new(binary_of(version));
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().unwrap();
    command.env("ENVOY_DYNAMIC_MODULES_SEARCH_PATH", folder);
    command
}

fn binary_of(version: &str) -> PathBuf {
    if version != PINNED {
        let path = root().join(format!(".tools/envoys/{version}/envoy/_bin/envoy"));
        assert!(
            path.is_file(),
            "this test needs Envoy {version}: run `make test`, or `scripts/envoys.sh` once"
        );
        return path;
    }
    let path = root().join(".venv/bin/envoy");
    assert!(
        path.is_file(),
        "these tests need a real Envoy: run `make test`, or `scripts/envoy.sh` once, which puts it into .venv/"
    );
    path
}

const LOG: &str = "envoy.log";
const ACCESS_LOG: &str = "access.log";
