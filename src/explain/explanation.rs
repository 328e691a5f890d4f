//! From a decision to its explanation.

use std::sync::Arc;

use accredit_core::authn::error::AuthenticationError;
use accredit_core::authz::answer::{Answer, Judged};
use accredit_core::authz::authorizer::Authorizer;
use accredit_core::authz::denial::Denial;
use accredit_core::authz::denial_context::RefusalForm;
use accredit_core::authz::explanation::{ComparedRule, compared_rules, steps};
use accredit_core::authz::record::DecisionRecord;
use accredit_core::authz::step::{Step, StepOutcome};
use accredit_core::reason::Reason;
use accredit_core::request::Request;
use accredit_core::token::error::TokenError;

use crate::admin::explains::Explains;
use crate::admin::pb;
use crate::envoy::current::Current;
use crate::envoy::service;
use crate::explain::example::ExampleRequest;
use crate::explain::not_given::not_given;
use crate::explain::notes::Notes;
use crate::observe::report::DecisionReport;

const WITH_HELD_KEYS: &str =
    "decided with the keys held now; for a real request the service may wait for newer keys";

/// Explains by the configuration in force.
#[derive(Debug)]
pub struct LiveExplainer(Arc<Current<Authorizer>>);

impl LiveExplainer {
    pub fn new(current: Arc<Current<Authorizer>>) -> LiveExplainer {
        LiveExplainer(current)
    }
}

impl Explains for LiveExplainer {
    fn explain(&self, client_request: pb::ExplainRequest) -> pb::Explanation {
        let service = self.0.load();
        let authorizer = service.authorizer();
        let example = ExampleRequest::new(client_request, authorizer.sources().first());
        let request = example.request();
        let judged = match (example.denial(), service::now()) {
            (Some(denial), _) => authorizer.refuse(denial),
            (None, Ok(moment)) => authorizer.peek(&request, moment),
            (None, Err(_)) => authorizer.refuse(Denial::Internal),
        };
        let mut explanation = explanation(authorizer, &example, &request, &judged);
        if is_by_held_keys(&judged.record, authorizer) {
            let failed = |step: &&mut pb::Step| step.outcome == StepOutcome::Failed.to_string();
            if let Some(step) = explanation.steps.iter_mut().find(failed) {
                let note = step
                    .note
                    .take()
                    .map_or_else(String::new, |note| note + "; ");
                step.note = Some(note + WITH_HELD_KEYS);
            }
        }
        explanation
    }

    fn explain_refusal(&self, report: &DecisionReport) -> Option<pb::Explanation> {
        let service = self.0.load();
        if service.config() != &*report.config {
            return None;
        }
        let authorizer = service.authorizer();
        let table = authorizer.rules();
        let record = &report.record;
        let mut rules = table.iter();
        let rule = rules
            .find(|rule| rule.name == record.rule)
            .unwrap_or(table.default_rule());
        let steps = steps(record, rule, authorizer).into_iter();
        let answer = authorizer.refusals().answer_of(record);
        Some(pb::Explanation {
            decision: record.decision().as_str().to_owned(),
            reason: record.reason.as_str().to_owned(),
            rule: record.rule.to_string(),
            rules: Vec::new(),
            steps: steps
                .map(|(step, outcome)| step_of(step, outcome, cause(record, outcome)))
                .collect(),
            answer: Some(Answer::Refuse(answer).into()),
            not_given: Vec::new(),
        })
    }
}

/// Whether a real request could be decided otherwise, since only real requests start a fetch.
fn is_by_held_keys(record: &DecisionRecord, authorizer: &Authorizer) -> bool {
    let issuers = authorizer.authenticator().issuers();
    let is_fetched = record
        .issuer()
        .and_then(|issuer| issuers.find(issuer))
        .is_some_and(|(_, issuer)| !issuer.keys.is_fixed());
    let lacks_key = matches!(
        &record.denial,
        Some(Denial::Unauthenticated(
            AuthenticationError::Key(_) | AuthenticationError::Token(TokenError::InvalidSignature)
        ))
    );
    is_fetched && lacks_key
}

