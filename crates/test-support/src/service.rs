//! The whole service on a thread of this process.

use std::net::SocketAddr;
use std::thread::JoinHandle;

use accredit::admin::pb;
use accredit::admin::pb::admin_client::AdminClient;
use accredit::app::error::RunError;
use accredit::app::reload::{Reloaded, Reloader};
use accredit::app::run::{App, Telemetry};
use accredit_core::config::listen_addr::ListenAddr;
use accredit_core::config::settings::Settings;
use accredit_core::config::{load, resolve};
use envoy_types::pb::envoy::service::auth::v3::CheckRequest;
use tokio::sync::oneshot;
use tonic::transport::Channel;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::answer::Answer;
use crate::bootstrap::AuthzTarget;
use crate::connection::{Envoy, channel};
use crate::eventually::{eventually, within};
use crate::http_get::get;
use crate::issuer::KeyServer;

/// A running service. It is stopped when dropped, and must then end without an error.
pub struct Service {
    /// The address of `listen`.
    pub checks: ListenAddr,
    /// The address of `admin_listen`.
    pub admin: SocketAddr,
    /// The address of `probe_listen`.
    pub probes: Option<SocketAddr>,
    reloader: Reloader,
    speaks_tls: bool,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), RunError>>>,
}

/// `issuers` with one entry: its issuer is the URL of the server, its keys are at `/keys`. `lines` are added to the entry.
pub fn issuer_at(server: &KeyServer, lines: &str) -> String {
    let (issuer, uri) = (server.url(""), server.url("/keys"));
    let mut entry = format!(
        "issuers:\n  - issuer: {issuer}\n    audiences: [api.test]\n    jwks: {{ uri: '{uri}' }}\n"
    );
    for line in lines.lines() {
        entry.push_str(&format!("    {}\n", line.trim_start_matches("    ")));
    }
    entry
}

/// An element of `issuers` with inline keys. `lines` are added to it.
pub fn inline_issuer(issuer: &str, keys: &str, lines: &str) -> String {
    let mut entry = format!(
        "  - issuer: {issuer}\n    audiences: [api.test]\n    jwks: {{ inline: '{keys}' }}\n"
    );
    for line in lines.lines() {
        entry.push_str(&format!("    {line}\n"));
    }
    entry
}

/// The settings of a configuration. Unless it sets them, the ports are free ones, and the drain does not wait for clients.
pub fn settings(configuration: &str) -> Settings {
    let mut text = String::new();
    for (key, value) in [
        ("listen:", "127.0.0.1:0"),
        ("admin_listen:", "127.0.0.1:0"),
        ("drain:", "10ms"),
    ] {
        if !configuration.lines().any(|line| line.starts_with(key)) {
            text.push_str(&format!("{key} {value}\n"));
        }
    }
    text.push_str(configuration);
    let read = load::read(&text, &|_| None);
    let (document, locations) = read.unwrap_or_else(|wrong| panic!("{wrong:#?}\n{text}"));
    let resolved = resolve::resolve(&document, locations);
    resolved
        .unwrap_or_else(|wrong| panic!("{wrong:#?}\n{text}"))
        .settings
}

// === impl Service ===

impl Service {
    /// Starts the service. Its ports are open; its keys may not be fetched yet.
    pub fn start(configuration: &str) -> Service {
        Service::start_with(Telemetry::default(), configuration)
    }

