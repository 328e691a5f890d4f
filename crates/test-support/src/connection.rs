//! A connection for checks: a gRPC client of the service, as each Envoy worker has one.

use std::net::SocketAddr;
use std::time::Duration;

use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse};
use tonic::transport::{Channel, Endpoint};

use crate::answer::Answer;
use crate::eventually::within;

/// One connection to the service, like that of one Envoy worker.
#[derive(Clone)]
pub struct Envoy(AuthorizationClient<Channel>);

impl Envoy {
    /// Opens a connection to the service at this address.
    pub async fn at(address: SocketAddr) -> Envoy {
        Envoy(AuthorizationClient::new(channel(address).await))
    }

    /// One check with a `grpc-timeout` of one minute.
    pub async fn check(&self, request: impl Into<CheckRequest>) -> Answer {
        self.check_within(request, Duration::from_secs(60)).await
    }

    /// One check with a `traceparent` in its metadata, as Envoy's tracing sends it.
    pub async fn check_in_trace(
        &self,
        request: impl Into<CheckRequest>,
        traceparent: &str,
    ) -> Answer {
        let mut call = tonic::Request::new(request.into());
        let traceparent = traceparent.parse().expect("is ASCII");
        call.metadata_mut().insert("traceparent", traceparent);
        let answered = within(
            "the check is answered",
            Box::pin(self.0.clone().check(call)),
        )
        .await;
        Answer::of(answered.expect("never a gRPC error").into_inner())
    }

    /// One check with this `grpc-timeout`, which does not limit how long this client waits.
    pub async fn check_within(
        &self,
        request: impl Into<CheckRequest>,
        patience: Duration,
    ) -> Answer {
        Answer::of(Box::pin(self.respond_within(request, patience)).await)
    }

    /// The same for a service that can leave the decision to Envoy.
    pub async fn check_or_be_left(
        &self,
        request: impl Into<CheckRequest>,
        patience: Duration,
    ) -> Answer {
        Answer::of_any(Box::pin(self.respond_within(request, patience)).await)
    }

    async fn respond_within(
        &self,
        request: impl Into<CheckRequest>,
        patience: Duration,
    ) -> CheckResponse {
        let mut call = tonic::Request::new(request.into());
        // Not `set_timeout`: that would also end the call on this side.
        let timeout = format!("{}m", patience.as_millis());
        call.metadata_mut()
            .insert("grpc-timeout", timeout.parse().expect("is ASCII"));
        let answered = within(
            "the check is answered",
            Box::pin(self.0.clone().check(call)),
        )
        .await;
        answered.expect("never a gRPC error").into_inner()
    }
}

/// Opens a gRPC connection.
pub async fn channel(address: SocketAddr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("is an address");
    endpoint.connect().await.expect("is served")
}
