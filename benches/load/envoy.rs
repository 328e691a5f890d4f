//! The cost of a request through a real Envoy, to the service that Envoy asks: over TCP and over a unix socket.

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::Client;
use crate::messages::Minter;
use crate::process::{Process, ProcessCommand, Transport, free_address};
use crate::{ROUNDS, configuration, median, micros};

const REQUESTS: usize = 10_000;

/// An Envoy that asks the service about each request, and answers those that it admits itself.
struct Envoy {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

/// A service and the Envoy before it.
struct Pair {
    service: Process,
    envoy: Envoy,
}

/// The rows of the report.
pub(crate) async fn measure(program: &Path) -> String {
    let minter = Minter::new();
    let configuration = configuration(&minter.key_set(), 2, 10);
    let tokens: Vec<String> = (0..16)
        .map(|client| minter.token(client, json!({})))
        .collect();
    let mut report = String::new();
    for (name, transport) in [("TCP", Transport::Tcp), ("a unix socket", Transport::Unix)] {
        let floor = Pair::start(program, ProcessCommand::floor(transport));
        let own = Pair::start(program, ProcessCommand::accredit(&configuration, transport));
        let mut ratios = Vec::new();
        for round in 0..=ROUNDS {
            let ratio = own.cost(&tokens).await / floor.cost(&tokens).await;
            // The first round warms.
            if round > 0 {
                ratios.push(ratio);
            }
        }
        // Writing to a String cannot fail.
        let _ = writeln!(
            report,
            "| known token through Envoy over {name}: the service ÷ floor | {:.2} | 0.75 |",
            median(&ratios)
        );
    }
    report
}

impl Pair {
    fn start(program: &Path, service: ProcessCommand) -> Pair {
        let endpoint = service.endpoint();
        let service = service.start();
        let envoy = Envoy::start(program, &endpoint);
        Pair { service, envoy }
    }

    /// The CPU time of the service per request, in microseconds.
    async fn cost(&self, tokens: &[String]) -> f64 {
        let client = Client::connect(self.envoy.address).await;
        let before = self.service.cpu();
        client.requests(tokens, REQUESTS).await;
        micros(self.service.cpu() - before) / REQUESTS as f64
    }
}

impl Envoy {
    fn start(program: &Path, endpoint: &Value) -> Envoy {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("envoy.json");
        let address = free_address();
        std::fs::write(&file, bootstrap(address, endpoint).to_string()).unwrap();
        let mut command = Command::new(program);
        command.args(["--concurrency", "1", "--use-dynamic-base-id", "-c"]);
        let child = command
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "does not listen"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Envoy {
            child,
            address,
            _folder: folder,
        }
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn bootstrap(address: SocketAddr, endpoint: &Value) -> Value {
    let api = |name: &str| format!("type.googleapis.com/envoy.extensions.{name}");
    let ext_authz = json!({
        "@type": api("filters.http.ext_authz.v3.ExtAuthz"),
        "transport_api_version": "V3",
        "encode_raw_headers": true,
        "grpc_service": {
            "envoy_grpc": { "cluster_name": "accredit", "authority": "accredit" },
            "timeout": "1s",
        },
    });
    let manager = json!({
        "@type": api("filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "api",
        "codec_type": "HTTP2",
        "route_config": { "virtual_hosts": [{
            "name": "api",
            "domains": ["*"],
            "routes": [{ "match": { "prefix": "/" }, "direct_response": { "status": 200 } }],
        }] },
        "http_filters": [
            { "name": "envoy.filters.http.ext_authz", "typed_config": ext_authz },
            {
                "name": "envoy.filters.http.router",
                "typed_config": { "@type": api("filters.http.router.v3.Router") },
            },
        ],
    });
    let http2 = json!({
        "@type": api("upstreams.http.v3.HttpProtocolOptions"),
        "explicit_http_config": { "http2_protocol_options": {} },
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
        "clusters": [{
            "name": "accredit",
            "typed_extension_protocol_options": {
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2,
            },
            "load_assignment": {
                "cluster_name": "accredit",
                "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": endpoint } }] }],
            },
        }],
    } })
}

/// An address as Envoy's configuration has it.
fn socket(address: SocketAddr) -> Value {
    json!({ "socket_address": { "address": address.ip().to_string(), "port_value": address.port() } })
}

impl ProcessCommand {
    /// The address of the service as Envoy's configuration has it.
    fn endpoint(&self) -> Value {
        match self.transport() {
            Transport::Tcp => socket(self.address()),
            Transport::Unix => json!({ "pipe": { "path": self.socket() } }),
        }
    }
}
