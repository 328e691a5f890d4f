//! The check of one request: what Envoy does with the stream next.

use std::sync::Arc;

use accredit::envoy::service::{moment_at, now};
use accredit::envoy::trace_context;
use accredit::observe::check_span::CheckSpan;
use accredit_core::authn::authenticator::ticket::KeyTicket;
use accredit_core::authz::authorizer::Judgement;
use accredit_core::authz::denial::{Denial, InvalidRequest};
use accredit_core::authz::record::DecisionRecord;
use accredit_core::config::route_config::RouteSettings;
use accredit_core::request::Headers;
use tokio::time::Instant;

use crate::check::http_stream::{HttpStream, LocalReply, RouteConfiguration};
use crate::check::incoming::IncomingRequest;
use crate::check::pending::{AwaitedEvent, PendingCheck};
use crate::check::stream_answer::StreamAnswer;
use crate::process::active_policy::ActivePolicy;
use crate::process::module_process::ModuleProcess;
use crate::process::policy::Policy;

mod ending;

/// The check of one stream.
#[derive(Debug)]
pub struct RequestCheck {
    active: Arc<ActivePolicy>,
    process: &'static ModuleProcess,
    phase: CheckPhase,
}

#[derive(Debug)]
enum CheckPhase {
    /// The request headers have not arrived.
    New,
    Held(Box<HeldCheck>),
    /// Envoy forwards the request to the upstream.
    Admitted,
    /// The request is denied, or a fault interrupted its check.
    Refused,
}

/// A check whose request headers have arrived.
#[derive(Debug)]
struct BegunCheck {
    policy: Arc<Policy>,
    /// The configuration of the route, if it has one.
    route: Option<Arc<RouteSettings>>,
    span: CheckSpan,
}

#[derive(Debug)]
struct HeldCheck {
    begun: BegunCheck,
    pending: PendingCheck,
}

/// The action for the stream after a step of its check. The caller performs it when it holds no reference to the
/// [`RequestCheck`]: Envoy can end the stream, and with it the check, before a call that refuses or resumes the stream returns.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum CheckAction {
    /// The request goes on.
    Admit,
    /// The request and its body wait. The stream is resumed later.
    Hold,
    /// The request ends with this answer.
    Refuse(Box<LocalReply>),
}

/// The result of a step: the phase after it, and the action.
type CheckStep = (CheckPhase, CheckAction);

impl RequestCheck {
    pub fn new(active: Arc<ActivePolicy>, process: &'static ModuleProcess) -> RequestCheck {
        RequestCheck {
            active,
            process,
            phase: CheckPhase::New,
        }
    }

    /// Whether the request goes on to the upstream.
    pub fn is_admitted(&self) -> bool {
        matches!(self.phase, CheckPhase::Admitted)
    }

    /// The request headers have arrived.
    pub fn request_headers(&mut self, stream: &mut impl HttpStream) -> CheckAction {
        // A panic leaves the request refused, also if a destructor panics after the admission.
        let phase = std::mem::replace(&mut self.phase, CheckPhase::Refused);
        let (next, action) = self.begin(phase, stream);
        self.phase = next;
        action
    }

    /// The wait of a held request has ended.
    pub fn resumed(&mut self, stream: &mut impl HttpStream) -> Option<CheckAction> {
        match std::mem::replace(&mut self.phase, CheckPhase::Refused) {
            CheckPhase::Held(held) => {
                let (next, action) = self.judge_held(*held, stream);
                self.phase = next;
                Some(action)
            }
            // The event of a wait that something else ended.
            other => {
                self.phase = other;
                None
            }
        }
    }

    fn begin(&self, phase: CheckPhase, stream: &mut impl HttpStream) -> CheckStep {
        let mut begun = BegunCheck {
            policy: self.active.load(),
            route: None,
            span: CheckSpan::new(Instant::now(), None),
        };
        if !matches!(phase, CheckPhase::New) {
            tracing::error!("Envoy gave the headers of a request twice");
            return self.fail(&begun, stream);
        }
        match stream.route() {
            RouteConfiguration::Absent => {}
            RouteConfiguration::Settings(settings) => match &*settings {
                RouteSettings::Checked { .. } => begun.route = Some(settings),
                RouteSettings::Disabled => return self.admit_unchecked(&begun, stream),
            },
            RouteConfiguration::Foreign => {
                tracing::error!(
                    "the configuration of the route is of another file or version of the module; use one file in listeners and routes"
                );
                return self.fail(&begun, stream);
            }
        }
        match self.first_deny_list(&begun.policy) {
            Some(awaited) => self.hold(begun, awaited, stream),
            None => self.judge(begun, None, stream),
        }
    }

