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

use crate::authz::denial::{Denial, Unreadable};
use crate::authz::ongoing::Ongoing;
use crate::envoy::current::Current;
use crate::envoy::grpc::{self, CallError, UnaryBody};
use crate::envoy::in_flight::{InFlight, Permit};
use crate::envoy::service::{CheckService, Decide};
use crate::envoy::trace_context;

/// The path of the one method.
pub const CHECK_PATH: &str = "/envoy.service.auth.v3.Authorization/Check";

/// A call's message must have arrived within this.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(1);

/// Answers every call of `Check`.
#[derive(Debug)]
pub struct FailClosed<D> {
    current: Arc<Current<D>>,
    in_flight: InFlight,
}

impl<D> Clone for FailClosed<D> {
    fn clone(&self) -> Self {
        FailClosed {
            current: self.current.clone(),
            in_flight: self.in_flight.clone(),
        }
    }
}

impl<D: Decide> FailClosed<D> {
    /// Answers calls by the service in force, so many at once.
    pub fn new(current: Arc<Current<D>>, in_flight: InFlight) -> FailClosed<D> {
        FailClosed { current, in_flight }
    }

    /// Answers a call that arrived then.
    pub async fn call<B>(&self, call: Request<B>, arrived: Instant) -> Response<UnaryBody>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        // One configuration for the whole check, whatever is put in force meanwhile.
        let service = self.current.load();
        let traces = &service.observer().traces;
        let caller = traces
            .is_on()
            .then(|| trace_context::of_call(call.headers()));
        let ongoing = Ongoing::new(arrived, caller.flatten());
        let Some(permit) = self.in_flight.enter() else {
            return grpc::answer(&service.refuse(Denial::Overloaded, &ongoing));
        };
        let answering = AssertUnwindSafe(answer(&service, call, &ongoing, &permit)).catch_unwind();
        let answer = answering
            .await
            .unwrap_or_else(|_| service.refuse(Denial::Internal, &ongoing));
        grpc::answer(&answer)
    }
}

async fn answer<D, B>(
    service: &CheckService<D>,
    call: Request<B>,
    ongoing: &Ongoing,
    permit: &Permit,
) -> CheckResponse
where
    D: Decide,
    B: Body<Data = Bytes> + Unpin,
{
    let patience = grpc::timeout(call.headers());
    let limit = patience.map_or(MESSAGE_TIMEOUT, |patience| patience.min(MESSAGE_TIMEOUT));
    let reading = grpc::read_message(call.into_body());
    match tokio::time::timeout_at(ongoing.arrived + limit, reading).await {
        // Nobody waits for this answer any more: a busy process works for those who still do.
        Ok(Ok(_)) if ongoing.arrived.elapsed() >= limit => {
            service.refuse(Denial::Internal, ongoing)
        }
        Ok(Ok(message)) => service.check(message, ongoing, patience, permit).await,
        Ok(Err(CallError::Compressed | CallError::TooLarge)) => {
            service.refuse(Denial::InvalidRequest(Unreadable::Message), ongoing)
        }
        Ok(Err(CallError::Incomplete)) | Err(_) => service.refuse(Denial::Internal, ongoing),
    }
}
