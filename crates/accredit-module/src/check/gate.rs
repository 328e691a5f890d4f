//! The check of one request: what Envoy does with the stream next.

use std::sync::Arc;

use accredit::envoy::service::now;
use accredit::observe::check_span::CheckSpan;
use accredit_core::authz::answer::{Admission, Answer, ClientProtocol, Judged};
use accredit_core::authz::authorizer::Judgement;
use accredit_core::authz::denial::{Denial, InvalidRequest};
use accredit_core::config::route_config::RouteSettings;
use accredit_core::reason::{Decision, Reason};
use tokio::time::Instant;

use crate::check::fault;
use crate::check::http_stream::{HttpStream, LocalReply, NotChanged, RouteConfiguration};
use crate::check::incoming::IncomingRequest;
use crate::check::metadata;
use crate::check::pending::PendingCheck;
use crate::process::active_policy::ActivePolicy;
use crate::process::module_process::ModuleProcess;
use crate::process::policy::Policy;

/// The check of one stream.
#[derive(Debug)]
pub struct Gate {
    active: Arc<ActivePolicy>,
    process: &'static ModuleProcess,
    phase: GatePhase,
}

#[derive(Debug)]
enum GatePhase {
    /// The request headers have not arrived.
    New,
    Held(Box<HeldCheck>),
    /// The request goes on to the upstream.
    Open,
    /// The request is refused, or its check was interrupted by a fault.
    Closed,
}

#[derive(Debug)]
struct HeldCheck {
    policy: Arc<Policy>,
    context: Vec<(String, String)>,
    check: CheckSpan,
    pending: PendingCheck,
}

/// What happens to the stream after a step of its check. The caller performs it when it holds no reference to the [`Gate`]: Envoy
/// can end the stream, and with it the gate, before a call that refuses or resumes the stream returns.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum GateAction {
    /// The request goes on.
    Admit,
    /// The request and its body wait. The stream is resumed later.
    Hold,
    /// The request ends with this answer.
    Refuse(Box<LocalReply>),
}

impl Gate {
    pub fn new(active: Arc<ActivePolicy>, process: &'static ModuleProcess) -> Gate {
        Gate {
            active,
            process,
            phase: GatePhase::New,
        }
    }

    /// Whether the request goes on to the upstream.
    pub fn is_open(&self) -> bool {
        matches!(self.phase, GatePhase::Open)
    }

    /// The request headers have arrived.
    pub fn request_headers(&mut self, stream: &mut impl HttpStream) -> GateAction {
        // Until the end of the check: a panic in it leaves the gate closed.
        if !matches!(
            std::mem::replace(&mut self.phase, GatePhase::Closed),
            GatePhase::New
        ) {
            tracing::error!("Envoy gave the headers of a request twice");
            return fail(stream);
        }
        let context = match stream.route() {
            RouteConfiguration::Absent => Vec::new(),
            RouteConfiguration::Settings(settings) => match &*settings {
                RouteSettings::Checked { context } => context.clone(),
                RouteSettings::Disabled => {
                    self.phase = GatePhase::Open;
                    return GateAction::Admit;
                }
            },
            RouteConfiguration::Foreign => {
                tracing::error!(
                    "the configuration of the route is of another file or version of the module; use one file in listeners and routes"
                );
                return fail(stream);
            }
        };
        let policy = self.active.load();
        let check = CheckSpan::new(Instant::now(), None);
        let Ok(moment) = now() else {
            return self.close(
                policy.authorizer.refuse(Denial::Internal),
                stream,
                &policy,
                &check,
            );
        };
        let judgement = {
            let Some(incoming) = IncomingRequest::read(stream) else {
                let denial = Denial::InvalidRequest(InvalidRequest::Message);
                return self.close(policy.authorizer.refuse(denial), stream, &policy, &check);
            };
            let request = incoming.request(&context);
            match policy.authorizer.judge(&request, moment) {
                Judgement::Judged(judged) => {
                    let observer = self.process.observer();
                    observer.report(&judged.record, Some(&request), &check, &policy.disclosure);
                    Ok((judged, ClientProtocol::of(&request.headers)))
                }
                Judgement::Wait(ticket) => Err(ticket),
            }
        };
        match judgement {
            Ok((judged, client)) => self.finish(judged, client, stream, &policy),
            Err(ticket) => {
                let Some(resumption) = stream.resumption() else {
                    tracing::error!("Envoy gave no scheduler for a request that waits for keys");
                    return fail(stream);
                };
                let longest = policy.check_timeout;
                let runtime = self.process.runtime();
                let pending = PendingCheck::start(ticket, longest, resumption, runtime);
                self.phase = GatePhase::Held(Box::new(HeldCheck {
                    policy,
                    context,
                    check,
                    pending,
                }));
                GateAction::Hold
            }
        }
    }

