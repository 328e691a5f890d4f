//! The shipped Envoy configurations with a test's addresses and switches put in.
//!
//! They are changed as text, each change where it must be found exactly once, so that a test
//! exercises the very file that users run, and fails when that file drifts away from it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::ports::free_address;
use crate::process::root;

/// Where Envoy finds the authorization service.
#[derive(Clone, Debug)]
pub enum AuthzTarget {
    /// gRPC over TCP, as in `deploy/envoy/envoy.yaml` and in those that add something to it.
    Tcp(SocketAddr),
    /// gRPC over a unix socket, as in `deploy/envoy/envoy-unix.yaml`.
    Unix(PathBuf),
    /// gRPC over mutual TLS, as in `deploy/envoy/envoy-mtls.yaml`, with this folder in place of `/etc/envoy`.
    Tls(SocketAddr, PathBuf),
}

/// A shipped configuration with the changes of a test.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// The authorization service.
    pub authz: AuthzTarget,
    /// The API behind Envoy.
    pub upstream: SocketAddr,
    /// Where Envoy listens.
    pub listener: SocketAddr,
    /// Whether a failed check admits; shipped: false.
    pub failure_mode_allow: bool,
    /// Whether the service gets `header_map` or `headers`; shipped: true.
    pub encode_raw_headers: bool,
    /// How long Envoy waits for the service. Shipped: 1 s, after which a busy machine would have failed the check.
    pub timeout: Duration,
    /// Whether Envoy itself removes claim headers before the check; shipped: true. If not, accredit alone removes them.
    pub early_removal: bool,
    /// Whether a header name can contain an underscore; shipped: false.
    pub underscores: bool,
    tcp: &'static str,
    changes: Vec<(String, String)>,
}

impl Bootstrap {
    /// The shipped configuration for this service and this upstream, on a free port.
    pub fn new(authz: AuthzTarget, upstream: SocketAddr) -> Self {
        Self {
            authz,
            upstream,
            listener: free_address(),
            failure_mode_allow: false,
            encode_raw_headers: true,
            timeout: Duration::from_secs(10),
            early_removal: true,
            underscores: false,
            tcp: "envoy.yaml",
            changes: Vec::new(),
        }
    }

    /// Uses another shipped file that calls accredit over TCP.
    pub fn of(mut self, file: &'static str) -> Self {
        self.tcp = file;
        self
    }

    /// Replaces a text that occurs exactly once in the shipped file.
    pub fn change(mut self, from: &str, to: &str) -> Self {
        self.changes.push((from.to_owned(), to.to_owned()));
        self
    }

    /// The configuration as Envoy reads it.
    pub fn render(&self) -> String {
        let mut text = self.shipped();
        // The changes of the test name texts of the shipped file, so they are applied first.
        for (from, to) in &self.changes {
            replace(&mut text, from, to);
        }
        self.put_addresses(&mut text);
        self.put_switches(&mut text);
        text
    }

    fn shipped(&self) -> String {
        match self.authz {
            AuthzTarget::Tcp(_) => shipped(self.tcp),
            AuthzTarget::Unix(_) => shipped("envoy-unix.yaml"),
            AuthzTarget::Tls(..) => shipped("envoy-mtls.yaml"),
        }
    }

    fn put_addresses(&self, text: &mut String) {
        replace(text, &socket("127.0.0.1", 8080), &address(self.listener));
        replace(text, &socket("127.0.0.1", 8081), &address(self.upstream));
        match &self.authz {
            AuthzTarget::Tcp(authz) => replace(text, &socket("127.0.0.1", 9191), &address(*authz)),
            AuthzTarget::Tls(authz, folder) => {
                replace(text, &socket("127.0.0.1", 9191), &address(*authz));
                let settings = text.split_once("\nnode:").unwrap().1;
                let moved = settings.replace("/etc/envoy/", &format!("{}/", folder.display()));
                *text = format!("node:{moved}");
            }
            AuthzTarget::Unix(path) => replace(
                text,
                "pipe: { path: /run/accredit/accredit.sock }",
                &format!("pipe: {{ path: {} }}", path.display()),
            ),
        }
    }

    fn put_switches(&self, text: &mut String) {
        let timeout = format!("timeout: {}s", self.timeout.as_secs_f64());
        replace_line(text, "timeout: 1s", &timeout);
        if self.failure_mode_allow {
            replace_line(
                text,
                "failure_mode_allow: false",
                "failure_mode_allow: true",
            );
        }
        if !self.encode_raw_headers {
            replace_line(
                text,
                "encode_raw_headers: true",
                "encode_raw_headers: false",
            );
        }
        if self.underscores {
            replace_line(
                text,
                "headers_with_underscores_action: REJECT_REQUEST",
                "headers_with_underscores_action: ALLOW",
            );
        }
        if !self.early_removal {
            let nothing = "- remove: x-nothing-is-removed";
            let claims =
                "- remove_on_match: { key_matcher: { prefix: x-jwt-, ignore_case: true } }";
            replace_line(text, claims, nothing);
            for name in [
                "x-envoy-auth-failure-mode-allowed",
                "x-original-url",
                "x-rewrite-url",
                "x-http-method-override",
            ] {
                replace_line(text, &format!("- remove: {name}"), nothing);
            }
        }
    }
}

/// The text of a file in `deploy/envoy/`.
pub fn shipped(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap()
}

/// The names of all shipped files.
pub fn all_shipped() -> Vec<String> {
    let entries = std::fs::read_dir(folder()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".yaml")).collect();
    names.sort();
    names
}

fn folder() -> PathBuf {
    root().join("deploy/envoy")
}

pub(crate) fn socket(host: &str, port: u16) -> String {
    format!("socket_address: {{ address: {host}, port_value: {port} }}")
}

pub(crate) fn address(address: SocketAddr) -> String {
    socket(&address.ip().to_string(), address.port())
}

pub(crate) fn replace(text: &mut String, from: &str, to: &str) {
    let found = text.matches(from).count();
    assert_eq!(
        found, 1,
        "`{from}` occurs {found} times in the configuration, not once"
    );
    *text = text.replacen(from, to, 1);
}

pub(crate) fn replace_line(text: &mut String, from: &str, to: &str) {
    let found = text.lines().filter(|line| line.trim() == from).count();
    assert_eq!(
        found, 1,
        "the line `{from}` occurs {found} times in the configuration, not once"
    );
    let replaced: Vec<String> = text
        .lines()
        .map(|line| {
            if line.trim() == from {
                line.replacen(from, to, 1)
            } else {
                line.to_owned()
            }
        })
        .collect();
    *text = replaced.join("\n") + "\n";
}
