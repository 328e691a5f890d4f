//! How a check ends: the request is changed and admitted, denied, or denied because of a fault.

use accredit_core::authz::answer::Judged;
use accredit_core::authz::denial::Denial;
use accredit_core::authz::denial_context::ClientProtocol;
use accredit_core::authz::record::DecisionRecord;

use crate::check::fault;
use crate::check::http_stream::{HttpStream, LocalReply, NotChanged};
use crate::check::incoming::IncomingRequest;
use crate::check::metadata;
use crate::check::request_check::{BegunCheck, CheckAction, CheckPhase, CheckStep, RequestCheck};
use crate::check::stream_answer::{HeaderChanges, StreamAnswer};

impl RequestCheck {
    pub(super) fn finish(
        &self,
        begun: &BegunCheck,
        record: &DecisionRecord,
        answer: StreamAnswer,
        stream: &mut impl HttpStream,
    ) -> CheckStep {
        let form = begun.policy.metadata_form;
        match answer {
            StreamAnswer::Admit(changes) => {
                if let Err(error) = changes.apply(stream) {
                    tracing::error!(%error, "changing an admitted request failed; the request is denied");
                    return self.fail(begun, stream);
                }
                metadata::set(stream, record, changes.admission().metadata(), form);
                stream.count(record);
                (CheckPhase::Admitted, CheckAction::Admit)
            }
            StreamAnswer::Refuse(refusal, client) => {
                metadata::set(stream, record, &[], form);
                stream.count(record);
                let is_grpc = client == ClientProtocol::Grpc;
                refuse(fault::reply_of(refusal, record, is_grpc))
            }
        }
    }

    /// Admits a request whose route turns the check off. No token of it is verified, so that its claim headers are the client's
    /// and must not reach the upstream (CONTRACT 1.2).
    pub(super) fn admit_unchecked(
        &self,
        begun: &BegunCheck,
        stream: &mut impl HttpStream,
    ) -> CheckStep {
        let authorizer = &begun.policy.authorizer;
        let changes = IncomingRequest::read(stream, false).map(|incoming| {
            let request = incoming.request(&[]);
            let admission = authorizer.admit_unchecked(&request);
            HeaderChanges::of(admission, &request.headers)
        });
        match changes
            .ok_or(NotChanged)
            .and_then(|changes| changes.apply(stream))
        {
            Ok(()) => (CheckPhase::Admitted, CheckAction::Admit),
            Err(error) => {
                tracing::error!(%error, "removing claim headers on a route without checks failed; the request is denied");
                self.fail(begun, stream)
            }
        }
    }

    /// Refuses a request because of a fault.
    pub(super) fn fail(&self, begun: &BegunCheck, stream: &mut impl HttpStream) -> CheckStep {
        let Judged { record, .. } = begun.policy.authorizer.refuse(Denial::Internal);
        let disclosure = &begun.policy.disclosure;
        let observer = self.process.observer();
        observer.report(&record, None, &begun.span, disclosure);
        metadata::set(stream, &record, &[], begun.policy.metadata_form);
        stream.count(&record);
        refuse(fault::reply())
    }
}

fn refuse(reply: LocalReply) -> CheckStep {
    (CheckPhase::Refused, CheckAction::Refuse(Box::new(reply)))
}