    /// The wait of a held request has ended.
    pub fn resumed(&mut self, stream: &mut impl HttpStream) -> Option<GateAction> {
        match std::mem::replace(&mut self.phase, GatePhase::Closed) {
            GatePhase::Held(held) => Some(self.judge_held(&held, stream)),
            // The event of a wait that something else ended.
            other => {
                self.phase = other;
                None
            }
        }
    }

    fn judge_held(&mut self, held: &HeldCheck, stream: &mut impl HttpStream) -> GateAction {
        let HeldCheck {
            policy,
            context,
            check,
            pending,
        } = held;
        let Ok(moment) = now() else {
            return self.close(
                policy.authorizer.refuse(Denial::Internal),
                stream,
                policy,
                check,
            );
        };
        let (judged, client) = {
            let Some(incoming) = IncomingRequest::read(stream) else {
                let denial = Denial::InvalidRequest(InvalidRequest::Message);
                return self.close(policy.authorizer.refuse(denial), stream, policy, check);
            };
            let request = incoming.request(context);
            let judged = policy
                .authorizer
                .judge_after(&request, moment, pending.ticket());
            let observer = self.process.observer();
            observer.report(&judged.record, Some(&request), check, &policy.disclosure);
            (judged, ClientProtocol::of(&request.headers))
        };
        self.finish(judged, client, stream, policy)
    }

    /// Refuses a request that could not be read or judged.
    fn close(
        &mut self,
        judged: Judged,
        stream: &mut impl HttpStream,
        policy: &Policy,
        check: &CheckSpan,
    ) -> GateAction {
        let observer = self.process.observer();
        observer.report(&judged.record, None, check, &policy.disclosure);
        self.finish(judged, ClientProtocol::Http, stream, policy)
    }

    fn finish(
        &mut self,
        judged: Judged,
        client: ClientProtocol,
        stream: &mut impl HttpStream,
        policy: &Policy,
    ) -> GateAction {
        let Judged { record, answer } = judged;
        metadata::set(stream, &record, policy.metadata_form);
        match answer {
            Answer::Admit(admission) => match admit(&admission, stream) {
                Ok(()) => {
                    stream.count(record.decision(), record.reason);
                    self.phase = GatePhase::Open;
                    GateAction::Admit
                }
                Err(error) => {
                    tracing::error!(%error, "an admitted request is refused");
                    fail(stream)
                }
            },
            Answer::Refuse(refusal) => {
                stream.count(record.decision(), record.reason);
                let is_grpc = client == ClientProtocol::Grpc;
                GateAction::Refuse(Box::new(fault::reply_of(refusal, record.reason, is_grpc)))
            }
        }
    }
}

/// Changes the request as the admission says. Removals come first: a name that is set is not among them.
fn admit(admission: &Admission, stream: &mut impl HttpStream) -> Result<(), NotChanged> {
    for name in admission.remove() {
        stream.remove_header(name)?;
    }
    for (name, value) in admission.set() {
        stream.set_header(name, value)?;
    }
    Ok(())
}

fn fail(stream: &mut impl HttpStream) -> GateAction {
    stream.count(Decision::Deny, Reason::InternalError);
    GateAction::Refuse(Box::new(fault::reply()))
}
