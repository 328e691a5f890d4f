//! What an admission changes in the request, and what it adds to the dynamic metadata.

use std::sync::Arc;

use crate::authn::authenticator::attempt::{AcceptedToken, Attempt};
use crate::authn::identity::Identity;
use crate::authn::removal::TokenRemoval;
use crate::authn::token_metadata::MetadataValue;
use crate::authz::answer::{Admission, Answer, Judged};
use crate::authz::authorizer::trial::can_be_on_trial;
use crate::authz::authorizer::{Authorizer, Decided, Judgement, Refused};
use crate::authz::condition_input::RequestAtMoment;
use crate::authz::denial_context::{DenialContext, RefusalForm};
use crate::authz::pending_admission::{PendingAdmission, RequestChange};
use crate::authz::record::{DecisionRecord, TokenRecord};
use crate::authz::typed_metadata;
use crate::expression::Expression;
use crate::proof::shared_proof::SharedProof;
use crate::reason::Reason;
use crate::request::Request;
use crate::rules::rule::Rule;
use crate::token::binding_error::BindingError;

impl Authorizer {
    pub(super) fn admit(
        &self,
        token: AcceptedToken,
        removal: TokenRemoval,
        input: &RequestAtMoment<'_>,
        rule: &Rule,
    ) -> Decided {
        let AcceptedToken {
            identity,
            cache,
            proof,
        } = token;
        let record = DecisionRecord {
            reason: Reason::Allowed,
            denial: None,
            is_shadow: false,
            rule: rule.name.clone(),
            token: TokenRecord::Verified(identity.clone()),
            cache,
            denial_context: DenialContext::default(),
        };
        Decided::Admit(PendingAdmission {
            record,
            change: self.change(Some(identity), removal, input.request),
            proof,
            judged: input.moment.wall,
            on_trial: None,
        })
    }

    pub(super) fn admit_anonymous(&self, input: &RequestAtMoment<'_>, rule: &Rule) -> Decided {
        let record = DecisionRecord {
            reason: Reason::Anonymous,
            denial: None,
            is_shadow: false,
            rule: rule.name.clone(),
            token: TokenRecord::NotRead,
            cache: None,
            denial_context: DenialContext::default(),
        };
        Decided::Admit(PendingAdmission {
            record,
            change: self.change(None, TokenRemoval::default(), input.request),
            proof: None,
            judged: input.moment.wall,
            on_trial: None,
        })
    }

    /// The removals that protect the upstream from claim headers of a request that is not checked.
    pub fn admit_unchecked(&self, request: &Request<'_>) -> Admission {
        self.change(None, TokenRemoval::default(), request)
            .admission
    }

    /// The claim headers of the identity, and every change that protects them.
    pub(super) fn change(
        &self,
        identity: Option<Arc<Identity>>,
        removal: TokenRemoval,
        request: &Request<'_>,
    ) -> RequestChange {
        let sets = |name: &str| {
            let identity = identity.as_ref();
            identity.is_some_and(|identity| identity.sets_header(name))
        };
        // Pseudo-headers have no look-alikes.
        let rewritten = removal.set.iter().map(|(name, _)| *name);
        let rewritten: Vec<&str> = rewritten.filter(|name| !name.starts_with(':')).collect();
        let names = request.headers.names();
        let remove = self.strip.removals(sets, &rewritten, names, removal.remove);
        RequestChange {
            admission: Admission::new(identity, removal.set, self.strip.clone(), remove),
            dropped_cookies: removal.dropped_cookies,
        }
    }

    /// Adds the parts that depend on the whole decision: the values of `metadata`, and the change that a rule on trial
    /// makes if the proof of the request cannot be used.
    pub(super) fn prepare(
        &self,
        pending: &mut PendingAdmission,
        rule: &Rule,
        input: &RequestAtMoment<'_>,
        attempt: Attempt<'_>,
    ) {
        if !self.metadata.is_empty() {
            let metadata = self.metadata(input, pending.record.identity());
            pending.change.admission.set_metadata(metadata);
        }
        if pending.proof.is_some() && rule.is_on_trial(input.moment.wall) {
            let refused =
                Refused::new(pending.refusal(BindingError::Replayed), RefusalForm::Denied);
            let decided = self.on_trial(Decided::Deny(refused), rule, input);
            if let Decided::Admit(mut on_trial) = decided {
                self.prepare(&mut on_trial, rule, input, attempt);
                pending.on_trial = Some(Box::new(on_trial.change));
            }
        }
        // An explanation changes no counters.
        if matches!(attempt, Attempt::Peek) {
            pending.change.dropped_cookies = 0;
        }
    }

    /// Uses up the proof of an admission, if it has one, and completes the admission. An explanation only checks
    /// whether the proof could be used.
    pub(super) fn admission(&self, pending: PendingAdmission, attempt: Attempt<'_>) -> Judgement {
        let proofs = self.authenticator.proofs();
        let is_peek = matches!(attempt, Attempt::Peek);
        let used = match &pending.proof {
            None => Ok(()),
            Some(proof) if proofs.terms().is_shared => {
                match proofs.look_for_share(proof, pending.judged) {
                    Ok(()) if !is_peek => return Judgement::UseProof(Box::new(pending)),
                    looked => looked,
                }
            }
            Some(proof) if is_peek => proofs.look_for_room(proof, pending.judged),
            Some(proof) => proofs.take(proof, pending.judged),
        };
        Judgement::Judged(self.settle(pending, used))
    }

    /// The proof to record in the memory that replicas share. `None` if the admission needs no proof.
    pub fn shared_proof(&self, pending: &PendingAdmission) -> Option<SharedProof> {
        let proof = pending.proof.as_ref()?;
        Some(self.authenticator.proofs().shared(proof, pending.judged))
    }

    /// Completes an admission after the shared memory recorded its proof, or failed to.
    pub fn complete(&self, pending: PendingAdmission, used: Result<(), BindingError>) -> Judged {
        let used = used.and_then(|()| match &pending.proof {
            Some(proof) => self.authenticator.proofs().remember(proof, pending.judged),
            None => Ok(()),
        });
        self.settle(pending, used)
    }

    fn settle(&self, pending: PendingAdmission, used: Result<(), BindingError>) -> Judged {
        let (record, change) = match used {
            Ok(()) => (pending.record, pending.change),
            Err(error) => {
                let record = pending.refusal(error);
                match pending.on_trial {
                    Some(change) if can_be_on_trial(&record) => {
                        let record = DecisionRecord {
                            is_shadow: true,
                            ..record
                        };
                        (record, *change)
                    }
                    _ => {
                        // The protocol of the client matters for status 400 only.
                        return self.refusals.judged(record);
                    }
                }
            }
        };
        let dropped = self.sources.dropped_cookies();
        dropped.add(change.dropped_cookies);
        Judged {
            record,
            answer: Answer::Admit(change.admission),
        }
    }

    /// The values of `metadata` for an admitted request. One that has none is left out.
    fn metadata(
        &self,
        input: &RequestAtMoment<'_>,
        identity: Option<&Arc<Identity>>,
    ) -> Vec<(Arc<str>, MetadataValue<'static>)> {
        let variables = input.variables(identity.map(|identity| &**identity));
        let value = |(name, expression): &(Arc<str>, Expression)| {
            let value = expression.evaluate(&variables).ok()?;
            Some((name.clone(), typed_metadata::of_value(&value)?))
        };
        self.metadata.iter().filter_map(value).collect()
    }
}
