//! One check: the message read, the request judged, the answer written. This is the only place that waits for keys or for a shared
//! memory of used proofs, and the only one that reads the wall clock for a decision.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use accredit_core::authn::authenticator::ticket::KeyTicket;
use accredit_core::authn::moment::Moment;
use accredit_core::authz::answer::Judged;
use accredit_core::authz::authorizer::Judgement;
use accredit_core::authz::denial::{Denial, InvalidRequest};
use accredit_core::authz::pending_admission::PendingAdmission;
use accredit_core::request::Request;
use accredit_core::token::binding_error::StoreFault;
use bytes::Bytes;
use tokio::time::Instant;

use crate::envoy::in_flight::{InFlight, Permit};
use crate::envoy::judge::Judge;
use crate::envoy::response::CheckAnswer;
use crate::envoy::{request, response, trace_context};
use crate::observe::check_span::CheckSpan;
use crate::observe::observer::Observer;
use crate::observe::report::Disclosure;
use crate::replay::store::ReplayStore;

/// The longest wait for the shared memory of used proofs.
const LONGEST_PROOF_WAIT: Duration = Duration::from_secs(1);

/// The times of a call.
#[derive(Clone, Copy, Debug)]
pub struct CallTimes {
    /// When its message was complete.
    pub read: Instant,
    /// How long the caller waits for the answer; `None` if the call has no deadline.
    pub timeout: Option<Duration>,
}

/// Answers checks by one configuration.
#[derive(Debug)]
pub struct CheckService<J> {
    authorizer: Arc<J>,
    check_timeout: Duration,
    observer: Observer,
    disclosure: Disclosure,
    /// The memory of used proofs that replicas share.
    replay_store: Option<Arc<ReplayStore>>,
}

impl<J: Judge> CheckService<J> {
    /// `check_timeout` is the longest wait for keys, unless the caller's deadline is shorter.
    pub fn new(authorizer: Arc<J>, check_timeout: Duration) -> CheckService<J> {
        CheckService {
            authorizer,
            check_timeout,
            observer: Observer::default(),
            disclosure: Disclosure::default(),
            replay_store: None,
        }
    }

    /// Uses proofs up in that memory, which replicas share.
    #[must_use]
    pub fn sharing_proofs(self, replay_store: Option<Arc<ReplayStore>>) -> CheckService<J> {
        CheckService {
            replay_store,
            ..self
        }
    }

    /// The memory of used proofs that replicas share, if the configuration has one.
    pub fn replay_store(&self) -> Option<&Arc<ReplayStore>> {
        self.replay_store.as_ref()
    }

    /// Reports decisions to that observer.
    #[must_use]
    pub fn observed(self, observer: Observer, disclosure: Disclosure) -> CheckService<J> {
        CheckService {
            observer,
            disclosure,
            ..self
        }
    }

    pub fn observer(&self) -> &Observer {
        &self.observer
    }

    pub fn authorizer(&self) -> &Arc<J> {
        &self.authorizer
    }

    pub fn check_timeout(&self) -> Duration {
        self.check_timeout
    }

    /// The hash of the configuration.
    pub fn config(&self) -> &str {
        &self.disclosure.config
    }

    /// Decides a request that came on no call, and reports nothing.
    pub async fn decide_by(
        &self,
        request: &Request<'_>,
        deadline: Instant,
        in_flight: &InFlight,
    ) -> Judged {
        match in_flight.enter() {
            Some(permit) => {
                let now = Instant::now();
                let judgement = self.judge(request, now);
                self.complete(judgement, request, deadline, &permit).await
            }
            None => self.authorizer.refuse(Denial::Overloaded),
        }
    }

    /// Answers a message.
    pub async fn check(
        &self,
        message: Bytes,
        check: &CheckSpan,
        call: CallTimes,
        permit: &Permit,
    ) -> CheckAnswer {
        let waiting = match self.check_now(&message, check, call) {
            Ok(answer) => return answer,
            // On the heap of its own, so that the future of every other check is small: it is allocated and moved for each.
            Err(judgement) => Box::pin(self.check_later(judgement, &message, check, call, permit)),
        };
        waiting.await
    }

    /// Answers a message if its request can be decided at once.
    fn check_now(
        &self,
        message: &Bytes,
        check: &CheckSpan,
        call: CallTimes,
    ) -> Result<CheckAnswer, Box<Judgement>> {
        let Ok(mut request) = request::read(message) else {
            return Ok(self.refuse(Denial::InvalidRequest(InvalidRequest::Message), check));
        };
        if self.observer.traces.is_on() {
            self.observer
                .begin(check, trace_context::forwarded(&request));
            request.trace = Some(check);
        }
        match self.judge(&request, call.read) {
            Judgement::Judged(judged) => Ok(self.answer(&judged, Some(&request), check)),
            undecided => Err(Box::new(undecided)),
        }
    }

