//! One check: the message read, the request decided, the answer made. The only place that waits, and the only one
//! that reads the wall clock for a decision.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
use tokio::time::Instant;

use crate::authn::authenticator::Attempt;
use crate::authn::moment::Moment;
use crate::authz::authorizer::{Authorizer, Outcome};
use crate::authz::decision::{Decision, Refused};
use crate::authz::denial::{Denial, Unreadable};
use crate::authz::observer::{Disclosure, Observer};
use crate::authz::ongoing::Ongoing;
use crate::envoy::in_flight::{InFlight, Permit};
use crate::envoy::request;
use crate::envoy::response::{ClientProtocol, Refusals, admit};
use crate::envoy::trace_context;
use crate::request::{Headers, Request};

/// Decides requests; [`Authorizer`] is the one that serves.
pub trait Decide: Send + Sync + 'static {
    /// Decides a request at a moment.
    fn decide(&self, request: &Request<'_>, moment: Moment, attempt: Attempt) -> Outcome<'_>;
}

impl Decide for Authorizer {
    fn decide(&self, request: &Request<'_>, moment: Moment, attempt: Attempt) -> Outcome<'_> {
        Authorizer::decide(self, request, moment, attempt)
    }
}

/// Answers checks by one decider.
#[derive(Debug)]
pub struct CheckService<D> {
    decider: Arc<D>,
    refusals: Refusals,
    check_timeout: Duration,
    observer: Observer,
    disclosure: Disclosure,
}

impl<D: Decide> CheckService<D> {
    /// `check_timeout` is how long a check may wait for keys, if its caller does not give it less.
    pub fn new(decider: Arc<D>, refusals: Refusals, check_timeout: Duration) -> CheckService<D> {
        CheckService {
            decider,
            refusals,
            check_timeout,
            observer: Observer::default(),
            disclosure: Disclosure::default(),
        }
    }

    /// The same, and decisions are told to that observer.
    #[must_use]
    pub fn observed(self, observer: Observer, disclosure: Disclosure) -> CheckService<D> {
        CheckService {
            observer,
            disclosure,
            ..self
        }
    }

    /// What is told of decisions.
    pub fn observer(&self) -> &Observer {
        &self.observer
    }

    /// What decides.
    pub fn decider(&self) -> &Arc<D> {
        &self.decider
    }

    /// How long a check may wait for keys.
    pub fn check_timeout(&self) -> Duration {
        self.check_timeout
    }

    /// The short name of the configuration that it decides by.
    pub fn config(&self) -> &str {
        &self.disclosure.config
    }

    /// Decides a request by the keys that are held: nothing is fetched, remembered or told.
    pub fn peek(&self, request: &Request<'_>) -> Decision {
        let refused = |denial| Decision::Deny(Refused::early(denial));
        let Ok(moment) = now() else {
            return refused(Denial::Internal);
        };
        match self.decider.decide(request, moment, Attempt::Peek) {
            Outcome::Decided(decision) => decision,
            Outcome::Waits(_) => refused(Denial::Internal),
        }
    }

    /// Decides a request that came on no call.
    pub async fn decide_by(
        &self,
        request: &Request<'_>,
        deadline: Instant,
        in_flight: &InFlight,
    ) -> Decision {
        let refused = |denial| Decision::Deny(Refused::early(denial));
        match in_flight.enter() {
            Some(permit) => self
                .decide(
                    request,
                    deadline,
                    &Ongoing::new(Instant::now(), None),
                    &permit,
                )
                .await
                .unwrap_or_else(|ClockBeforeEpoch| refused(Denial::Internal)),
            None => refused(Denial::Overloaded),
        }
    }

    /// The answer to a decided request.
    pub fn answer(&self, decision: &Decision, request: &Request<'_>) -> CheckResponse {
        match decision {
            Decision::Allow(grant) => admit(grant),
            Decision::Deny(refused) => self
                .refusals
                .deny(refused, client_protocol(&request.headers)),
        }
    }

    /// The answer to a request that was refused, whatever it was.
    pub fn answer_refused(&self, refused: &Refused) -> CheckResponse {
        self.refusals.deny(refused, ClientProtocol::Http)
    }

    /// Answers a message that came on a call whose caller waits that long.
    pub async fn check(
        &self,
        message: Bytes,
        ongoing: &Ongoing,
        patience: Option<Duration>,
        permit: &Permit,
    ) -> CheckResponse {
        let Ok(request) = request::read(&message) else {
            return self.refuse(Denial::InvalidRequest(Unreadable::Message), ongoing);
        };
        self.observer
            .begins(ongoing, trace_context::forwarded(&request));
        let deadline = ongoing.arrived + self.longest_wait(patience);
        let decided = self.decide(&request, deadline, ongoing, permit).await;
        let decision = decided
            .unwrap_or_else(|ClockBeforeEpoch| Decision::Deny(Refused::early(Denial::Internal)));
        let answer = self.answer(&decision, &request);
        self.observer
            .decided(&decision, Some(&request), ongoing, &self.disclosure);
        answer
    }

    /// The answer to a call of which no request is known.
    pub fn refuse(&self, denial: Denial, ongoing: &Ongoing) -> CheckResponse {
        let refused = Refused::early(denial);
        let answer = self.refusals.refuse(&refused, ClientProtocol::Http);
        self.observer
            .decided(&Decision::Deny(refused), None, ongoing, &self.disclosure);
        answer
    }

    async fn decide(
        &self,
        request: &Request<'_>,
        deadline: Instant,
        ongoing: &Ongoing,
        permit: &Permit,
    ) -> Result<Decision, ClockBeforeEpoch> {
        let wait = match self.decider.decide(request, now()?, Attempt::First) {
            Outcome::Decided(decision) => return Ok(decision),
            Outcome::Waits(wait) => wait,
        };
        if let Some(parent) = ongoing.as_parent() {
            wait.traced_under(parent);
        }
        let waited = permit.outside(wait.until(deadline)).await;
        match self.decider.decide(request, now()?, Attempt::Again(waited)) {
            Outcome::Decided(decision) => Ok(decision),
            // There is no second wait; were one asked for, it would be a fault of ours.
            Outcome::Waits(_) => Ok(Decision::Deny(Refused::early(Denial::Internal))),
        }
    }

    /// An answer that is late is a failed check to Envoy, so a fifth of its patience is kept for the way back.
    fn longest_wait(&self, patience: Option<Duration>) -> Duration {
        patience.map_or(self.check_timeout, |patience| {
            self.check_timeout.min(patience.mul_f64(0.8))
        })
    }
}

/// A wall clock that shows a time before 1970 cannot tell whether a token has expired.
struct ClockBeforeEpoch;

#[allow(
    clippy::disallowed_methods,
    reason = "the one place where a decision gets its time"
)]
fn now() -> Result<Moment, ClockBeforeEpoch> {
    let since_epoch = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_err(|_| ClockBeforeEpoch)?;
    Ok(Moment::new(since_epoch, Instant::now()))
}

/// `application/grpc`, alone or followed by `+` or `;`.
fn client_protocol(headers: &Headers<'_>) -> ClientProtocol {
    let is_grpc = headers.all("content-type").any(|value| {
        let after = value
            .strip_prefix(b"application/grpc")
            .map(|rest| rest.first().copied());
        matches!(after, Some(None | Some(b'+' | b';')))
    });
    if is_grpc {
        ClientProtocol::Grpc
    } else {
        ClientProtocol::Http
    }
}
