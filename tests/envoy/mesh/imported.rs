//! `accredit import` against a real Envoy: one Envoy runs what a control plane generated, another one asks accredit with what `import`
//! made of the manifest. Where the first refuses, the second refuses, or `import` named the difference (CONTRACT 2.8.4).

use std::net::SocketAddr;

use serde_json::{Value, json};

use accredit_test_support::client::RawRequest;
use accredit_test_support::envoy::EnvoyProcess;
use accredit_test_support::keys::{rsa, set};
use accredit_test_support::ports::free_address;
use accredit_test_support::process::{accredit, ended};
use accredit_test_support::service::Service;
use accredit_test_support::token::Token;
use accredit_test_support::upstream::EchoUpstream;

/// How the two Envoys compare for one request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Compared {
    BothAdmit,
    BothRefuse,
    /// accredit refuses what the original admits.
    Stricter,
    /// accredit admits what the original refuses, and a line of standard error with this text names the difference.
    Named(&'static str),
}

/// Two Envoys in front of one API.
pub(super) struct Twins {
    original: EnvoyProcess,
    converted: EnvoyProcess,
    upstream: EchoUpstream,
    /// Standard error of `import`.
    said: String,
    _accredit: Service,
}

/// What `import` made of a manifest, and what it said.
pub(super) async fn import(manifest: &str) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("manifest.yaml");
    std::fs::write(&file, manifest).unwrap();
    let ended = ended(&mut accredit(&["import", file.to_str().unwrap()])).await;
    (ended.code, ended.stdout, ended.stderr)
}

/// The key set that all tokens of these tests are signed with.
pub(super) fn keys() -> String {
    set([rsa(0).jwk("k")])
}

/// A token for the audience of the samples.
pub(super) fn token(issuer: &str) -> Token {
    Token::of(issuer).claim("aud", "api.acme.example")
}

pub(super) fn with(path: &str, token: &Token) -> RawRequest {
    RawRequest::get(path).bearer(&token.signed(rsa(0)))
}

impl Twins {
    /// Starts both. `manager` is the HTTP connection manager that the control plane generated.
    pub(super) async fn start(manager: &Value, manifest: &str) -> Self {
        let (code, yaml, said) = import(manifest).await;
        assert!([Some(0), Some(3)].contains(&code), "{said}");
        let accredit = Service::start(&yaml);
        let upstream = EchoUpstream::start().await;
        let checks = accredit.checks_tcp();
        let original = envoy(manager.clone(), upstream.address(), checks).await;
        let converted = envoy(asking(manager.clone()), upstream.address(), checks).await;
        Self {
            original,
            converted,
            upstream,
            said,
            _accredit: accredit,
        }
    }

    /// Sends each request through both.
    pub(super) async fn compare(&self, cases: Vec<(&str, RawRequest, Compared)>) {
        for (name, request, expected) in cases {
            let original = self.admits(&self.original, request.clone()).await;
            let converted = self.admits(&self.converted, request).await;
            let wanted = match expected {
                Compared::BothAdmit => (true, true),
                Compared::BothRefuse => (false, false),
                Compared::Stricter => (true, false),
                Compared::Named(_) => (false, true),
            };
            assert_eq!((original, converted), wanted, "{name}: {expected:?}");
            if let Compared::Named(text) = expected {
                assert!(
                    self.said.contains(text),
                    "{name}: {text} is not in\n{}",
                    self.said
                );
            }
        }
    }

    async fn admits(&self, envoy: &EnvoyProcess, request: RawRequest) -> bool {
        let before = self.upstream.count();
        let answer = request.send(envoy.address()).await;
        let has_reached = self.upstream.count() > before;
        assert_eq!(
            has_reached,
            answer.status == 200,
            "{} {}",
            answer.status,
            answer.text()
        );
        has_reached
    }
}

/// The connection manager with ext_authz in place of the filters that decide about tokens.
fn asking(mut manager: Value) -> Value {
    let filters = manager["http_filters"].as_array_mut().unwrap();
    let decides = |filter: &Value| {
        let name = filter["name"].as_str().unwrap();
        ["envoy.filters.http.jwt_authn", "envoy.filters.http.rbac"].contains(&name)
    };
    filters.retain(|filter| !decides(filter));
    filters.insert(
        0,
        json!({
            "name": "envoy.filters.http.ext_authz",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
                "grpc_service": { "envoy_grpc": { "cluster_name": "accredit", "authority": "accredit" }, "timeout": "5s" },
                "status_on_error": { "code": "ServiceUnavailable" },
            },
        }),
    );
    for host in manager["route_config"]["virtual_hosts"]
        .as_array_mut()
        .unwrap()
    {
        for route in host["routes"].as_array_mut().unwrap() {
            route
                .as_object_mut()
                .unwrap()
                .remove("typed_per_filter_config");
        }
    }
    manager
}

async fn envoy(mut manager: Value, upstream: SocketAddr, accredit: SocketAddr) -> EnvoyProcess {
    let listener = free_address();
    for host in manager["route_config"]["virtual_hosts"]
        .as_array_mut()
        .unwrap()
    {
        for route in host["routes"].as_array_mut().unwrap() {
            route["route"] = json!({ "cluster": "api" });
        }
    }
    let cluster = |name: &str, address: SocketAddr, options: Value| {
        json!({
            "name": name, "type": "STATIC", "typed_extension_protocol_options": options,
            "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": [
                { "endpoint": { "address": socket(address) } }] }] },
        })
    };
    let http2 = json!({ "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": { "http2_protocol_options": {} } } });
    let bootstrap = json!({ "static_resources": {
        "listeners": [{ "name": "l", "address": socket(listener), "filter_chains": [{ "filters": [
            { "name": "envoy.filters.network.http_connection_manager", "typed_config": manager }] }] }],
        "clusters": [cluster("api", upstream, json!({})), cluster("accredit", accredit, http2)],
    } });
    EnvoyProcess::start_with(&bootstrap.to_string(), listener).await
}

fn socket(address: SocketAddr) -> Value {
    json!({ "socket_address": { "address": address.ip(), "port_value": address.port() } })
}
