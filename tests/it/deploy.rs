//! The manifests of deploy/kubernetes and the service: its probes, requested as the manifest configures kubelet.

use std::net::SocketAddr;
use std::path::Path;

use accredit_core::config::listen_addr::ListenAddr;
use accredit_core::config::problem::Problems;
use accredit_core::config::yaml::read::read;
use accredit_core::config::yaml::tree::{YamlNode, YamlValue};
use accredit_core::config::{load, resolve};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::support::connection::channel;
use super::support::http_get::get;
use super::support::keys::{rsa, set};
use super::support::service::{Service, inline_issuer};

fn text(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kubernetes");
    std::fs::read_to_string(folder.join(file)).expect("is there")
}

/// The value at these names; a number picks from a list.
fn at<'a>(node: &'a YamlNode, path: &str) -> Option<&'a YamlNode> {
    path.split('/')
        .try_fold(node, |node, name| match &node.value {
            YamlValue::Mapping(members) => members
                .iter()
                .find_map(|(key, member)| (key.name == name).then_some(member)),
            YamlValue::Sequence(items) => items.get(name.parse::<usize>().ok()?),
            _ => None,
        })
}

fn word<'a>(node: &'a YamlNode, path: &str) -> &'a str {
    match at(node, path).map(|node| &node.value) {
        Some(YamlValue::String(word)) => word,
        _ => panic!("there is no text at {path}"),
    }
}

/// The container of accredit, as the base has it.
fn container() -> YamlNode {
    let deployment = read(&text("base/deployment.yaml"), &mut Problems::default());
    let deployment = deployment.expect("is YAML");
    let container = at(&deployment, "spec/template/spec/containers/0").expect("has a container");
    assert_eq!(word(container, "name"), "accredit");
    container.clone()
}

fn port(container: &YamlNode, probe: &str) -> i64 {
    let port = at(container, &format!("{probe}/port")).expect("has a port");
    match &port.value {
        YamlValue::Integer(number) => *number,
        YamlValue::String(name) => (0..)
            .map_while(|index| at(container, &format!("ports/{index}")))
            .find(|port| word(port, "name") == name)
            .map(|port| &at(port, "containerPort").expect("has a number").value)
            .map(|value| match value {
                YamlValue::Integer(number) => *number,
                _ => panic!("{name} is no number"),
            })
            .expect("is among the ports"),
        _ => panic!("{probe} has no port"),
    }
}

/// The ports of a configuration: of checks, and of probes.
fn ports(configuration: &str) -> (ListenAddr, Option<ListenAddr>) {
    let (document, locations) = load::read(configuration, &|_| None).expect("can be read");
    let resolved = resolve::resolve(&document, locations).expect("has a meaning");
    assert!(resolved.settings.issuers.len() == 1);
    (resolved.settings.listen, resolved.settings.probe_listen)
}

fn tcp(address: &ListenAddr) -> SocketAddr {
    match address {
        ListenAddr::Tcp(address) => *address,
        ListenAddr::Unix(path) => panic!("listens on {}", path.display()),
    }
}

#[test]
fn kubernetes_probes_use_the_ports_of_the_configuration() {
    let container = container();
    let (checks, probes) = ports(&text("base/accredit.yaml"));
    assert_eq!(
        port(&container, "readinessProbe/grpc"),
        i64::from(tcp(&checks).port())
    );
    let probes = tcp(&probes.expect("is configured"));
    assert_eq!(
        port(&container, "livenessProbe/httpGet"),
        i64::from(probes.port())
    );
    // Kubelet comes over the pod's network, so neither may be on loopback.
    assert!(tcp(&checks).ip().is_unspecified() && probes.ip().is_unspecified());
}

#[test]
fn the_sidecar_listens_on_a_unix_socket_only() {
    let (checks, probes) = ports(&text("overlays/sidecar/accredit.yaml"));
    assert_eq!(checks.to_string(), "unix:/run/accredit/accredit.sock");
    assert_eq!(tcp(&probes.expect("is configured")).port(), 9194);
}

#[tokio::test]
async fn kubernetes_probes_are_answered() {
    let container = container();
    let issuer = inline_issuer("https://issuer.test", &set([rsa(0).jwk("k")]), "");
    let service = Service::ready(&format!("probe_listen: 127.0.0.1:0\nissuers:\n{issuer}")).await;

    let mut health = HealthClient::new(channel(service.checks_tcp()).await);
    let request = HealthCheckRequest {
        service: word(&container, "readinessProbe/grpc/service").to_owned(),
    };
    let answer = health.check(request).await.expect("is known").into_inner();
    assert_eq!(answer.status, ServingStatus::Serving as i32);

    let probes = service.probes.expect("is configured");
    let path = word(&container, "livenessProbe/httpGet/path");
    // Kubelet names the pod's address as the host.
    let (status, body) = get(probes, "10.0.0.7:9194", path).await;
    assert_eq!(status, 200, "{body}");
}
