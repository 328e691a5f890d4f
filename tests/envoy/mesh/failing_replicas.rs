//! One of two replicas is killed or frozen under load, behind each shipped configuration: few requests fail, and then none.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::support::config::acme;
use crate::support::load::Load;
use crate::support::replica::Replica;
use accredit_test_support::bootstrap::{AuthzTarget, Bootstrap};
use accredit_test_support::envoy::EnvoyProcess;
use accredit_test_support::upstream::EchoUpstream;

use super::generated::Generated;

/// How many requests may fail until Envoy has removed the replica, where Envoy retries a failed check.
const MAX_FAILED: usize = 80;

/// The same for a proxy without retries. Until it has removed the replica, which takes two hops between its threads, it fails half of
/// the requests. On a busy machine these hops are long.
const MAX_FAILED_WITHOUT_RETRIES: usize = 1000;

/// How many answers in a row each client gets once the failures have ended.
const IN_A_ROW: usize = 100;

#[tokio::test]
async fn behind_the_plain_envoy_few_requests_fail() {
    failures_end(MAX_FAILED, async |accredit, upstream| {
        let [one, two] = accredit.map(endpoint);
        let bootstrap = Bootstrap::new(AuthzTarget::Tcp(accredit[0]), upstream);
        let text = bootstrap.render();
        assert_eq!(text.matches(&one).count(), 1);
        let text = text.replace(&one, &format!("{one}{two}"));
        EnvoyProcess::start_with(&text, bootstrap.listener).await
    })
    .await;
}

#[tokio::test]
async fn behind_an_istio_gateway_few_requests_fail() {
    let settings = destination_rule();
    failures_end(MAX_FAILED_WITHOUT_RETRIES, async |accredit, upstream| {
        let generated = Generated::read("istio", "gateway").at(&accredit, upstream);
        generated
            .cluster(|cluster| cluster.extend(settings.clone()))
            .start()
            .await
    })
    .await;
}

/// The component istio-strict: three retries, and changes of the endpoints without delay.
#[tokio::test]
async fn behind_an_istio_gateway_with_strict_settings_few_requests_fail() {
    let component = "components/istio-strict/envoy-filter.yaml";
    shipped(
        component,
        &[
            "num_retries: 3",
            "common_lb_config: { update_merge_window: 0s }",
        ],
    );
    let mut settings = destination_rule();
    settings.insert(
        "common_lb_config".to_owned(),
        json!({ "healthy_panic_threshold": {}, "update_merge_window": "0s" }),
    );
    failures_end(MAX_FAILED, async |accredit, upstream| {
        let generated = Generated::read("istio", "gateway-envoy-filter").at(&accredit, upstream);
        let generated = generated.check(|check| {
            check["grpc_service"]["retry_policy"]["num_retries"] = 3.into();
        });
        generated
            .cluster(|cluster| cluster.extend(settings.clone()))
            .start()
            .await
    })
    .await;
}

#[tokio::test]
async fn behind_envoy_gateway_few_requests_fail() {
    failures_end(MAX_FAILED, async |accredit, upstream| {
        let generated = Generated::read("envoy-gateway", "retry3-passive").at(&accredit, upstream);
        // The overlay differs from the generated file in this value.
        shipped(
            "overlays/envoy-gateway/security-policy.yaml",
            &["maxEjectionPercent: 50"],
        );
        let most = |cluster: &mut Map<String, Value>| {
            cluster["outlier_detection"]["max_ejection_percent"] = 50.into();
        };
        generated.cluster(most).start().await
    })
    .await;
}

/// What istiod makes of the DestinationRule of the overlay, for a mesh without certificates.
fn destination_rule() -> Map<String, Value> {
    shipped(
        "overlays/istio/destination-rule.yaml",
        &[
            "consecutive5xxErrors: 2",
            "consecutiveGatewayErrors: 2",
            "interval: 1s",
            "baseEjectionTime: 30s",
            "maxEjectionPercent: 50",
            "connectTimeout: 500ms",
            "simple: LEAST_REQUEST",
        ],
    );
    let Value::Object(settings) = json!({
        "connect_timeout": "0.5s",
        "lb_policy": "LEAST_REQUEST",
        "outlier_detection": {
            "consecutive_5xx": 2,
            "enforcing_consecutive_5xx": 100,
            "consecutive_gateway_failure": 2,
            "enforcing_consecutive_gateway_failure": 100,
            "enforcing_success_rate": 0,
            "interval": "1s",
            "base_ejection_time": "30s",
            "max_ejection_percent": 50,
        },
    }) else {
        unreachable!("it is a mapping")
    };
    settings
}

/// The manifest has these lines.
fn shipped(manifest: &str, lines: &[&str]) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy/kubernetes")
        .join(manifest);
    let text = std::fs::read_to_string(file).unwrap();
    for line in lines {
        assert!(
            text.lines().any(|own| own.trim() == *line),
            "{manifest}: {line}"
        );
    }
}

fn endpoint(of: SocketAddr) -> String {
    let address = format!("address: {}, port_value: {}", of.ip(), of.port());
    format!(
        "              - endpoint:\n                  address: {{ socket_address: {{ {address} }} }}\n"
    )
}

async fn failures_end(
    max_failed: usize,
    edge: impl AsyncFn([SocketAddr; 2], SocketAddr) -> EnvoyProcess,
) {
    for signal in ["KILL", "STOP"] {
        let folder = tempfile::tempdir().unwrap();
        let yaml = acme(&[]);
        let replicas = [
            Replica::start(folder.path(), "one", &yaml).await,
            Replica::start(folder.path(), "two", &yaml).await,
        ];
        let upstream = EchoUpstream::start().await;
        let addresses = replicas.each_ref().map(Replica::address);
        let envoy = edge(addresses, upstream.address()).await;
        let started = Instant::now();
        let mut load = Load::start(envoy.address()).await;
        // Envoy applies changes of its endpoints at most once per second, and the first of them is its start.
        while started.elapsed() < Duration::from_secs(2) {
            load.admits(50).await;
        }
        replicas[1].signal(signal).await;
        let failed = load.failures_until_they_end(IN_A_ROW, max_failed).await;
        println!("{signal}: {failed} requests failed");
        assert!(
            failed <= max_failed,
            "{signal}: more than {max_failed} failed"
        );
    }
}
