//! The outermost layer of `Check`: if anything goes wrong with a call, its answer is a denial (CONTRACT 4.6.5).
//!
//! Envoy counts a gRPC error, a late answer or a broken call as a failed check, and `failure_mode_allow: true` turns a failed
//! check into an admission. So every path through this file ends in a `CheckResponse` with a status.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use accredit_core::authz::denial::{Denial, InvalidRequest};
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, Response};
use http_body::Body;
use tokio::time::Instant;

use crate::envoy::current::Current;
use crate::envoy::grpc::{self, CallError, ReceivedMessage, UnaryBody};
use crate::envoy::in_flight::{InFlight, Permit};
use crate::envoy::judge::Judge;
use crate::envoy::message_budget::MessageBudget;
use crate::envoy::response::CheckAnswer;
use crate::envoy::service::{CallTimes, CheckService};
use crate::envoy::trace_context;
use crate::observe::check_span::CheckSpan;

/// The path of the method.
pub const CHECK_PATH: &str = "/envoy.service.auth.v3.Authorization/Check";

/// The message of a call has to arrive within this time (CONTRACT 7.1.2).
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(1);

/// Answers every call of `Check`.
#[derive(Debug)]
pub struct FailClosed<J> {
    current: Arc<Current<J>>,
    in_flight: InFlight,
    messages: MessageBudget,
}

/// A call whose headers have arrived. It has what the headers say, so that they need not be kept.
#[derive(Debug)]
pub struct Arrival<J> {
    /// One configuration for the whole check, even if a reload replaces it in the meantime.
    service: Arc<CheckService<J>>,
    check: CheckSpan,
    /// How long the caller waits; `None` if the call has no deadline. An error if reading the headers panicked.
    timeout: thread::Result<Option<Duration>>,
    /// The place among the checks in flight; `None` if the limit is reached.
    permit: Option<Permit>,
}

impl<J> Arrival<J> {
    /// Whether the check depends on the message. Otherwise it is refused already.
    pub fn needs_message(&self) -> bool {
        self.permit.is_some() && self.timeout.is_ok()
    }
}

impl<J: Judge> FailClosed<J> {
    /// Answers calls by the service in force, within the limit of checks in flight.
    pub fn new(current: Arc<Current<J>>, in_flight: InFlight) -> FailClosed<J> {
        FailClosed {
            current,
            in_flight,
            messages: MessageBudget::default(),
        }
    }

    /// The headers of a call arrived at that time: from now on its check is in flight, even while it waits for a thread
    /// (CONTRACT 7.1.1).
    pub fn arrive(&self, headers: &HeaderMap, at: Instant) -> Arrival<J> {
        let service = self.current.load();
        let traces = &service.observer().traces;
        // A panic here would end the connection, and so break its other calls too.
        let read = catch_unwind(AssertUnwindSafe(|| {
            let caller = traces.is_on().then(|| trace_context::of_call(headers));
            (caller.flatten(), grpc::timeout(headers))
        }));
        let (caller, timeout) = match read {
            Ok((caller, timeout)) => (caller, Ok(timeout)),
            Err(panic) => (None, Err(panic)),
        };
        Arrival {
            check: CheckSpan::new(at, caller),
            timeout,
            permit: self.in_flight.enter(),
            service,
        }
    }

    /// Answers a call.
    // Borrows the parts of `arrival` and the body instead of moving them, because a future keeps a moved value twice.
    pub async fn call<B>(self: Arc<Self>, arrival: Arrival<J>, mut body: B) -> Response<UnaryBody>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let (service, check) = (&arrival.service, &arrival.check);
        let answer = match (&arrival.permit, &arrival.timeout) {
            (None, _) => service.refuse(Denial::Overloaded, check),
            (_, Err(_)) => service.refuse(Denial::Internal, check),
            (Some(permit), Ok(timeout)) => {
                let answering = answer(service, &mut body, *timeout, check, permit, &self.messages);
                let answering = AssertUnwindSafe(answering).catch_unwind();
                answering
                    .await
                    .unwrap_or_else(|_| service.refuse(Denial::Internal, check))
            }
        };
        grpc::answer(answer.into_frame())
    }
}

async fn answer<J, B>(
    service: &CheckService<J>,
    body: &mut B,
    timeout: Option<Duration>,
    check: &CheckSpan,
    permit: &Permit,
    messages: &MessageBudget,
) -> CheckAnswer
where
    J: Judge,
    B: Body<Data = Bytes> + Unpin,
{
    let limit = timeout.map_or(MESSAGE_TIMEOUT, |timeout| timeout.min(MESSAGE_TIMEOUT));
    let deadline = check.arrived + limit;
    let mut reading = pin!(grpc::read_message(body, messages));
    // A message that has arrived whole needs no timer. The timer of another is on the heap of its own, so that the future of every
    // call is smaller: it is allocated and moved for each.
    let read = match poll_fn(|cx| Poll::Ready(reading.as_mut().poll(cx))).await {
        Poll::Ready(read) => Ok(read),
        Poll::Pending => Box::pin(tokio::time::timeout_at(deadline, reading)).await,
    };
    let now = Instant::now();
    match read {
        // The caller's deadline has passed: a busy process must not work for it.
        Ok(Ok(_)) if now >= deadline => service.refuse(Denial::Internal, check),
        Ok(Ok(ReceivedMessage { bytes, charge })) => {
            let call = CallTimes { read: now, timeout };
            let answer = service.check(bytes, check, call, permit).await;
            // Until here: a check that waits for keys keeps its message.
            drop(charge);
            answer
        }
        Ok(Err(CallError::OverBudget)) => service.refuse(Denial::Overloaded, check),
        Ok(Err(CallError::Compressed | CallError::TooLarge)) => {
            service.refuse(Denial::InvalidRequest(InvalidRequest::Message), check)
        }
        Ok(Err(CallError::Incomplete)) | Err(_) => service.refuse(Denial::Internal, check),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use accredit_core::authz::authorizer::Authorizer;

    use super::{Arrival, FailClosed};
    use crate::server::message_body::UnlimitedBody;

    fn size_of_future<F>(
        _: impl FnOnce(Arc<FailClosed<Authorizer>>, Arrival<Authorizer>, UnlimitedBody) -> F,
    ) -> usize {
        size_of::<F>()
    }

    /// Each call allocates its future and moves it. Allocators have fast paths for memory of up to 1,024 bytes.
    #[test]
    fn the_future_of_a_call_is_small_enough_to_be_allocated_fast() {
        let size = size_of_future(FailClosed::call::<UnlimitedBody>);
        assert!(size <= 960, "{size} bytes");
    }
}