    /// The same with this log and these traces.
    pub fn start_with(telemetry: Telemetry, configuration: &str) -> Service {
        let settings = settings(configuration);
        let speaks_tls = settings.tls.is_some();
        let app = App::build_with(settings, telemetry).expect("can start");
        let tcp = |address| match address {
            ListenAddr::Tcp(address) => address,
            ListenAddr::Unix(path) => panic!("not configured: {}", path.display()),
        };
        let (checks, admin) = (app.check_addr(), tcp(app.admin_addr()));
        let (probes, reloader) = (app.probe_addr().map(tcp), app.reloader());
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(app.run(async {
                let _ = stopped.await;
            }))
        });
        Service {
            checks,
            admin,
            probes,
            reloader,
            speaks_tls,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Starts the service and waits until it is ready.
    pub async fn ready(configuration: &str) -> Service {
        Service::ready_with(Telemetry::default(), configuration).await
    }

    /// The same with this log and these traces.
    pub async fn ready_with(telemetry: Telemetry, configuration: &str) -> Service {
        let service = Service::start_with(telemetry, configuration);
        match &service.checks {
            ListenAddr::Tcp(_) if !service.speaks_tls => {
                service.until(ServingStatus::Serving).await;
            }
            _ => {
                eventually("/readyz answers 200", async || {
                    let (status, _) = get(service.admin, "localhost", "/readyz").await;
                    (status == 200).then_some(())
                })
                .await;
            }
        }
        service
    }

    /// Puts another configuration into force.
    pub async fn reload(&self, configuration: &str) {
        assert_eq!(self.try_reload(configuration).await, Reloaded::Applied);
    }

    /// Tries another configuration, which must not come into force.
    pub async fn reload_rejected(&self, configuration: &str) {
        assert_eq!(self.try_reload(configuration).await, Reloaded::Rejected);
    }

    /// Sends another configuration, and waits for the result.
    pub async fn try_reload(&self, configuration: &str) -> Reloaded {
        self.reloader.reload(settings(configuration)).await
    }

    /// The service as Envoy's configuration names it.
    pub fn target(&self) -> AuthzTarget {
        match &self.checks {
            ListenAddr::Tcp(address) => AuthzTarget::Tcp(*address),
            ListenAddr::Unix(path) => AuthzTarget::Unix(path.clone()),
        }
    }

    /// Waits until the gRPC health service reports this status for checks.
    pub async fn until(&self, wanted: ServingStatus) {
        let result = async {
            let mut health = HealthClient::new(channel(self.checks_tcp()).await);
            let request = HealthCheckRequest {
                service: "envoy.service.auth.v3.Authorization".to_owned(),
            };
            let mut statuses = health
                .watch(request)
                .await
                .expect("health is served")
                .into_inner();
            while let Some(HealthCheckResponse { status }) = statuses.message().await.unwrap() {
                if status == wanted as i32 {
                    return;
                }
            }
            panic!("the watch has ended");
        };
        within(&format!("health is {wanted:?}"), result).await;
    }

    /// The TCP address of `listen`.
    pub fn checks_tcp(&self) -> SocketAddr {
        match &self.checks {
            ListenAddr::Tcp(address) => *address,
            ListenAddr::Unix(path) => panic!("listens on {}", path.display()),
        }
    }

    /// Opens a connection for checks.
    pub async fn envoy(&self) -> Envoy {
        Envoy::at(self.checks_tcp()).await
    }

    /// Opens a connection to the admin API.
    pub async fn admin(&self) -> AdminClient<Channel> {
        AdminClient::new(channel(self.admin).await)
    }

    /// Calls `RefreshKeys` for all issuers.
    pub async fn refresh_keys(&self) -> Vec<pb::Issuer> {
        let mut admin = self.admin().await;
        let refreshing = admin.refresh_keys(pb::RefreshKeysRequest::default());
        let refreshed = within("the keys are refreshed", refreshing).await;
        refreshed.expect("is served").into_inner().issuers
    }

    /// Calls `ListIssuers`.
    pub async fn issuers(&self) -> Vec<pb::Issuer> {
        let mut admin = self.admin().await;
        let listed = admin.list_issuers(pb::ListIssuersRequest {}).await;
        listed.expect("is served").into_inner().issuers
    }

    /// One check on a connection of its own.
    pub async fn check(&self, request: impl Into<CheckRequest>) -> Answer {
        self.envoy().await.check(request).await
    }

    /// Starts the drain, as SIGTERM does.
    pub fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// Waits for the end of the service after [`Service::stop`].
    pub async fn ended(mut self) -> Result<(), RunError> {
        let thread = self.thread.take().expect("runs");
        let joined = tokio::task::spawn_blocking(move || thread.join());
        let ended = within("the service ends", joined).await.expect("is joined");
        ended.expect("does not panic")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            assert!(matches!(ended, None | Some(Ok(Ok(())))), "{ended:?}");
        }
    }
}
