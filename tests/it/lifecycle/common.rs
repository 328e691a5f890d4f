//! What these tests share.

use serde_json::Value;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::support::connection::channel;
use crate::support::http_get::get;
use crate::support::keys::{rsa, set};
use crate::support::service::{Service, inline_issuer};

pub(super) const ISSUER: &str = "https://issuer.test";

pub(super) fn keys() -> String {
    set([rsa(0).jwk("k")])
}

pub(super) fn inline() -> String {
    format!("issuers:\n{}", inline_issuer(ISSUER, &keys(), ""))
}

/// The health of that service, as a port tells it; a gRPC code where it does not.
pub(super) async fn health(address: std::net::SocketAddr, service: &str) -> Result<i32, Code> {
    let mut client = HealthClient::new(channel(address).await);
    let service = service.to_owned();
    match client.check(HealthCheckRequest { service }).await {
        Ok(answer) => Ok(answer.into_inner().status),
        Err(status) => Err(status.code()),
    }
}

pub(super) async fn assert_readiness(service: &Service, ready: bool) -> Value {
    let mut result = Value::Null;
    for address in [service.admin, service.probes.expect("is configured")] {
        let (status, body) = get(address, "localhost", "/readyz").await;
        assert_eq!(status, if ready { 200 } else { 503 }, "{body}");
        result = serde_json::from_str(&body).expect("is JSON");
        assert_eq!(result["ready"], ready);
        assert_eq!(get(address, "localhost", "/livez").await.0, 200);
    }
    let expected = if ready {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    };
    for name in ["", "envoy.service.auth.v3.Authorization"] {
        assert_eq!(
            health(service.checks_tcp(), name).await,
            Ok(expected as i32),
            "{name:?}"
        );
    }
    result
}
