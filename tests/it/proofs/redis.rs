//! A real Redis server, which tests stop, suspend and start again.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::OnceLock;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::support::eventually::{eventually, within};
use crate::support::ports::free_address;

/// The server that the project's own script provides.
fn program() -> &'static str {
    static PROGRAM: OnceLock<String> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/redis.sh");
        let output = std::process::Command::new(script).output();
        let output = output.expect("can be run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let path = String::from_utf8(output.stdout).expect("is UTF-8");
        path.trim().to_owned()
    })
}

pub(super) struct Redis {
    pub(super) address: SocketAddr,
    options: Vec<String>,
    folder: TempDir,
    /// Absent while it is stopped.
    child: Option<Child>,
}

impl Redis {
    /// Starts a server with an empty memory on a free port.
    pub(super) async fn start() -> Redis {
        Redis::start_with(&[]).await
    }

    /// The same with further options.
    pub(super) async fn start_with(options: &[&str]) -> Redis {
        let mut redis = Redis {
            address: free_address(),
            options: options.iter().map(|&option| option.to_owned()).collect(),
            folder: tempfile::tempdir().expect("a folder"),
            child: None,
        };
        redis.start_again().await;
        redis
    }

    /// Starts a stopped server. Its memory is empty.
    pub(super) async fn start_again(&mut self) {
        let port = self.address.port().to_string();
        let mut command = Command::new(program());
        command
            .args(["--port", &port, "--bind", "127.0.0.1", "--save", ""])
            .args(["--appendonly", "no", "--dir"])
            .arg(self.folder.path())
            .args(&self.options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true);
        self.child = Some(command.spawn().expect("can be run"));
        eventually("Redis answers", async || {
            let stream = TcpStream::connect(self.address).await.ok()?;
            let answer = line_after(stream, "PING").await?;
            (answer == "+PONG" || answer.starts_with("-NOAUTH")).then_some(())
        })
        .await;
    }

    pub(super) async fn stop(&mut self) {
        let mut child = self.child.take().expect("runs");
        child.kill().await.expect("can be killed");
    }

    /// Sends a signal to the server: `STOP` suspends it, and its connections stay open.
    pub(super) async fn signal(&self, name: &str) {
        let id = self.child.as_ref().and_then(Child::id).expect("runs");
        let mut command = Command::new("kill");
        let sent = command.args(["-s", name, &id.to_string()]).status().await;
        assert!(sent.expect("can be run").success());
    }

    /// The first line of the answer to a command.
    pub(super) async fn command(&self, command: &str) -> String {
        let stream = TcpStream::connect(self.address).await.expect("listens");
        let answer = within("Redis answers", line_after(stream, command)).await;
        answer.expect("has a line")
    }

    pub(super) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }
}

async fn line_after(mut stream: TcpStream, command: &str) -> Option<String> {
    let line = format!("{command}\r\n");
    stream.write_all(line.as_bytes()).await.ok()?;
    let mut lines = BufReader::new(stream).lines();
    lines.next_line().await.ok()?
}