/// The explanation of a judged request.
pub fn explanation(
    authorizer: &Authorizer,
    example: &ExampleRequest,
    request: &Request<'_>,
    judged: &Judged,
) -> pb::Explanation {
    let table = authorizer.rules();
    let record = &judged.record;
    let facts = table.read(request);
    let is_by_no_rule = record.reason == Reason::ResourceMetadata
        || record.denial.as_ref().is_some_and(Denial::precedes_rule);
    let selected = facts.as_ref().ok().filter(|_| !is_by_no_rule);
    let selected = selected.and_then(|facts| Some((table.select(facts).ok()?, facts)));
    let (rule, compared) = match selected {
        Some((rule, facts)) => (rule, compared_rules(table, facts)),
        None => (table.default_rule(), Vec::new()),
    };
    let notes = Notes::new(
        authorizer,
        request,
        rule,
        service::now().ok().map(|moment| moment.wall),
    );
    let steps = steps(record, rule, authorizer).into_iter();
    pb::Explanation {
        decision: record.decision().as_str().to_owned(),
        reason: record.reason.as_str().to_owned(),
        rule: rule.name.to_string(),
        rules: compared.into_iter().map(pb::RuleLookedAt::from).collect(),
        steps: steps
            .map(|(step, outcome)| {
                let notes = [cause(record, outcome), notes.of(step, outcome)];
                let notes: Vec<String> = notes.into_iter().flatten().collect();
                step_of(step, outcome, (!notes.is_empty()).then(|| notes.join("; ")))
            })
            .collect(),
        answer: Some(answer(judged)),
        not_given: not_given(authorizer, example, request)
            .into_iter()
            .map(str::to_owned)
            .collect(),
    }
}

/// The cause of the step that failed (CONTRACT 2.5.6).
fn cause(record: &DecisionRecord, outcome: StepOutcome) -> Option<String> {
    let denial = record.denial.as_ref()?;
    (outcome == StepOutcome::Failed)
        .then(|| denial.cause())
        .flatten()
}

fn step_of(step: Step, outcome: StepOutcome, note: Option<String>) -> pb::Step {
    pb::Step {
        name: step.name().to_owned(),
        outcome: outcome.to_string(),
        note,
    }
}

impl From<ComparedRule> for pb::RuleLookedAt {
    fn from(rule: ComparedRule) -> pb::RuleLookedAt {
        pb::RuleLookedAt {
            name: rule.name.to_string(),
            mismatch: rule.mismatch.map(|mismatch| mismatch.to_string()),
        }
    }
}

/// The answer, and for an admission why claim headers are left out (CONTRACT 2.5.6).
fn answer(judged: &Judged) -> pb::explanation::Answer {
    let mut answer = judged.answer.clone().into();
    if let pb::explanation::Answer::Admitted(admission) = &mut answer
        && let Some(identity) = judged.record.identity()
    {
        let issuer = &identity.issuer;
        let left_out = issuer.claim_headers.left_out(
            identity.token.claims(),
            &issuer.requirements.scope_claims,
            issuer.payload_header.as_ref(),
        );
        admission.left_out = left_out
            .into_iter()
            .map(|header| pb::LeftOutHeader {
                name: header.name.to_string(),
                cause: header.cause.to_string(),
            })
            .collect();
    }
    answer
}

impl From<Answer> for pb::explanation::Answer {
    fn from(answer: Answer) -> pb::explanation::Answer {
        let header = |(name, value): (&str, &str)| pb::Header {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        match answer {
            Answer::Admit(admission) => pb::explanation::Answer::Admitted(pb::Admission {
                set: admission.set().map(header).collect(),
                removed: admission.remove().map(str::to_owned).collect(),
                left_out: Vec::new(),
            }),
            Answer::Refuse(refusal) => pb::explanation::Answer::Refused(pb::Refusal {
                status: refusal.status.into(),
                headers: refusal
                    .headers
                    .iter()
                    .map(|(name, value)| header((name, value)))
                    .collect(),
                body: refusal.body.into_owned(),
                left_to_envoy: refusal.form == RefusalForm::Error,
            }),
        }
    }
}
