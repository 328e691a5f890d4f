//! The `accredit` binary as a process.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use envoy_types::pb::envoy::service::auth::v3::CheckRequest;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::answer::Answer;
use crate::connection::Envoy;
use crate::eventually::within;
use crate::issuer::KeyServer;

/// The binary with these arguments and without the `ACCREDIT_*` and `OTEL_*` variables of this environment.
pub fn accredit(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
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

/// The root folder of the repository.
pub fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = own.ancestors().nth(2);
    root.expect("is in crates/").to_owned()
}

/// The `accredit` binary, which Cargo builds for every integration test.
pub fn binary() -> PathBuf {
    // A test runs as target/PROFILE/deps/NAME-HASH.
    let test = std::env::current_exe().expect("has a path");
    let profile = test.ancestors().nth(2).expect("is in two folders");
    let path = profile.join("accredit");
    assert!(
        path.is_file(),
        "{} is missing; run the tests with cargo",
        path.display()
    );
    path
}

/// Whether the character is a control or a bidirectional control (CONTRACT 6.5.3).
pub fn is_control(char: char) -> bool {
    matches!(char, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The result of a command that has ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command and waits for its end.
pub async fn ended(command: &mut Command) -> Ended {
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

/// `accredit serve` configured by flags, for the issuer at this server with its keys at `uri`.
pub fn serve_issuer(server: &KeyServer, uri: &str) -> Command {
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

/// `accredit serve` in a process of its own, with JSON logs.
pub struct Running {
    child: Child,
    /// Absent once [`Running::hear`] reads them.
    lines: Option<Lines<BufReader<ChildStderr>>>,
    /// The lines that it logged before it served.
    pub logged_at_start: Vec<String>,
    /// The address of `listen`.
    pub checks: SocketAddr,
    /// The address of `admin_listen`.
    pub admin: SocketAddr,
    /// The address of `probe_listen`.
    pub probes: Option<SocketAddr>,
}

impl Running {
    /// Starts the process and waits until it logs its addresses.
    pub async fn start(command: &mut Command) -> Running {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("can be run");
        let stderr = child.stderr.take().expect("is piped");
        let mut lines = BufReader::new(stderr).lines();
        let (logged_at_start, serving) = next_saying(&mut lines, "serving").await;
        let address = |port| {
            let address = find(&serving, port).expect("the line has the address");
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

    /// Waits for a line that contains this text.
    pub async fn wait_for_line(&mut self, text: &str) -> Value {
        let lines = self.lines.as_mut().expect("are here");
        next_saying(lines, text).await.1
    }

    /// One check on a connection of its own.
    pub async fn check(&self, request: impl Into<CheckRequest>) -> Answer {
        Envoy::at(self.checks).await.check(request).await
    }

    /// The peak of its resident memory, in bytes.
    pub fn most_memory(&self) -> usize {
        let id = self.child.id().expect("still runs");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("runs on Linux");
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kibibytes = line.and_then(|line| line.split_whitespace().nth(1));
        kibibytes
            .and_then(|text| text.parse::<usize>().ok())
            .expect("the kernel reports it")
            * 1024
    }

    /// The folder of each thread in `/proc`.
    pub fn threads(&self) -> impl Iterator<Item = PathBuf> {
        let id = self.child.id().expect("still runs");
        let threads = std::fs::read_dir(format!("/proc/{id}/task")).expect("runs on Linux");
        threads.map(|thread| thread.expect("is there").path())
    }

    /// What each thread has used of the processor, in nanoseconds, by its name.
    pub fn processor_time(&self) -> BTreeMap<String, u64> {
        self.threads()
            .map(|thread| {
                let name = std::fs::read_to_string(thread.join("comm")).expect("runs");
                let times = std::fs::read_to_string(thread.join("schedstat")).expect("is there");
                let time = times.split(' ').next().expect("is a number");
                (name.trim().to_owned(), time.parse().expect("is a number"))
            })
            .collect()
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id().expect("still runs")
    }

    /// Permits file descriptors below this number only. Those that are open stay open.
    pub fn set_open_files(&self, limit: u64) {
        let id = i32::try_from(self.id()).ok().and_then(Pid::from_raw);
        let limit = Rlimit {
            current: Some(limit),
            maximum: Some(1024),
        };
        prlimit(id, Resource::Nofile, limit).expect("is permitted");
    }

    /// Sends a signal.
    pub async fn signal(&self, name: &str) {
        let id = self.child.id().expect("still runs").to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().await;
        assert!(sent.expect("can be run").success());
    }

    /// Reads every line until the process ends: a full pipe would block a process that logs.
    pub fn hear(&mut self) -> tokio::task::JoinHandle<Vec<String>> {
        let mut lines = self.lines.take().expect("are here");
        #[allow(
            clippy::disallowed_methods,
            reason = "the caller awaits the handle to get the lines"
        )]
        tokio::spawn(async move {
            let mut heard = Vec::new();
            while let Some(line) = lines.next_line().await.expect("is UTF-8") {
                heard.push(line);
            }
            heard
        })
    }

    /// Waits for the end of the process. Returns every line that was not read before.
    pub async fn lines_to_the_end(&mut self) -> Vec<String> {
        let heard = self.hear();
        within("the process ends", heard).await.expect("hears")
    }

    /// Waits for the end of the process.
    pub async fn exit_code(&mut self) -> Option<i32> {
        let ended = within("the process ends", self.child.wait()).await;
        ended.expect("can be awaited").code()
    }
}

/// The first line that contains this text, and the lines before it.
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
        panic!("no line contains {text:?}: {heard:#?}");
    };
    within(&format!("a line contains {text:?}"), found).await
}

/// A string member with this name at any depth.
fn find<'a>(line: &'a Value, name: &str) -> Option<&'a str> {
    let members = line.as_object()?;
    match members.get(name) {
        Some(value) => value.as_str(),
        None => members.values().find_map(|member| find(member, name)),
    }
}
