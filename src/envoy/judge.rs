//! What the service asks of an authorizer: to judge a request, to judge it again after a wait, and to refuse a call.

use accredit_core::authn::authenticator::ticket::KeyTicket;
use accredit_core::authn::moment::Moment;
use accredit_core::authz::answer::Judged;
use accredit_core::authz::authorizer::{Authorizer, Judgement};
use accredit_core::authz::denial::Denial;
use accredit_core::authz::pending_admission::PendingAdmission;
use accredit_core::proof::shared_proof::SharedProof;
use accredit_core::request::Request;
use accredit_core::token::binding_error::BindingError;

/// Judges requests. [`Authorizer`] is the implementation that serves; tests have others that fail.
pub trait Judge: Send + Sync + 'static {
    fn judge(&self, request: &Request<'_>, moment: Moment) -> Judgement;

    /// Judges a request after a wait.
    fn judge_after(&self, request: &Request<'_>, moment: Moment, ticket: &KeyTicket) -> Judgement;

    /// What the shared memory of used proofs has to record for an admission.
    fn shared_proof(&self, _: &PendingAdmission) -> Option<SharedProof> {
        None
    }

    /// Completes an admission after its proof was used up, or could not be.
    fn complete(&self, _: PendingAdmission, _: Result<(), BindingError>) -> Judged {
        self.refuse(Denial::Internal)
    }

    /// Refuses a call.
    fn refuse(&self, denial: Denial) -> Judged;
}

impl Judge for Authorizer {
    #[inline]
    fn judge(&self, request: &Request<'_>, moment: Moment) -> Judgement {
        Authorizer::judge(self, request, moment)
    }

    fn judge_after(&self, request: &Request<'_>, moment: Moment, ticket: &KeyTicket) -> Judgement {
        Authorizer::judge_after(self, request, moment, ticket)
    }

    fn shared_proof(&self, pending: &PendingAdmission) -> Option<SharedProof> {
        Authorizer::shared_proof(self, pending)
    }

    fn complete(&self, pending: PendingAdmission, used: Result<(), BindingError>) -> Judged {
        Authorizer::complete(self, pending, used)
    }

    fn refuse(&self, denial: Denial) -> Judged {
        Authorizer::refuse(self, denial)
    }
}
