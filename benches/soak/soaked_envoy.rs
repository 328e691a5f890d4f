//! An Envoy with the module, whose listener is updated.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::service::{memory_mib, page, policy, stop};

/// How long Envoy drains the connections of a superseded configuration.
pub(crate) const DRAIN: Duration = Duration::from_secs(3);

pub(crate) struct SoakedEnvoy {
    child: Child,
    folder: TempDir,
    keys: String,
    module: PathBuf,
    pub(crate) listener: SocketAddr,
    admin: SocketAddr,
}

impl SoakedEnvoy {
    /// Starts the Envoy and the module that the environment names, with an issuer that has its keys at that address.
    pub(crate) async fn start(keys: &str) -> SoakedEnvoy {
        let program = file("SOAK_ENVOY");
        let module = file("SOAK_MODULE").canonicalize().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (listener, admin) = (free_address(), free_address());
        let bootstrap = json!({
            "node": { "id": "soak", "cluster": "soak" },
            "admin": { "address": socket(admin) },
            "bootstrap_extensions": [{
                "name": "envoy.bootstrap.dynamic_modules",
                "typed_config": {
                    "@type": extension("bootstrap.dynamic_modules.v3.DynamicModuleBootstrapExtension"),
                    "dynamic_module_config": module_config(&module),
                    "extension_name": "accredit",
                },
            }],
            "dynamic_resources": { "lds_config": {
                "path_config_source": { "path": folder.path().join("listeners.json") },
                "resource_api_version": "V3",
            } },
        });
        let config = folder.path().join("envoy.json");
        std::fs::write(&config, bootstrap.to_string()).unwrap();
        let log = folder.path().join("envoy.log");
        let soaked = |child| SoakedEnvoy {
            child,
            folder,
            keys: keys.to_owned(),
            module,
            listener,
            admin,
        };
        let mut command = Command::new(program);
        command.args([
            "--concurrency",
            "2",
            "--use-dynamic-base-id",
            "--log-level",
            "warning",
        ]);
        command.args(["--drain-strategy", "immediate", "--drain-time-s"]);
        command.arg(DRAIN.as_secs().to_string());
        command.arg("--log-path").arg(&log).arg("-c").arg(&config);
        let silent = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let envoy = soaked(silent.kill_on_drop(true).spawn().unwrap());
        envoy.update(0);
        let started = Instant::now();
        while TcpStream::connect(listener).await.is_err() {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "Envoy does not listen: {text}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        envoy
    }

    /// Replaces the listener by one whose configuration of accredit has this number.
    pub(crate) fn update(&self, number: u64) {
        let path = self.folder.path().join("listeners.json");
        let new = path.with_extension("new");
        let listeners = json!({ "resources": [self.listener_with(number)] });
        std::fs::write(&new, listeners.to_string()).unwrap();
        // Envoy reads the file again when another one takes its place.
        std::fs::rename(&new, &path).unwrap();
    }

    fn listener_with(&self, number: u64) -> Value {
        let filter = json!({
            "@type": extension("filters.http.dynamic_modules.v3.DynamicModuleFilter"),
            "dynamic_module_config": module_config(&self.module),
            "filter_name": "accredit",
            "filter_config": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": policy(&self.keys, number, "8MiB"),
            },
        });
        let manager = json!({
            "@type": extension("filters.network.http_connection_manager.v3.HttpConnectionManager"),
            "stat_prefix": "api",
            "codec_type": "HTTP2",
            "route_config": { "virtual_hosts": [{
                "name": "api",
                "domains": ["*"],
                "routes": [{
                    "match": { "prefix": "/" },
                    "direct_response": { "status": 200 },
                    "response_headers_to_add": [{ "header": { "key": "x-seen", "value": "%REQ(x-jwt-sub)%" } }],
                }],
            }] },
            "http_filters": [
                { "name": "envoy.filters.http.dynamic_modules", "typed_config": filter },
                {
                    "name": "envoy.filters.http.router",
                    "typed_config": { "@type": extension("filters.http.router.v3.Router") },
                },
            ],
        });
        json!({
            "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
            "name": "api",
            "address": socket(self.listener),
            "filter_chains": [{ "filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": manager,
            }] }],
        })
    }

    pub(crate) fn memory_mib(&self) -> u64 {
        memory_mib(&self.child)
    }

    /// The metrics of the module.
    pub(crate) async fn metrics(&self) -> String {
        page(self.admin, "/accredit/metrics").await
    }

    /// How many updates of the listener Envoy has applied, the first listener included.
    pub(crate) async fn updates(&self) -> u64 {
        let stats = page(self.admin, "/stats?filter=lds.update_success").await;
        let count = stats.split_once("lds.update_success: ");
        let digits = count.and_then(|(_, rest)| rest.split_whitespace().next());
        digits
            .and_then(|digits| digits.parse().ok())
            .unwrap_or_default()
    }

    /// The number of configurations of accredit that Envoy has not ended yet.
    pub(crate) async fn configurations(&self) -> usize {
        let state = page(self.admin, "/accredit").await;
        // Refusals have no such member.
        state.matches("\"file\":").count()
    }

    pub(crate) async fn stop(self) -> Option<i32> {
        stop(self.child).await
    }
}

fn file(variable: &str) -> PathBuf {
    let file = std::env::var_os(variable);
    file.unwrap_or_else(|| panic!("set {variable}, as `make soak FORM=module` does"))
        .into()
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn extension(name: &str) -> String {
    format!("type.googleapis.com/envoy.extensions.{name}")
}

fn module_config(file: &std::path::Path) -> Value {
    json!({ "module": { "local": { "filename": file } }, "do_not_close": true })
}

fn socket(address: SocketAddr) -> Value {
    json!({ "socket_address": { "address": address.ip().to_string(), "port_value": address.port() } })
}
