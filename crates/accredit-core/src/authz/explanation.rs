//! The explanation of a decision, step by step.
//!
//! The steps are judged in one fixed order, and the first that fails gives the reason. So the reason shows which steps
//! passed and which were not reached; nothing is judged a second time.

use std::sync::Arc;

use crate::authz::authorizer::Authorizer;
use crate::authz::record::{DecisionRecord, TokenRecord};
use crate::authz::step::{Step, StepOutcome};
use crate::rules::facts::Facts;
use crate::rules::matcher::RuleMismatch;
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
        let mismatch = rule.mismatch(facts);
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
    };
    let failed = record.failed_step();
    Step::ALL
        .into_iter()
        .map(|step| (step, outcome(step, failed, &requirements)))
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
}

fn outcome(step: Step, failed: Option<Step>, requirements: &StepRequirements<'_>) -> StepOutcome {
    if failed == Some(step) {
        return StepOutcome::Failed;
    }
    if !requirements.include(step) {
        return StepOutcome::NotRequired;
    }
    // CONTRACT 4.1.3: without a key, the steps `exp` to `max_lifetime` are judged first.
    let judged_before_keys =
        failed == Some(Step::Key) && (Step::Expiry..=Step::Lifetime).contains(&step);
    match failed {
        Some(failed) if step > failed && !judged_before_keys => StepOutcome::NotReached,
        _ => StepOutcome::Passed,
    }
}

impl StepRequirements<'_> {
    fn include(&self, step: Step) -> bool {
        let needs = self.authorizer.rules().needs();
        let demands = match &self.rule.access {
            Access::Token(demands) | Access::Optional(demands) => Some(demands),
            Access::Deny | Access::Anonymous { .. } => None,
        };
        match step {
            Step::Host => needs.host,
            Step::Path => needs.path,
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
            Step::Scopes => demands.is_some_and(|demands| {
                self.has_token && !(demands.scopes.is_empty() && demands.any_scope.is_empty())
            }),
            Step::RuleClaims => {
                demands.is_some_and(|demands| self.has_token && !demands.claims.is_empty())
            }
            _ => self.rule.condition().is_some(),
        }
    }
}
