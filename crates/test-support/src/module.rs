//! The shipped configuration of an Envoy with the module, with a test's addresses and switches put in.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::bootstrap::{address, replace, replace_line, socket};
use crate::envoy::{EnvoyProcess, PINNED};
use crate::ports::free_address;
use crate::process::root;

/// `deploy/module/envoy.yaml` with the changes of a test.
#[derive(Clone, Debug)]
pub struct ModuleBootstrap {
    /// The version of Envoy.
    pub version: &'static str,
    /// The text of `filter_config`.
    pub config: String,
    /// The API behind Envoy.
    pub upstream: SocketAddr,
    /// Where Envoy listens.
    pub listener: SocketAddr,
    /// Envoy's admin.
    pub admin: SocketAddr,
    /// Whether the bootstrap extension holds Envoy's readiness; shipped: true.
    pub holds_readiness: bool,
    /// Whether Envoy itself removes claim headers before the check; shipped: true.
    pub early_removal: bool,
    /// Whether a header name can contain an underscore; shipped: false.
    pub underscores: bool,
    changes: Vec<(String, String)>,
}

/// The path of the module in the shipped file.
const SHIPPED_FILE: &str = "/usr/lib/envoy/modules/libaccredit-0.1.0.so";

impl ModuleBootstrap {
    /// The shipped configuration with this configuration of accredit and this upstream, on free ports.
    pub fn new(config: &str, upstream: SocketAddr) -> ModuleBootstrap {
        ModuleBootstrap {
            version: PINNED,
            config: config.to_owned(),
            upstream,
            listener: free_address(),
            admin: free_address(),
            holds_readiness: true,
            early_removal: true,
            underscores: false,
            changes: Vec::new(),
        }
    }

    /// For an Envoy of this version.
    pub fn of_version(self, version: &'static str) -> ModuleBootstrap {
        ModuleBootstrap { version, ..self }
    }

    /// With this text of `filter_config`.
    pub fn with_config(self, config: &str) -> ModuleBootstrap {
        ModuleBootstrap {
            config: config.to_owned(),
            ..self
        }
    }

    /// Replaces a text that occurs exactly once in the shipped file.
    pub fn change(mut self, from: &str, to: &str) -> ModuleBootstrap {
        self.changes.push((from.to_owned(), to.to_owned()));
        self
    }

    /// The configuration as Envoy reads it.
    pub fn render(&self) -> String {
        let mut text = shipped();
        for (from, to) in &self.changes {
            replace(&mut text, from, to);
        }
        for (port, own) in [
            (8080, self.listener),
            (8081, self.upstream),
            (9901, self.admin),
        ] {
            replace(&mut text, &socket("127.0.0.1", port), &address(own));
        }
        let value = serde_json::Value::from(self.config.as_str());
        replace_line(
            &mut text,
            "value: \"{ config: /etc/accredit/accredit.yaml }\"",
            &format!("value: {value}"),
        );
        if !self.holds_readiness {
            let start = text.find("bootstrap_extensions:").unwrap();
            let end = text.find("static_resources:").unwrap();
            text.replace_range(start..end, "");
        }
        if self.version == "1.38.3" {
            // This version knows the module of a bootstrap extension and of a route by name only.
            let local = format!("module: {{ local: {{ filename: {SHIPPED_FILE} }} }}");
            text = text.replace(&local, "name: accredit_module");
        }
        if self.underscores {
            let setting = "headers_with_underscores_action: REJECT_REQUEST";
            replace_line(&mut text, setting, "headers_with_underscores_action: ALLOW");
        }
        if !self.early_removal {
            let nothing = "- remove: x-nothing-is-removed";
            let claims =
                "- remove_on_match: { key_matcher: { prefix: x-jwt-, ignore_case: true } }";
            replace_line(&mut text, claims, nothing);
            let other = "- remove: x-envoy-auth-failure-mode-allowed";
            replace_line(&mut text, other, nothing);
        }
        text.replace(SHIPPED_FILE, &file().display().to_string())
    }

    /// The configuration of an Envoy that reads its listeners from this file, and the content of the file. Envoy reads it
    /// again when another file takes its place.
    pub fn render_with_listeners_in(&self, file: &Path) -> (String, String) {
        let text = self.render();
        let (head, rest) = text.split_once("  listeners:\n").unwrap();
        let (listeners, clusters) = rest.split_once("  clusters:\n").unwrap();
        let source = serde_json::json!({
            "lds_config": { "path_config_source": { "path": file }, "resource_api_version": "V3" },
        });
        let envoy = format!(
            "node: {{ id: test, cluster: test }}\ndynamic_resources: {source}\n{head}  clusters:\n{clusters}"
        );
        let (first, others) = listeners.split_at("    - ".len());
        assert_eq!(first, "    - ");
        let kind = "type.googleapis.com/envoy.config.listener.v3.Listener";
        let listeners = format!("resources:\n{first}\"@type\": {kind}\n      {others}");
        (envoy, listeners)
    }

    /// Starts Envoy, and waits until its listener accepts.
    pub async fn start(&self) -> EnvoyProcess {
        EnvoyProcess::start_version(self.version, &self.render(), self.listener).await
    }
}

/// The text of `deploy/module/envoy.yaml`.
pub fn shipped() -> String {
    std::fs::read_to_string(root().join("deploy/module/envoy.yaml")).unwrap()
}

/// The module, which Cargo builds for every integration test that depends on it.
pub fn file() -> PathBuf {
    // A test runs as target/PROFILE/deps/NAME-HASH.
    let test = std::env::current_exe().unwrap();
    let path = test.with_file_name("libaccredit_module.so");
    assert!(
        path.is_file(),
        "{} is missing; run the tests with cargo",
        path.display()
    );
    path
}
