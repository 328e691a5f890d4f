//! The true binary.

use std::net::SocketAddr;
use std::process::{Output, Stdio};

use envoy_types::pb::envoy::service::auth::v3::CheckRequest;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::support::answer::Answer;
use crate::support::eventually::within;
use crate::support::issuer::KeyServer;
use crate::support::service::Envoy;

/// The binary with these arguments, and an environment without accredit's variables.
pub(crate) fn accredit(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_accredit"));
    command
        .args(arguments)
        .kill_on_drop(true)
        .stdin(Stdio::null());
    for name in [
        "CONFIG",
        "ISSUER",
        "AUDIENCE",
        "JWKS_URI",
        "LISTEN",
        "ADMIN_LISTEN",
        "LOG",
    ] {
        command.env_remove(format!("ACCREDIT_{name}"));
    }
    let otel = std::env::vars_os().map(|(name, _)| name);
    for name in otel.filter(|name| name.as_encoded_bytes().starts_with(b"OTEL_")) {
        command.env_remove(name);
    }
    command
}

/// Whether a terminal obeys the character: controls, and those that change the direction of writing (CONTRACT 6.5.3).
pub(crate) fn is_control(char: char) -> bool {
    matches!(char, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What came of a command that ends by itself.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command to its end.
pub(crate) async fn ended(command: &mut Command) -> Ended {
    let output = within("the command ends", command.output()).await;
    let Output {
        status,
        stdout,
        stderr,
    } = output.expect("can be run");
    let text = |bytes| String::from_utf8(bytes).expect("is UTF-8");
    Ended {
        code: status.code(),
        stdout: text(stdout),
        stderr: text(stderr),
    }
}

/// A service that is configured by flags and trusts the issuer at that server, whose keys are at `uri`.
pub(crate) fn serve_issuer(server: &KeyServer, uri: &str) -> Command {
    let issuer = server.url("");
    accredit(&[
        "serve",
        "--issuer",
        &issuer,
        "--audience",
        "api.test",
        "--jwks-uri",
        uri,
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
    ])
}

/// A service that runs as a process of its own, and logs JSON.
pub(crate) struct Running {
    child: Child,
    /// Absent once a listener has them.
    lines: Option<Lines<BufReader<ChildStderr>>>,
    /// What it logged before it served.
    pub(crate) logged_at_start: Vec<String>,
    /// Where checks are answered.
    pub(crate) checks: SocketAddr,
    /// Where the admin API is.
    pub(crate) admin: SocketAddr,
    /// The address of `probe_listen`.
    pub(crate) probes: Option<SocketAddr>,
}

impl Running {
    /// Starts it, and waits until it says where it listens.
    pub(crate) async fn start(command: &mut Command) -> Running {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("can be run");
        let stderr = child.stderr.take().expect("is piped");
        let mut lines = BufReader::new(stderr).lines();
        let (logged_at_start, serving) = next_saying(&mut lines, "serving").await;
        let address = |port| {
            let address = find(&serving, port).expect("says where");
            address.parse().expect("is an address")
        };
        Running {
            checks: address("listen"),
            admin: address("admin_listen"),
            probes: find(&serving, "probe_listen").map(|text| text.parse().expect("is an address")),
            child,
            lines: Some(lines),
            logged_at_start,
        }
    }

    /// Waits for a line that says that.
    pub(crate) async fn says(&mut self, text: &str) -> Value {
        let lines = self.lines.as_mut().expect("are here");
        next_saying(lines, text).await.1
    }

    /// One check on a connection of its own.
    pub(crate) async fn check(&self, request: impl Into<CheckRequest>) -> Answer {
        Envoy::at(self.checks).await.check(request).await
    }

    /// The most memory that it has ever had, in bytes.
    pub(crate) fn most_memory(&self) -> usize {
        let id = self.child.id().expect("still runs");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("runs on Linux");
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kibibytes = line.and_then(|line| line.split_whitespace().nth(1));
        kibibytes
            .and_then(|text| text.parse::<usize>().ok())
            .expect("is told")
            * 1024
    }

    /// Sends a signal.
    pub(crate) async fn signal(&self, name: &str) {
        let id = self.child.id().expect("still runs").to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().await;
        assert!(sent.expect("can be run").success());
    }

    /// Reads every line until the process ends: a full pipe would block the process.
    pub(crate) fn hear(&mut self) -> tokio::task::JoinHandle<Vec<String>> {
        let mut lines = self.lines.take().expect("are here");
        #[allow(
            clippy::disallowed_methods,
            reason = "whoever wants the lines awaits it"
        )]
        tokio::spawn(async move {
            let mut heard = Vec::new();
            while let Some(line) = lines.next_line().await.expect("is UTF-8") {
                heard.push(line);
            }
            heard
        })
    }

    /// Every line from now on until it ends.
    pub(crate) async fn lines_to_the_end(&mut self) -> Vec<String> {
        let heard = self.hear();
        within("the process ends", heard).await.expect("hears")
    }

    /// Waits for its end.
    pub(crate) async fn exit_code(&mut self) -> Option<i32> {
        let ended = within("the process ends", self.child.wait()).await;
        ended.expect("can be awaited").code()
    }
}

/// The first line with this text, and the lines before it.
async fn next_saying(
    lines: &mut Lines<BufReader<ChildStderr>>,
    text: &str,
) -> (Vec<String>, Value) {
    let found = async {
        let mut heard = Vec::new();
        while let Some(line) = lines.next_line().await.expect("is UTF-8") {
            if line.contains(text) {
                let line = serde_json::from_str(&line);
                return (heard, line.unwrap_or_else(|_| panic!("not JSON")));
            }
            heard.push(line);
        }
        panic!("it never said {text:?}, only {heard:#?}");
    };
    within(&format!("it says {text:?}"), found).await
}

/// A member of that name at any depth.
fn find<'a>(line: &'a Value, name: &str) -> Option<&'a str> {
    let members = line.as_object()?;
    match members.get(name) {
        Some(value) => value.as_str(),
        None => members.values().find_map(|member| find(member, name)),
    }
}
