//! The process under test.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::signer::ISSUER;

pub(crate) struct SoakedService {
    child: Child,
    folder: TempDir,
    keys: String,
    pub(crate) checks: SocketAddr,
    admin: SocketAddr,
}

impl SoakedService {
    /// Starts a service whose issuer has its keys at that address.
    pub(crate) async fn start(keys: &str) -> SoakedService {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("accredit.yaml");
        std::fs::write(&file, configuration(keys, 0)).unwrap();
        let (child, checks, admin) = start(&file).await;
        SoakedService {
            child,
            folder,
            keys: keys.to_owned(),
            checks,
            admin,
        }
    }

    /// Changes the configuration and sends SIGHUP.
    pub(crate) fn reload(&self, number: u64) {
        let file = self.folder.path().join("accredit.yaml");
        std::fs::write(file, configuration(&self.keys, number)).unwrap();
        signal(&self.child, "HUP");
    }

    pub(crate) fn memory_mib(&self) -> u64 {
        memory_mib(&self.child)
    }

    /// The text of `/metrics`.
    pub(crate) async fn metrics(&self) -> String {
        page(self.admin, "/metrics").await
    }

    pub(crate) async fn stop(self) -> Option<i32> {
        stop(self.child).await
    }
}

/// The resident memory of a process in MiB.
pub(crate) fn memory_mib(child: &Child) -> u64 {
    let id = child.id().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().nth(1));
    kibibytes.unwrap().parse::<u64>().unwrap() / 1024
}

/// The answer to a GET, with its headers.
pub(crate) async fn page(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

/// Sends SIGTERM. Returns the exit status.
pub(crate) async fn stop(mut child: Child) -> Option<i32> {
    signal(&child, "TERM");
    child.wait().await.unwrap().code()
}

/// The number of reloads that succeeded.
pub(crate) fn successful_reloads(metrics: &str) -> u64 {
    let name = "accredit_config_reloads_total{result=\"success\"} ";
    let count = metrics.lines().find_map(|line| line.strip_prefix(name));
    count
        .and_then(|count| count.parse().ok())
        .unwrap_or_default()
}

/// The checks that were refused before a rule was chosen, by reason: those of the peers that do not read included. Decisions
/// by a rule are no longer counted once a reload removes the rule.
pub(crate) fn refused_without_rule(metrics: &str) -> BTreeMap<&str, u64> {
    let mut refused = BTreeMap::new();
    for line in metrics.lines() {
        let sample = line.strip_prefix("accredit_checks_total{");
        let Some((labels, count)) = sample.and_then(|sample| sample.rsplit_once("} ")) else {
            continue;
        };
        let reason = labels.split_once("reason=\"").map(|(_, rest)| rest);
        if let Some((reason, _)) = reason.and_then(|rest| rest.split_once('"'))
            && labels.contains("rule=\"default\"")
        {
            *refused.entry(reason).or_default() += count.parse::<u64>().unwrap_or_default();
        }
    }
    refused
}

/// Starts the binary with a configuration file, and returns the addresses for checks and of the admin port. Its log is read
/// and dropped.
pub(crate) async fn start(file: &std::path::Path) -> (Child, SocketAddr, SocketAddr) {
    let built = env!("CARGO_BIN_EXE_accredit").to_owned();
    let binary = std::env::var("SOAK_BINARY").unwrap_or(built);
    let mut child = Command::new(binary)
        .args(["serve", "--config"])
        .arg(file)
        .stderr(Stdio::piped())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut addresses = None;
    while let Some(line) = lines.next_line().await.unwrap() {
        let line: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        let address = |port| line[port].as_str().and_then(|text| text.parse().ok());
        if let (Some(checks), Some(admin)) = (address("listen"), address("admin_listen")) {
            addresses = Some((checks, admin));
        }
        if line["message"] == "ready" {
            break;
        }
    }
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    let (checks, admin) = addresses.expect("the log states the addresses");
    (child, checks, admin)
}

/// A configuration that differs from the last one.
fn configuration(keys: &str, number: u64) -> String {
    let policy = policy(keys, number, "32MiB");
    format!("listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\ndrain: 5s\n{policy}")
}

/// The part of a configuration that the service and the module have in common. It differs from the last one.
pub(crate) fn policy(keys: &str, number: u64, token_cache: &str) -> String {
    format!(
        "realm: api-{number}\ntoken_cache: {token_cache}\n\
         issuers:\n  - issuer: {ISSUER}\n    audiences: [api.test]\n    algorithms: [EdDSA]\n    \
         jwks: {{ uri: '{keys}', refresh: 10s }}\n\
         rules:\n  - {{ name: rule-{number}, match: {{ paths: [/things/**] }}, scopes: ['read:deployments'] }}\n"
    )
}

fn signal(child: &Child, name: &str) {
    let id = child.id().unwrap().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-s", name, &id])
        .status();
    assert!(sent.unwrap().success());
}