    fn judge_held(&self, held: HeldCheck, stream: &mut impl HttpStream) -> CheckStep {
        let HeldCheck { begun, pending } = held;
        self.judge(begun, pending.ticket(), stream)
    }

    /// The first load of the deny list, if it has not ended. Without a list, every token would be refused: Envoy puts a new
    /// configuration of a listener into force before the list can be there.
    fn first_deny_list(&self, policy: &Policy) -> Option<AwaitedEvent> {
        let keeper = policy.deny_list.as_ref()?;
        if keeper.store().was_attempted() {
            return None;
        }
        // Without a place the request is judged now, and a token of it is refused with 503.
        let place = self.process.deny_list_place()?;
        Some(AwaitedEvent::FirstDenyList(keeper.store().clone(), place))
    }

    fn hold(
        &self,
        begun: BegunCheck,
        awaited: AwaitedEvent,
        stream: &mut impl HttpStream,
    ) -> CheckStep {
        let Some(resumption) = stream.resumption() else {
            tracing::error!("Envoy gave no scheduler for a request that has to wait");
            return self.fail(&begun, stream);
        };
        let elapsed = begun.span.arrived.elapsed();
        let longest = begun.policy.check_timeout.saturating_sub(elapsed);
        let runtime = self.process.runtime();
        let pending = PendingCheck::start(awaited, longest, resumption, runtime);
        let held = Box::new(HeldCheck { begun, pending });
        (CheckPhase::Held(held), CheckAction::Hold)
    }

    /// Judges the request. `waited` is the ticket of the wait for keys that has ended.
    fn judge(
        &self,
        begun: BegunCheck,
        waited: Option<&KeyTicket>,
        stream: &mut impl HttpStream,
    ) -> CheckStep {
        match self.decide(&begun, waited, stream) {
            Ok((record, answer)) => self.finish(&begun, &record, answer, stream),
            Err(ticket) => self.hold(begun, AwaitedEvent::Keys(ticket.into()), stream),
        }
    }

    /// The decision, which is reported, and its answer.
    fn decide(
        &self,
        begun: &BegunCheck,
        waited: Option<&KeyTicket>,
        stream: &impl HttpStream,
    ) -> Result<(DecisionRecord, StreamAnswer), KeyTicket> {
        let BegunCheck {
            policy,
            route,
            span,
        } = begun;
        let observer = self.process.observer();
        let authorizer = &policy.authorizer;
        let refuse_unread = |denial: Denial| {
            let judged = authorizer.refuse(denial);
            observer.report(&judged.record, None, span, &policy.disclosure);
            Ok(StreamAnswer::of(judged, &Headers::with_capacity(0)))
        };
        let moment = match waited {
            Some(_) => now(),
            // The clock was read just before.
            None => moment_at(span.arrived),
        };
        let Ok(moment) = moment else {
            return refuse_unread(Denial::Internal);
        };
        let needs_address = authorizer.rules().needs().address;
        let Some(incoming) = IncomingRequest::read(stream, needs_address) else {
            return refuse_unread(Denial::InvalidRequest(InvalidRequest::Message));
        };
        let mut request = incoming.request(context_of(route.as_deref()));
        if waited.is_none() {
            // A client can have set it: it gives the parent, and does not decide about sampling (CONTRACT 6.3.3).
            let traces = &observer.traces;
            let forwarded = traces.is_on().then(|| trace_context::forwarded(&request));
            observer.begin(span, forwarded.flatten());
            request.trace = Some(span);
        }
        let judged = if incoming.has_forwarded_address() {
            // The client can have chosen the address, so that no rule must decide by it.
            policy.report_forwarded_address();
            authorizer.refuse(Denial::Internal)
        } else {
            let judgement = match waited {
                Some(ticket) => authorizer.judge_after(&request, moment, ticket),
                None => authorizer.judge(&request, moment),
            };
            match judgement {
                Judgement::Judged(judged) => judged,
                Judgement::Wait(ticket) if waited.is_none() => return Err(ticket),
                // There is no second wait, and `replay.redis` is a configuration error inside Envoy.
                Judgement::Wait(_) | Judgement::UseProof(_) => authorizer.refuse(Denial::Internal),
            }
        };
        observer.report(&judged.record, Some(&request), span, &policy.disclosure);
        Ok(StreamAnswer::of(judged, &request.headers))
    }
}

fn context_of(route: Option<&RouteSettings>) -> &[(String, String)] {
    match route {
        Some(RouteSettings::Checked { context }) => context,
        Some(RouteSettings::Disabled) | None => &[],
    }
}

#[cfg(test)]
mod tests;
