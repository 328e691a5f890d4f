//! An Envoy with one worker, which answers the requests that it admits itself.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{CORE, ProcessCommand, Transport, cpu_of_process, free_address};

/// The path of a request to whose answer Envoy adds the header `x-seen` with the claim headers of the request.
pub(crate) const SEEN: &str = "/seen";

pub(crate) struct Envoy {
    child: Child,
    pub(crate) address: SocketAddr,
    _folder: TempDir,
}

/// What decides about a request in that Envoy.
pub(crate) struct EnvoyConfig {
    /// The HTTP filters before the router.
    filters: Vec<Value>,
    /// The address of the service, if a filter asks one.
    endpoint: Option<Value>,
    /// Whether Envoy runs on the core of the processes under test.
    is_pinned: bool,
}

impl EnvoyConfig {
    /// These filters, which ask no service.
    pub(crate) fn with_filters(filters: Vec<Value>) -> EnvoyConfig {
        EnvoyConfig {
            filters,
            endpoint: None,
            is_pinned: false,
        }
    }

    /// The filter that asks the service at this address.
    pub(crate) fn with_ext_authz(endpoint: Value) -> EnvoyConfig {
        let ext_authz = json!({
            "@type": extension("filters.http.ext_authz.v3.ExtAuthz"),
            "transport_api_version": "V3",
            "encode_raw_headers": true,
            "grpc_service": {
                "envoy_grpc": { "cluster_name": "accredit", "authority": "accredit" },
                "timeout": "1s",
            },
        });
        let filter = json!({ "name": "envoy.filters.http.ext_authz", "typed_config": ext_authz });
        EnvoyConfig {
            endpoint: Some(endpoint),
            ..EnvoyConfig::with_filters(vec![filter])
        }
    }

    /// On the core of the processes under test, so that its CPU time hardly depends on the load generator.
    pub(crate) fn pinned(self) -> EnvoyConfig {
        EnvoyConfig {
            is_pinned: true,
            ..self
        }
    }
}

impl Envoy {
    pub(crate) fn start(program: &Path, config: EnvoyConfig) -> Envoy {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("envoy.json");
        let address = free_address();
        let mut command = match config.is_pinned {
            true => {
                let mut command = Command::new("taskset");
                command.args(["-c", CORE]).arg(program);
                command
            }
            false => Command::new(program),
        };
        std::fs::write(&file, bootstrap(address, config).to_string()).unwrap();
        let log = folder.path().join("envoy.log");
        command.args(["--concurrency", "1", "--use-dynamic-base-id"]);
        let mut child = command
            .args(["--log-level", "warning", "--log-path"])
            .arg(&log)
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            let has_ended = child.try_wait().unwrap().is_some();
            assert!(
                !has_ended && started.elapsed() < Duration::from_secs(60),
                "Envoy does not listen: {}",
                std::fs::read_to_string(&log).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Envoy {
            child,
            address,
            _folder: folder,
        }
    }

    /// The CPU time of all threads, kernel included.
    pub(crate) fn cpu(&self) -> Duration {
        cpu_of_process(&self.child)
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The type of a message among Envoy's extensions.
pub(crate) fn extension(name: &str) -> String {
    format!("type.googleapis.com/envoy.extensions.{name}")
}

fn bootstrap(address: SocketAddr, config: EnvoyConfig) -> Value {
    let mut filters = config.filters;
    filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": { "@type": extension("filters.http.router.v3.Router") },
    }));
    let seen = "%REQ(x-jwt-sub)% %REQ(x-jwt-client-id)% %REQ(x-jwt-org)% %REQ(x-jwt-env)% %REQ(x-jwt-scope)%";
    let manager = json!({
        "@type": extension("filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "api",
        "codec_type": "HTTP2",
        "route_config": { "virtual_hosts": [{
            "name": "api",
            "domains": ["*"],
            "routes": [
                {
                    "match": { "path": SEEN },
                    "direct_response": { "status": 200 },
                    "response_headers_to_add": [{ "header": { "key": "x-seen", "value": seen } }],
                },
                { "match": { "prefix": "/" }, "direct_response": { "status": 200 } },
            ],
        }] },
        "http_filters": filters,
    });
    json!({ "static_resources": {
        "listeners": [{
            "name": "api",
            "address": socket(address),
            "filter_chains": [{ "filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": manager,
            }] }],
        }],
        "clusters": config.endpoint.iter().map(cluster).collect::<Vec<_>>(),
    } })
}

/// The cluster of the service.
fn cluster(endpoint: &Value) -> Value {
    let http2 = json!({
        "@type": extension("upstreams.http.v3.HttpProtocolOptions"),
        "explicit_http_config": { "http2_protocol_options": {} },
    });
    json!({
        "name": "accredit",
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2,
        },
        "load_assignment": {
            "cluster_name": "accredit",
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": endpoint } }] }],
        },
    })
}

/// An address as Envoy's configuration has it.
fn socket(address: SocketAddr) -> Value {
    json!({ "socket_address": { "address": address.ip().to_string(), "port_value": address.port() } })
}

impl ProcessCommand {
    /// The address of the service as Envoy's configuration has it.
    pub(crate) fn endpoint(&self) -> Value {
        match self.transport() {
            Transport::Tcp => socket(self.address()),
            Transport::Unix => json!({ "pipe": { "path": self.socket() } }),
        }
    }
}
