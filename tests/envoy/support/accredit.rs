//! The true service, built from YAML as `accredit serve` builds it, on a thread and a runtime of its own.

use std::net::SocketAddr;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use accredit::app::reload::{Reloaded, Reloader};
use accredit::app::run::{App, Telemetry};
use accredit_core::config::listen_addr::ListenAddr;
use accredit_core::config::load;
use accredit_core::config::resolve::resolve;
use tokio::sync::oneshot;

use super::bootstrap::AuthzTarget;
use super::client::RawRequest;

const LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);

/// A running service. It is stopped when dropped, and must then end well.
pub(crate) struct Accredit {
    checks: ListenAddr,
    admin: SocketAddr,
    reloader: Reloader,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), String>>>,
}

impl Accredit {
    /// Starts it with this configuration, whose addresses are added, and waits until it is ready.
    pub(crate) async fn start(yaml: &str) -> Self {
        Self::start_at("127.0.0.1:0", yaml).await
    }

    /// The same, listening for checks there.
    pub(crate) async fn start_at(listen: &str, yaml: &str) -> Self {
        let accredit = Self::launch(listen, yaml, Telemetry::default());
        accredit.wait_until_ready().await;
        accredit
    }

    /// The same, on a port, telling like this of what happens.
    pub(crate) async fn start_telling(telemetry: Telemetry, yaml: &str) -> Self {
        let accredit = Self::launch("127.0.0.1:0", yaml, telemetry);
        accredit.wait_until_ready().await;
        accredit
    }

    /// What Envoy is to ask.
    pub(crate) fn target(&self) -> AuthzTarget {
        match &self.checks {
            ListenAddr::Tcp(address) => AuthzTarget::Tcp(*address),
            ListenAddr::Unix(path) => AuthzTarget::Unix(path.clone()),
        }
    }

    /// Puts another configuration in force.
    pub(crate) async fn reload(&self, yaml: &str) {
        let yaml = format!("listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n{yaml}");
        let (document, locations) = load::read(&yaml, &|_| None).unwrap();
        let settings = resolve(&document, locations).unwrap().settings;
        assert_eq!(self.reloader.reload(settings).await, Reloaded::Applied);
    }

    /// Where checks are answered, which is a port.
    pub(crate) fn address(&self) -> SocketAddr {
        match self.checks {
            ListenAddr::Tcp(address) => address,
            ListenAddr::Unix(_) => panic!("a unix socket has no port"),
        }
    }

    fn launch(listen: &str, yaml: &str, telemetry: Telemetry) -> Self {
        // Does not wait for Envoy's last connections.
        let yaml = format!("listen: {listen}\nadmin_listen: 127.0.0.1:0\ndrain: 10ms\n{yaml}");
        let (document, locations) = load::read(&yaml, &|_| None).unwrap();
        let settings = resolve(&document, locations).unwrap().settings;
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let app =
                    App::build_with(settings, telemetry).map_err(|error| error.to_string())?;
                tell.send((app.check_addr(), app.admin_addr(), app.reloader()))
                    .unwrap();
                let stopped = async {
                    let _ = stopped.await;
                };
                app.run(stopped).await.map_err(|error| error.to_string())
            })
        });
        let (checks, admin, reloader) = told.recv().expect("the service starts");
        let ListenAddr::Tcp(admin) = admin else {
            panic!("the admin port is one of TCP");
        };
        Self {
            checks,
            admin,
            reloader,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    async fn wait_until_ready(&self) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let readyz = RawRequest::get("/readyz").host(Some(b"localhost"));
            let answer = readyz.send(self.admin).await;
            if answer.status == 200 {
                return;
            }
            assert!(Instant::now() < deadline, "not ready: {}", answer.text());
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Drop for Accredit {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        if !thread::panicking() {
            assert!(matches!(ended, Some(Ok(Ok(())))), "{ended:?}");
        }
    }
}
