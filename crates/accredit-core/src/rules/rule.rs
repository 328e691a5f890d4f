//! A rule: the requests to which it applies, and what it requires of them.

use std::sync::Arc;

use crate::forward::strip::TokenForwarding;
use crate::rules::condition::Condition;
use crate::rules::demands::Demands;
use crate::rules::facts::Facts;
use crate::rules::matcher::{Matcher, RuleMismatch};
use crate::rules::matching_budget::{MatchingBudget, MatchingBudgetExceeded};
use crate::token::numeric_date::NumericDate;

#[derive(Clone, Debug)]
pub struct Rule {
    /// The unique name that metadata, metrics and logs show.
    pub name: Arc<str>,
    pub matcher: Matcher,
    /// The hosts and paths of the `rules_from` entry whose file has the rule. `None` for a rule of the configuration itself.
    pub bounds: Option<Arc<Matcher>>,
    pub access: Access,
    /// Until this moment the rule denies nothing (`shadow`). `None`: the rule is not on trial.
    pub trial_end: Option<NumericDate>,
    /// `forward_token` of the rule. `None` leaves it to the top-level setting.
    pub token_forwarding: Option<TokenForwarding>,
}

/// What a rule requires of a request.
#[derive(Clone, Debug)]
pub enum Access {
    /// The request is denied.
    Deny,
    /// The request needs no token, and its credential is not read.
    Anonymous { when: Option<Condition> },
    /// A request without a token is admitted. A token that is present must be valid and meet the demands.
    Optional(Demands),
    /// The request needs a verified token that meets the demands.
    Token(Demands),
}

impl Rule {
    /// The first condition that keeps the rule from applying; `None` if it applies.
    ///
    /// # Errors
    /// [`MatchingBudgetExceeded`]
    pub fn mismatch(
        &self,
        facts: &Facts<'_>,
        budget: &mut MatchingBudget,
    ) -> Result<Option<RuleMismatch>, MatchingBudgetExceeded> {
        match self.is_in_bounds(facts, budget)? {
            true => self.mismatch_in_bounds(facts, budget),
            false => Ok(Some(RuleMismatch::OutOfBounds)),
        }
    }

    /// Whether the request is within the hosts and paths of the entry of the rule's file. They are compared in the same way as the
    /// rule's own hosts and paths, so that both use one interpretation of the request.
    pub(crate) fn is_in_bounds(
        &self,
        facts: &Facts<'_>,
        budget: &mut MatchingBudget,
    ) -> Result<bool, MatchingBudgetExceeded> {
        match &self.bounds {
            Some(bounds) => Ok(bounds.mismatch(facts, budget)?.is_none()),
            None => Ok(true),
        }
    }

    /// [`Rule::mismatch`] of a request within the bounds.
    pub(crate) fn mismatch_in_bounds(
        &self,
        facts: &Facts<'_>,
        budget: &mut MatchingBudget,
    ) -> Result<Option<RuleMismatch>, MatchingBudgetExceeded> {
        if self.admits_without_token() && facts.path.is_ambiguous() {
            return Ok(Some(RuleMismatch::AmbiguousPath));
        }
        self.matcher.mismatch(facts, budget)
    }

    /// Whether the bounds of its file limit the rule to some paths.
    pub(crate) fn is_bounded_by_path(&self) -> bool {
        self.bounds
            .as_ref()
            .is_some_and(|bounds| bounds.paths.is_some())
    }

    /// Whether the rule now admits requests that it would deny. A `deny` rule never does (CONTRACT 8.7.3).
    pub(crate) fn is_on_trial(&self, now: NumericDate) -> bool {
        !matches!(self.access, Access::Deny) && self.trial_end.is_some_and(|end| now < end)
    }

    /// Whether the rule applies to every request.
    pub(crate) fn matches_all(&self) -> bool {
        self.conditions().all(Matcher::matches_all)
    }

    /// Whether this applies to every request to which `other` applies. `false` if that cannot be seen from the patterns.
    ///
    /// # Errors
    /// [`MatchingBudgetExceeded`]
    pub(crate) fn covers(
        &self,
        other: &Rule,
        budget: &mut MatchingBudget,
    ) -> Result<bool, MatchingBudgetExceeded> {
        for own in self.conditions() {
            if !other.is_covered_by(own, budget)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the bounds of this rule apply to every request to which `other` applies. `false` if that cannot be seen.
    ///
    /// # Errors
    /// [`MatchingBudgetExceeded`]
    pub(crate) fn bounds_cover(
        &self,
        other: &Rule,
        budget: &mut MatchingBudget,
    ) -> Result<bool, MatchingBudgetExceeded> {
        match &self.bounds {
            Some(bounds) => other.is_covered_by(bounds, budget),
            None => Ok(true),
        }
    }

    /// Whether both are rules of the configuration, or of files of one entry.
    pub(crate) fn shares_bounds(&self, other: &Rule) -> bool {
        match (&self.bounds, &other.bounds) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    fn is_covered_by(
        &self,
        wide: &Matcher,
        budget: &mut MatchingBudget,
    ) -> Result<bool, MatchingBudgetExceeded> {
        for own in self.conditions() {
            if wide.covers(own, budget)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The matchers that must all match.
    fn conditions(&self) -> impl Iterator<Item = &Matcher> {
        [Some(&self.matcher), self.bounds.as_deref()]
            .into_iter()
            .flatten()
    }

    /// Whether a request without a token can be admitted.
    pub(crate) fn admits_without_token(&self) -> bool {
        matches!(self.access, Access::Anonymous { .. } | Access::Optional(_))
    }

    /// `when`, if the rule has one.
    pub fn condition(&self) -> Option<&Condition> {
        match &self.access {
            Access::Deny => None,
            Access::Anonymous { when } => when.as_ref(),
            Access::Optional(demands) | Access::Token(demands) => demands.when.as_ref(),
        }
    }
}
