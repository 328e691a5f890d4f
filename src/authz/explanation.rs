//! A decision told step by step: the very decision that the service makes, and what it says of each step before it.
//!
//! Steps are judged in one fixed order, and the first that fails is the reason; so the reason tells which steps had
//! passed and which were never reached. Nothing is judged here a second time.

use std::sync::Arc;

use crate::authn::error::Error;
use crate::authz::decision::{Decision, Refused};
use crate::authz::denial::{Denial, Unreadable};
use crate::authz::step::{Step, StepOutcome};
use crate::rules::demands::RuleDenial;
use crate::rules::facts::{Facts, TargetError};
use crate::rules::matcher::RuleMismatch;
use crate::rules::rule::{Access, Rule};
use crate::rules::table::RuleTable;
use crate::token::error::{ClaimStep, TokenError};

/// One rule that was looked at.
#[derive(Clone, Debug)]
pub struct RuleLookedAt {
    /// Its name.
    pub name: Arc<str>,
    /// Why it is not for the request; `None` if it is.
    pub mismatch: Option<RuleMismatch>,
}

/// The rules that were looked at, in their order, the one that decides last.
pub fn rules_looked_at(table: &RuleTable, facts: &Facts<'_>) -> Vec<RuleLookedAt> {
    let mut looked_at = Vec::new();
    for rule in table.iter() {
        let mismatch = rule.mismatch(facts);
        looked_at.push(RuleLookedAt {
            name: rule.name.clone(),
            mismatch,
        });
        if mismatch.is_none() {
            return looked_at;
        }
    }
    looked_at.push(RuleLookedAt {
        name: table.default_rule().name.clone(),
        mismatch: None,
    });
    looked_at
}

/// How far a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    failed: Option<Step>,
    has_token: bool,
}

impl Progress {
    /// How far that decision's request came.
    pub fn of(decision: &Decision) -> Progress {
        match decision {
            Decision::Allow(grant) => Progress {
                failed: None,
                has_token: grant.identity.is_some(),
            },
            Decision::Deny(refused) => Progress::until(refused),
        }
    }

    /// How far a refused request came.
    pub fn until(refused: &Refused) -> Progress {
        Progress {
            failed: Some(failed_step(&refused.denial)),
            has_token: has_token(refused),
        }
    }

    /// How each step ended; `rule` is the one that decides.
    pub fn steps(self, rule: &Rule, table: &RuleTable) -> Vec<(Step, StepOutcome)> {
        let asked = Asked {
            rule,
            table,
            has_token: self.has_token,
        };
        Step::ALL
            .into_iter()
            .map(|step| (step, outcome(step, self.failed, &asked)))
            .collect()
    }
}

struct Asked<'a> {
    rule: &'a Rule,
    table: &'a RuleTable,
    has_token: bool,
}

fn outcome(step: Step, failed: Option<Step>, asked: &Asked<'_>) -> StepOutcome {
    if failed == Some(step) {
        return StepOutcome::Failed;
    }
    if !asked.asks(step) {
        return StepOutcome::NotAsked;
    }
    // Where no key is found, `exp` to `max_lifetime` have been judged before anything is said of keys.
    let judged_before_keys =
        failed == Some(Step::Key) && (Step::Expiry..=Step::Lifetime).contains(&step);
    match failed {
        Some(failed) if step > failed && !judged_before_keys => StepOutcome::NotReached,
        _ => StepOutcome::Passed,
    }
}

impl Asked<'_> {
    fn asks(&self, step: Step) -> bool {
        let needs = self.table.needs();
        let demands = match &self.rule.access {
            Access::Token(demands) | Access::Optional(demands) => Some(demands),
            Access::Deny | Access::Anonymous { .. } => None,
        };
        match step {
            Step::Host => needs.host,
            Step::Path => needs.path,
            Step::Rule => true,
            Step::Credential => demands.is_some(),
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
            _ => self.rule.condition().is_some(),
        }
    }
}

/// Whether the request carried a token that was looked at, or would have been.
fn has_token(refused: &Refused) -> bool {
    match &refused.denial {
        Denial::Unauthenticated(_) => true,
        Denial::Forbidden(_) => refused.identity.is_some(),
        Denial::InvalidRequest(_) | Denial::Overloaded | Denial::Internal => true,
    }
}

fn failed_step(denial: &Denial) -> Step {
    match denial {
        Denial::InvalidRequest(Unreadable::Target(TargetError::Method | TargetError::Path(_))) => {
            Step::Path
        }
        // Before anything was judged.
        Denial::InvalidRequest(Unreadable::Message | Unreadable::Target(TargetError::Host))
        | Denial::Overloaded
        | Denial::Internal => Step::Host,
        Denial::Unauthenticated(error) => step_of(error),
        Denial::Forbidden(refusal) => match refusal {
            RuleDenial::AccessDenied => Step::Rule,
            RuleDenial::IssuerNotAllowed => Step::RuleIssuers,
            RuleDenial::InvalidAudience => Step::RuleAudiences,
            RuleDenial::InsufficientScope { .. } => Step::Scopes,
            RuleDenial::ConditionFailed { .. } => Step::Condition,
        },
    }
}

fn step_of(error: &Error) -> Step {
    match error {
        Error::MissingToken | Error::AmbiguousCredential(_) => Step::Credential,
        Error::UnknownIssuer => Step::Issuer,
        Error::UnknownKey
        | Error::NoKeys { .. }
        | Error::KeysUnavailable { .. }
        | Error::KeyPending { .. } => Step::Key,
        Error::Token(error) => match error {
            TokenError::Malformed => Step::Form,
            TokenError::UnsupportedAlgorithm => Step::Algorithm,
            TokenError::InvalidType => Step::Type,
            TokenError::InvalidSignature => Step::Signature,
            TokenError::UnprovenBinding => Step::Binding,
            TokenError::Expired => Step::Expiry,
            TokenError::InvalidAudience => Step::Audience,
            TokenError::LifetimeTooLong => Step::Lifetime,
            TokenError::NotANumericDate(step)
            | TokenError::NotYetValid(step)
            | TokenError::MissingClaim(step) => match step {
                ClaimStep::Expiry => Step::Expiry,
                ClaimStep::NotBefore => Step::NotBefore,
                ClaimStep::IssuedAt => Step::IssuedAt,
                ClaimStep::Audience => Step::Audience,
                ClaimStep::Required => Step::RequiredClaims,
                ClaimStep::Lifetime => Step::Lifetime,
            },
        },
    }
}
