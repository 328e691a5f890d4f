//! A generated bootstrap with the addresses of a test.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::support::config::{ACME, KID, inline, issuer};
use accredit_test_support::envoy::EnvoyProcess;
use accredit_test_support::keys::rsa;
use accredit_test_support::ports::free_address;
use accredit_test_support::service::Service;
use accredit_test_support::upstream::EchoUpstream;

/// A generated bootstrap. The names of its members are those of the protocol buffers.
pub(super) struct Generated {
    root: Value,
    listener: SocketAddr,
}

/// Envoy with a generated bootstrap, accredit with the configuration of the answers, and the API.
pub(super) struct Mesh {
    pub(super) envoy: EnvoyProcess,
    pub(super) upstream: EchoUpstream,
    _accredit: Service,
}

impl Mesh {
    /// Starts them with a bootstrap of that folder.
    pub(super) async fn start(folder: &str, name: &str) -> Self {
        Self::start_with(folder, name, &rules(folder)).await
    }

    /// The same with another configuration of accredit.
    pub(super) async fn start_with(folder: &str, name: &str, yaml: &str) -> Self {
        let accredit = Service::ready(yaml).await;
        let upstream = EchoUpstream::start().await;
        let generated =
            Generated::read(folder, name).at(&[accredit.checks_tcp()], upstream.address());
        Self {
            envoy: generated.start().await,
            upstream,
            _accredit: accredit,
        }
    }
}

impl Generated {
    /// The bootstrap `tests/fixtures/mesh/FOLDER/NAME.json`, on a free port and without TLS.
    pub(super) fn read(folder: &str, name: &str) -> Self {
        let text = std::fs::read_to_string(file(folder, &format!("{name}.json"))).unwrap();
        let mut root = in_snake_case(serde_json::from_str(&text).unwrap());
        let listener = free_address();
        let first = &mut root["static_resources"]["listeners"][0];
        first["address"] = socket(listener);
        // Certificates are no part of what is tested. Without them, the listener has no names to choose a chain by.
        let chain = first["filter_chains"][0].as_object_mut().unwrap();
        chain.remove("transport_socket");
        chain.remove("filter_chain_match");
        first.as_object_mut().unwrap().remove("listener_filters");
        Self { root, listener }
    }

    /// With these replicas of accredit and this API in place of the addresses in the file.
    pub(super) fn at(mut self, accredit: &[SocketAddr], api: SocketAddr) -> Self {
        for cluster in self.clusters() {
            let addresses = if is_of_accredit(cluster) {
                accredit
            } else {
                &[api][..]
            };
            let Some(endpoints) = cluster.pointer_mut("/load_assignment/endpoints/0/lb_endpoints")
            else {
                continue;
            };
            let endpoint = endpoints[0].clone();
            *endpoints = addresses
                .iter()
                .map(|address| {
                    let mut endpoint = endpoint.clone();
                    endpoint["endpoint"]["address"] = socket(*address);
                    endpoint
                })
                .collect();
        }
        self
    }

    /// With these members of the cluster of accredit changed.
    pub(super) fn cluster(mut self, change: impl Fn(&mut Map<String, Value>)) -> Self {
        let mut changed = 0;
        for cluster in self.clusters() {
            if is_of_accredit(cluster) {
                change(cluster.as_object_mut().unwrap());
                changed += 1;
            }
        }
        assert_eq!(changed, 1);
        self
    }

    /// With these members of the ext_authz filter changed.
    pub(super) fn check(mut self, change: impl Fn(&mut Map<String, Value>)) -> Self {
        let is_check = |filter: &&mut Value| filter["name"] == "envoy.filters.http.ext_authz";
        let filter = self.filters().iter_mut().find(is_check).unwrap();
        change(filter["typed_config"].as_object_mut().unwrap());
        self
    }

    /// The filters of the HTTP connection manager.
    pub(super) fn filters(&mut self) -> &mut Vec<Value> {
        let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
        let manager = self.root.pointer_mut(manager).unwrap();
        manager["http_filters"].as_array_mut().unwrap()
    }

    /// Starts Envoy with it.
    pub(super) async fn start(&self) -> EnvoyProcess {
        EnvoyProcess::start_with(&self.root.to_string(), self.listener).await
    }

    fn clusters(&mut self) -> impl Iterator<Item = &mut Value> {
        let clusters = self.root["static_resources"]["clusters"].as_array_mut();
        clusters.unwrap().iter_mut()
    }
}

/// The text of `tests/fixtures/mesh/FOLDER/NAME`.
pub(super) fn text(folder: &str, name: &str) -> String {
    std::fs::read_to_string(file(folder, name)).unwrap()
}

/// The configuration of accredit with which the answers were recorded, with the tests' issuer in place of its own.
pub(super) fn rules(folder: &str) -> String {
    let recorded = text(folder, "accredit.yaml");
    let claim_headers = recorded
        .lines()
        .map(str::trim)
        .find(|line| line.starts_with("claim_headers:"));
    let (_, rules) = recorded.split_once("\nrules:").unwrap();
    let keys = inline(&[rsa(0).jwk(KID)]);
    let lines: Vec<&str> = claim_headers.into_iter().collect();
    let entry = issuer(ACME, &keys, &lines);
    format!("issuers:\n{entry}rules:{rules}")
}

fn file(folder: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/mesh")
        .join(folder)
        .join(name)
}

fn is_of_accredit(cluster: &Value) -> bool {
    let name = cluster["name"].as_str().unwrap();
    name.starts_with("outbound|9191|") || name.starts_with("securitypolicy/")
}

fn socket(address: SocketAddr) -> Value {
    json!({ "socket_address": { "address": address.ip(), "port_value": address.port() } })
}

/// Envoy Gateway's files have the names of protocol buffers in camel case, Istio's in snake case.
pub(super) fn in_snake_case(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .map(|(name, member)| (snake_case(&name), in_snake_case(member)))
            .collect(),
        Value::Array(elements) => elements.into_iter().map(in_snake_case).collect(),
        other => other,
    }
}

/// A name with a dot is that of an extension or a runtime key, and stays as it is.
fn snake_case(name: &str) -> String {
    if name.contains('.') {
        return name.to_owned();
    }
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