    /// Answers a message whose request could not be decided at once. It reads the message again, because few checks wait, and the
    /// others should not have a place for the request in their futures.
    async fn check_later(
        &self,
        judgement: Box<Judgement>,
        message: &Bytes,
        check: &CheckSpan,
        call: CallTimes,
        permit: &Permit,
    ) -> CheckAnswer {
        let Ok(request) = request::read(message) else {
            return self.refuse(Denial::Internal, check);
        };
        let deadline = check.arrived + self.longest_wait(call.timeout);
        let judged = self.complete(*judgement, &request, deadline, permit).await;
        self.answer(&judged, Some(&request), check)
    }

    /// The answer to a call whose request is not known.
    pub fn refuse(&self, denial: Denial, check: &CheckSpan) -> CheckAnswer {
        self.answer(&self.authorizer.refuse(denial), None, check)
    }

    fn answer(
        &self,
        judged: &Judged,
        request: Option<&Request<'_>>,
        check: &CheckSpan,
    ) -> CheckAnswer {
        let answer = response::write(judged);
        // A fault of a report must not lose the answer, which may be the denial after another fault (CONTRACT 4.6.5).
        let _ = std::panic::catch_unwind(AssertUnwindSafe(|| {
            self.observer
                .report(&judged.record, request, check, &self.disclosure);
        }));
        answer
    }

    fn judge(&self, request: &Request<'_>, now: Instant) -> Judgement {
        match moment_at(now) {
            Ok(moment) => self.authorizer.judge(request, moment),
            Err(ClockBeforeEpoch) => Judgement::Judged(self.authorizer.refuse(Denial::Internal)),
        }
    }

    /// Waits for what the judgement lacks, at most until `deadline`, and decides the request.
    async fn complete(
        &self,
        judgement: Judgement,
        request: &Request<'_>,
        deadline: Instant,
        permit: &Permit,
    ) -> Judged {
        match judgement {
            Judgement::Judged(judged) => judged,
            Judgement::UseProof(pending) => self.use_proof(*pending, deadline, permit).await,
            Judgement::Wait(ticket) => self.decide_after(ticket, request, deadline, permit).await,
        }
    }

    /// Waits for keys, at most until `deadline`, and decides the request.
    async fn decide_after(
        &self,
        ticket: KeyTicket,
        request: &Request<'_>,
        deadline: Instant,
        permit: &Permit,
    ) -> Judged {
        let waiting = tokio::time::timeout_at(deadline, ticket.ready());
        // Whether the fetch ended or the time is up, the ticket knows.
        let _ = permit.outside(waiting).await;
        let Ok(moment) = moment_at(Instant::now()) else {
            return self.authorizer.refuse(Denial::Internal);
        };
        match self.authorizer.judge_after(request, moment, &ticket) {
            Judgement::Judged(judged) => judged,
            Judgement::UseProof(pending) => self.use_proof(*pending, deadline, permit).await,
            // There is no second wait.
            Judgement::Wait(_) => self.authorizer.refuse(Denial::Internal),
        }
    }

    /// Completes an admission by the memory of used proofs that replicas share. A check that waits for it keeps no other one out.
    async fn use_proof(
        &self,
        pending: PendingAdmission,
        deadline: Instant,
        permit: &Permit,
    ) -> Judged {
        let proof = self.authorizer.shared_proof(&pending);
        // The decision is not made again afterwards, so a long `check_timeout` must not let it become old.
        let deadline = deadline.min(Instant::now() + LONGEST_PROOF_WAIT);
        let used = match (&self.replay_store, &proof) {
            (Some(store), Some(proof)) => permit.outside(store.take(proof, deadline)).await,
            _ => Err(StoreFault::Unreachable.into()),
        };
        self.authorizer.complete(pending, used)
    }

    /// Envoy counts a late answer as a failed check, so a fifth of its timeout is reserved for the answer (CONTRACT 4.7.2).
    fn longest_wait(&self, timeout: Option<Duration>) -> Duration {
        timeout.map_or(self.check_timeout, |timeout| {
            self.check_timeout.min(timeout.mul_f64(0.8))
        })
    }
}

/// A wall clock before 1970 cannot show whether a token has expired.
#[derive(Debug)]
pub struct ClockBeforeEpoch;

/// The moment of a decision that is made now.
///
/// # Errors
/// [`ClockBeforeEpoch`]
pub fn now() -> Result<Moment, ClockBeforeEpoch> {
    moment_at(Instant::now())
}

/// The moment of a decision that is made now. `steady` is the time of the steady clock, which was read just before.
///
/// # Errors
/// [`ClockBeforeEpoch`]
#[allow(
    clippy::disallowed_methods,
    reason = "the one place where a decision gets its time"
)]
pub fn moment_at(steady: Instant) -> Result<Moment, ClockBeforeEpoch> {
    let since_epoch = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_err(|_| ClockBeforeEpoch)?;
    Ok(Moment::new(since_epoch, steady.into_std()))
}
