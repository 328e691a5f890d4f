//! The outermost layer of `Check`: whatever goes wrong with a call, its answer is a refusal.
//!
//! A gRPC error, a late answer or a broken call are failures to Envoy, and with `failure_mode_allow: true` a
//! failure is an admission. So there is no way out of here but a `CheckResponse` with a status that says.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
use futures_util::FutureExt as _;
use http::{Request, Response};
use http_body::Body;
use tokio::time::Instant;

use crate::authz::denial::Denial;
use crate::envoy::grpc::{self, CallError, UnaryBody};
use crate::envoy::in_flight::{InFlight, Permit};
use crate::envoy::service::{CheckService, Decide};

/// The path of the one method.
pub const CHECK_PATH: &str = "/envoy.service.auth.v3.Authorization/Check";

/// A call's message must have arrived within this.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(1);

/// Answers every call of `Check`.
#[derive(Debug)]
pub struct FailClosed<D> {
    service: Arc<CheckService<D>>,
    in_flight: InFlight,
}

impl<D> Clone for FailClosed<D> {
    fn clone(&self) -> Self {
        FailClosed {
            service: self.service.clone(),
            in_flight: self.in_flight.clone(),
        }
    }
}

impl<D: Decide> FailClosed<D> {
    /// Answers calls by that service, so many at once.
    pub fn new(service: Arc<CheckService<D>>, in_flight: InFlight) -> FailClosed<D> {
        FailClosed { service, in_flight }
    }

    /// Answers a call.
    pub async fn call<B>(&self, call: Request<B>) -> Response<UnaryBody>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let Some(permit) = self.in_flight.enter() else {
            return grpc::answer(&self.service.refuse(Denial::Overloaded));
        };
        let answering = AssertUnwindSafe(self.answer(call, &permit)).catch_unwind();
        let answer = answering
            .await
            .unwrap_or_else(|_| self.service.refuse(Denial::Internal));
        grpc::answer(&answer)
    }

    async fn answer<B>(&self, call: Request<B>, permit: &Permit) -> CheckResponse
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let arrived = Instant::now();
        let patience = grpc::timeout(call.headers());
        match tokio::time::timeout_at(
            arrived + MESSAGE_TIMEOUT,
            grpc::read_message(call.into_body()),
        )
        .await
        {
            Ok(Ok(message)) => self.service.check(message, arrived, patience, permit).await,
            Ok(Err(CallError::Compressed | CallError::TooLarge)) => {
                self.service.refuse(Denial::InvalidRequest)
            }
            Ok(Err(CallError::Incomplete)) | Err(_) => self.service.refuse(Denial::Internal),
        }
    }
}
