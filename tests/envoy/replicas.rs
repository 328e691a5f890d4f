//! Two replicas behind one Envoy are stopped, started and killed under load: no request is lost.

use std::net::SocketAddr;

use super::support::config::acme;
use super::support::load::Load;
use super::support::replica::Replica;
use accredit_test_support::bootstrap::{AuthzTarget, Bootstrap};
use accredit_test_support::client::RawRequest;
use accredit_test_support::envoy::EnvoyProcess;
use accredit_test_support::eventually::eventually;
use accredit_test_support::ports::free_address;
use accredit_test_support::upstream::EchoUpstream;

/// Envoy with two endpoints, as a headless Kubernetes Service would give it, and its admin port.
struct Edge {
    envoy: EnvoyProcess,
    admin: SocketAddr,
    replicas: [Replica; 2],
    _upstream: EchoUpstream,
    _folder: tempfile::TempDir,
}

impl Edge {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let yaml = format!("drain: 3s\n{}", acme(&[]));
        let replicas = [
            Replica::start(folder.path(), "one", &yaml).await,
            Replica::start(folder.path(), "two", &yaml).await,
        ];
        let upstream = EchoUpstream::start().await;
        let admin = free_address();
        let [one, two] = replicas
            .each_ref()
            .map(|replica| endpoint(replica.address()));
        let mut bootstrap =
            Bootstrap::new(AuthzTarget::Tcp(replicas[0].address()), upstream.address());
        bootstrap = bootstrap.change(
            "\nstatic_resources:",
            &format!("\n{}\nstatic_resources:", admin_block(admin)),
        );
        let text = bootstrap.render();
        assert_eq!(text.matches(&one).count(), 1);
        let text = text.replace(&one, &format!("{one}{two}"));
        Self {
            envoy: EnvoyProcess::start_with(&text, bootstrap.listener).await,
            admin,
            replicas,
            _upstream: upstream,
            _folder: folder,
        }
    }

    /// Waits until Envoy considers a replica healthy, or unhealthy.
    async fn considers_healthy(&self, replica: usize, healthy: bool) {
        let address = self.replicas[replica].address();
        let flags = format!("accredit::{address}::health_flags::");
        eventually("Envoy's health check has the result", async || {
            let answer = RawRequest::get("/clusters").send(self.admin).await.text();
            let line = answer.lines().find(|line| line.starts_with(&flags));
            (line.unwrap().ends_with("::healthy") == healthy).then_some(())
        })
        .await;
    }
}

fn admin_block(of: SocketAddr) -> String {
    format!("admin: {{ {} }}", address(of))
}

fn address(address: SocketAddr) -> String {
    format!(
        "address: {{ socket_address: {{ address: {}, port_value: {} }} }}",
        address.ip(),
        address.port()
    )
}

fn endpoint(of: SocketAddr) -> String {
    format!(
        "              - endpoint:\n                  {}\n",
        address(of)
    )
}

#[tokio::test]
async fn a_rolling_restart_loses_no_request() {
    let mut edge = Edge::start().await;
    let mut load = Load::start(edge.envoy.address()).await;
    load.admits(100).await;
    for replica in [0, 1] {
        load.admits_while(edge.considers_healthy(1 - replica, true))
            .await;
        edge.replicas[replica].signal("TERM").await;
        // Envoy stops using it before it ends.
        load.admits_while(edge.considers_healthy(replica, false))
            .await;
        let ended = load.admits_while(edge.replicas[replica].exit_code()).await;
        assert_eq!(ended, Some(0));
        load.admits(100).await;
        load.admits_while(edge.replicas[replica].restart()).await;
        load.admits_while(edge.considers_healthy(replica, true))
            .await;
        load.admits(100).await;
    }
}

#[tokio::test]
async fn a_killed_replica_causes_no_lost_request() {
    let mut edge = Edge::start().await;
    let mut load = Load::start(edge.envoy.address()).await;
    for replica in [0, 1, 0, 1] {
        load.admits_while(edge.considers_healthy(1 - replica, true))
            .await;
        load.admits(50).await;
        edge.replicas[replica].signal("KILL").await;
        let ended = load.admits_while(edge.replicas[replica].exit_code()).await;
        assert_eq!(ended, None);
        // Before Envoy has noticed, and after.
        load.admits_while(edge.considers_healthy(replica, false))
            .await;
        load.admits(50).await;
        load.admits_while(edge.replicas[replica].restart()).await;
        load.admits_while(edge.considers_healthy(replica, true))
            .await;
    }
}
