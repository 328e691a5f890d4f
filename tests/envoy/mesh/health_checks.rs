//! Active health checks of Envoy Gateway: those that work, and the one that HTTP/2 refuses.

use serde_json::json;

use crate::support::config::{ACME, KID, acme};
use crate::support::logs::logs;
use accredit_test_support::client::RawRequest;
use accredit_test_support::eventually::eventually;
use accredit_test_support::keys::rsa;
use accredit_test_support::ports::free_address;
use accredit_test_support::service::Service;
use accredit_test_support::token::Token;
use accredit_test_support::upstream::EchoUpstream;

use super::generated::Generated;

/// CONTRACT 6.1.1a, 6.5.4: the health check has the name of the cluster as its `:authority`.
#[tokio::test]
async fn a_grpc_health_check_of_envoy_gateway_fails_and_the_log_says_why() {
    let logs = logs();
    let accredit = Service::ready(&acme(&[])).await;
    let upstream = EchoUpstream::start().await;
    let generated = Generated::read("envoy-gateway", "hc-grpc");
    let envoy = generated.at(&[accredit.checks_tcp()], upstream.address());
    let envoy = envoy.start().await;

    let warning = eventually("accredit logs the warning", async || {
        let lines = logs.lines_with("HTTP/2 refused a request as malformed");
        lines.first().cloned()
    })
    .await;
    assert!(
        warning.contains("WARN") && warning.contains(":authority"),
        "{warning}"
    );
    assert!(warning.contains("health check"), "{warning}");

    let token = Token::of_client(ACME, KID).signed(rsa(0));
    let answer = RawRequest::get("/")
        .bearer(&token)
        .send(envoy.address())
        .await;
    assert_eq!((answer.status, &*answer.text()), (503, ""));
}

/// The checks that docs/envoy-gateway.md recommends: `/readyz` on the probe port, and a TCP connection.
#[tokio::test]
async fn health_checks_over_http_and_tcp_find_accredit_healthy() {
    let probes = free_address();
    let accredit = Service::ready(&format!("probe_listen: {probes}\n{}", acme(&[]))).await;
    let upstream = EchoUpstream::start().await;
    let token = Token::of_client(ACME, KID).signed(rsa(0));
    for (kind, port) in [
        (
            json!({ "http_health_check": { "host": "accredit", "path": "/readyz" } }),
            probes.port(),
        ),
        (
            json!({ "tcp_health_check": {} }),
            accredit.checks_tcp().port(),
        ),
    ] {
        let generated = Generated::read("envoy-gateway", "hc-grpc");
        let generated = generated.at(&[accredit.checks_tcp()], upstream.address());
        let generated = generated.cluster(|cluster| {
            let check = &mut cluster["health_checks"][0];
            check.as_object_mut().unwrap().remove("grpc_health_check");
            for (name, settings) in kind.as_object().unwrap() {
                check[name] = settings.clone();
            }
            let endpoint =
                &mut cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
            endpoint["health_check_config"] = json!({ "port_value": port });
        });
        let envoy = generated.start().await;
        let request = RawRequest::get("/").bearer(&token);
        eventually(&format!("a request is admitted with {kind}"), async || {
            let answer = request.clone().send(envoy.address()).await;
            (answer.status == 200).then_some(())
        })
        .await;
    }
}
