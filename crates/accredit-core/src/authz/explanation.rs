//! The explanation of a decision, step by step.
//!
//! The steps are judged in one fixed order, and the first that fails gives the reason. So the reason shows which steps
//! passed and which were not reached, and no step runs a second time.

use std::sync::Arc;

use crate::authn::error::AuthenticationError;
use crate::authz::authorizer::Authorizer;
use crate::authz::denial::Denial;
use crate::authz::record::{DecisionRecord, TokenRecord};
use crate::authz::step::{Step, StepOutcome};
use crate::keys::ledger::MissingKey;
use crate::reason::Reason;
use crate::rules::facts::Facts;
use crate::rules::matcher::RuleMismatch;
use crate::rules::matching_budget::MatchingBudget;
use crate::rules::rule::{Access, Rule};
use crate::rules::table::RuleTable;

/// A rule that was compared with the request.
#[derive(Clone, Debug)]
pub struct ComparedRule {
    pub name: Arc<str>,
    /// Why the rule does not match the request; `None` if it matches.
    pub mismatch: Option<RuleMismatch>,
}

/// The rules that were compared with the request, in order. The last one decides.
pub fn compared_rules(table: &RuleTable, facts: &Facts<'_>) -> Vec<ComparedRule> {
    let mut compared = Vec::new();
    for rule in table.iter() {
        // A check that exceeds its budget compares no rule here, so this always has a result.
        let mismatch = rule.mismatch(facts, &mut MatchingBudget::unlimited());
        let mismatch = mismatch.unwrap_or(Some(RuleMismatch::Path));
        compared.push(ComparedRule {
            name: rule.name.clone(),
            mismatch,
        });
        if mismatch.is_none() {
            return compared;
        }
    }
    compared.push(ComparedRule {
        name: table.default_rule().name.clone(),
        mismatch: None,
    });
    compared
}

/// The outcome of each step. `rule` is the rule that decided.
pub fn steps(
    record: &DecisionRecord,
    rule: &Rule,
    authorizer: &Authorizer,
) -> Vec<(Step, StepOutcome)> {
    let requirements = StepRequirements {
        rule,
        authorizer,
        has_token: has_token(record),
        is_metadata: record.reason == Reason::ResourceMetadata,
    };
    Step::ALL
        .into_iter()
        .map(|step| (step, outcome(step, record, &requirements)))
        .collect()
}

/// Whether the request has a token that was read, or that would have been read if an earlier step had not failed.
fn has_token(record: &DecisionRecord) -> bool {
    match (&record.token, &record.denial) {
        (TokenRecord::NotAccepted { .. } | TokenRecord::Verified(_), _) => true,
        (TokenRecord::NotRead, Some(denial)) => denial.precedes_token(),
        (TokenRecord::NotRead, None) => false,
    }
}

/// Which steps the rule and the configuration require.
struct StepRequirements<'a> {
    rule: &'a Rule,
    authorizer: &'a Authorizer,
    has_token: bool,
    /// accredit answered the metadata of the API, before every step that reads the request.
    is_metadata: bool,
}

fn outcome(
    step: Step,
    record: &DecisionRecord,
    requirements: &StepRequirements<'_>,
) -> StepOutcome {
    let failed = record.denial.as_ref().map(Denial::step);
    if failed == Some(Some(step)) {
        return StepOutcome::Failed;
    }
    if !requirements.include(step) {
        return StepOutcome::NotRequired;
    }
    let has_passed = match failed {
        None => true,
        // After a fault of accredit, it is not known which steps had passed.
        Some(None) => false,
        Some(Some(failed)) => has_passed_before(step, failed, record),
    };
    if has_passed {
        StepOutcome::Passed
    } else {
        StepOutcome::NotReached
    }
}

/// Whether the step had passed when `failed` failed. CONTRACT 4.1.3: without a key for the token, the steps `exp` to
/// `max_lifetime` are judged first, and the steps `key` to `cnf` have not passed when one of these fails.
fn has_passed_before(step: Step, failed: Step, record: &DecisionRecord) -> bool {
    let of_claims = Step::Expiry..=Step::Lifetime;
    let of_keys = Step::Key..=Step::Binding;
    if of_claims.contains(&failed) && of_keys.contains(&step) {
        return record.has_verified_signature();
    }
    let lacks_key = match &record.denial {
        Some(Denial::Unauthenticated(AuthenticationError::Key(missing))) => {
            *missing != MissingKey::Unfit
        }
        _ => false,
    };
    step < failed || (lacks_key && of_claims.contains(&step))
}

impl StepRequirements<'_> {
    fn include(&self, step: Step) -> bool {
        if matches!(step, Step::Overload | Step::Message) {
            return true;
        }
        if self.is_metadata {
            return false;
        }
        let needs = self.authorizer.rules().needs();
        let demands = match &self.rule.access {
            Access::Token(demands) | Access::Optional(demands) => Some(demands),
            Access::Deny | Access::Anonymous { .. } => None,
        };
        match step {
            Step::Host => needs.host,
            Step::Path => needs.path || needs.method,
            Step::Rule => true,
            Step::Credential => demands.is_some(),
            Step::DenyList => {
                let is_configured = self.authorizer.authenticator().deny_list().is_some();
                demands.is_some() && self.has_token && is_configured
            }
            step if step.is_of_token() => demands.is_some() && self.has_token,
            Step::RuleIssuers => {
                demands.is_some_and(|demands| self.has_token && demands.issuers.is_some())
            }
            Step::RuleAudiences => {
                demands.is_some_and(|demands| self.has_token && demands.audiences.is_some())
            }
            Step::Scopes => {
                demands.is_some_and(|demands| self.has_token && !demands.scopes.is_empty())
            }
            Step::AnyScope => {
                demands.is_some_and(|demands| self.has_token && !demands.any_scope.is_empty())
            }
            Step::RuleClaims => {
                demands.is_some_and(|demands| self.has_token && !demands.claims.is_empty())
            }
            _ => self.rule.condition().is_some(),
        }
    }
}
