//! Builds the explanation of a decision: the rules, each step with a note, and the answer.

use std::sync::Arc;

use crate::admin::explains::Explains;
use crate::admin::pb;
use crate::app::notes::Notes;
use crate::app::pretended::Pretended;
use crate::authn::error::Error;
use crate::authz::authorizer::Authorizer;
use crate::authz::decision::{Decision, Refused};
use crate::authz::denial::{Denial, Unreadable};
use crate::authz::explanation::{Progress, RuleLookedAt, rules_looked_at};
use crate::authz::step::{Step, StepOutcome};
use crate::authz::tail::last_refusals::KeptRefusal;
use crate::envoy::current::Current;
use crate::envoy::plain::PlainAnswer;
use crate::envoy::service::CheckService;
use crate::request::Request;
use crate::token::error::TokenError;

const OF_HELD_KEYS: &str =
    "decided with the keys held now; for a real request the service may wait for newer keys";

/// Explains requests with the current configuration.
#[derive(Debug)]
pub struct Explainer(Arc<Current<Authorizer>>);

impl Explainer {
    /// Uses whichever configuration `current` holds at the time of each call.
    pub fn new(current: Arc<Current<Authorizer>>) -> Explainer {
        Explainer(current)
    }
}

impl Explains for Explainer {
    fn explain(&self, ask: pb::ExplainRequest) -> pb::Explanation {
        let service = self.0.load();
        let pretended = Pretended::new(ask, service.decider().sources().first());
        let request = pretended.request();
        let decision = match pretended.is_too_large() {
            true => Decision::Deny(Refused::early(Denial::InvalidRequest(Unreadable::Message))),
            false => service.peek(&request),
        };
        let mut explanation = explanation(&service, &pretended, &request, &decision);
        if is_of_held_keys(&decision, service.decider()) {
            let failed = |step: &&mut pb::Step| step.outcome == StepOutcome::Failed.to_string();
            if let Some(step) = explanation.steps.iter_mut().find(failed) {
                let note = step
                    .note
                    .take()
                    .map_or_else(String::new, |note| note + "; ");
                step.note = Some(note + OF_HELD_KEYS);
            }
        }
        explanation
    }

    fn explain_refusal(&self, kept: &KeptRefusal) -> Option<pb::Explanation> {
        let service = self.0.load();
        if service.config() != &*kept.entry.config {
            return None;
        }
        let table = service.decider().rules();
        let mut rules = table.iter();
        let rule = rules
            .find(|rule| *rule.name == *kept.entry.rule)
            .unwrap_or(table.default_rule());
        let steps = kept.progress.steps(rule, table).into_iter();
        Some(pb::Explanation {
            decision: kept.entry.decision.to_owned(),
            reason: kept.entry.reason.to_owned(),
            rule: kept.entry.rule.to_string(),
            rules: Vec::new(),
            steps: steps
                .map(|(step, outcome)| step_of(step, outcome, None))
                .collect(),
            answer: Some(PlainAnswer::of(service.answer_refused(&kept.refused)).into()),
            not_given: Vec::new(),
        })
    }
}

/// Whether the decision on a real request could differ: only real requests cause a fetch of keys.
fn is_of_held_keys(decision: &Decision, authorizer: &Authorizer) -> bool {
    let Decision::Deny(refused) = decision else {
        return false;
    };
    let issuers = authorizer.authenticator().issuers();
    let issuer = refused.issuer.as_deref();
    let is_fetched = issuer
        .and_then(|issuer| issuers.find(issuer))
        .is_some_and(|(_, issuer)| !issuer.keys.is_fixed());
    let is_for_want_of_a_key = match &refused.denial {
        Denial::Unauthenticated(error) => match error {
            Error::UnknownKey
            | Error::NoKeys { .. }
            | Error::KeysUnavailable { .. }
            | Error::KeyPending { .. }
            | Error::Token(TokenError::InvalidSignature) => true,
            // A held key may be replaced by one that fits; an `alg` that the issuer does not have names no key.
            Error::Token(TokenError::UnsupportedAlgorithm) => refused.key_id.is_some(),
            Error::MissingToken
            | Error::AmbiguousCredential(_)
            | Error::UnknownIssuer
            | Error::Token(_) => false,
        },
        Denial::InvalidRequest(_)
        | Denial::Forbidden(_)
        | Denial::Overloaded
        | Denial::Internal => false,
    };
    is_fetched && is_for_want_of_a_key
}

/// The explanation of `decision` on `request`.
pub fn explanation(
    service: &CheckService<Authorizer>,
    pretended: &Pretended,
    request: &Request<'_>,
    decision: &Decision,
) -> pb::Explanation {
    let authorizer = service.decider();
    let table = authorizer.rules();
    let facts = table.read(request);
    let rule = match &facts {
        Ok(facts) => table.select(facts),
        Err(_) => table.default_rule(),
    };
    let looked_at = facts.as_ref().map(|facts| rules_looked_at(table, facts));
    let notes = Notes::new(authorizer, request, rule);
    let steps = Progress::of(decision).steps(rule, table).into_iter();
    pb::Explanation {
        decision: match decision {
            Decision::Allow(_) => "allow".to_owned(),
            Decision::Deny(_) => "deny".to_owned(),
        },
        reason: decision.reason().to_owned(),
        rule: rule.name.to_string(),
        rules: looked_at
            .unwrap_or_default()
            .into_iter()
            .map(pb::RuleLookedAt::from)
            .collect(),
        steps: steps
            .map(|(step, outcome)| step_of(step, outcome, notes.of(step, outcome)))
            .collect(),
        answer: Some(PlainAnswer::of(service.answer(decision, request)).into()),
        not_given: pretended
            .not_given(authorizer)
            .into_iter()
            .map(str::to_owned)
            .collect(),
    }
}

fn step_of(step: Step, outcome: StepOutcome, note: Option<String>) -> pb::Step {
    pb::Step {
        name: step.name().to_owned(),
        outcome: outcome.to_string(),
        note,
    }
}

impl From<RuleLookedAt> for pb::RuleLookedAt {
    fn from(rule: RuleLookedAt) -> pb::RuleLookedAt {
        pb::RuleLookedAt {
            name: rule.name.to_string(),
            mismatch: rule.mismatch.map(|mismatch| mismatch.to_string()),
        }
    }
}

impl From<PlainAnswer> for pb::explanation::Answer {
    fn from(answer: PlainAnswer) -> pb::explanation::Answer {
        let headers = |pairs: Vec<(String, String)>| {
            pairs
                .into_iter()
                .map(|(name, value)| pb::Header { name, value })
                .collect()
        };
        match answer {
            PlainAnswer::Admitted { set, removed } => {
                pb::explanation::Answer::Admitted(pb::Admission {
                    set: headers(set),
                    removed,
                })
            }
            PlainAnswer::Refused {
                status,
                headers: sent,
                body,
            } => pb::explanation::Answer::Refused(pb::Refusal {
                status: status.into(),
                headers: headers(sent),
                body,
            }),
        }
    }
}
