//! The rules in their order: the first that matches a request decides.

use std::sync::Arc;

use foldhash::HashMap;

use crate::expression::reads::Reads;
use crate::request::Request;
use crate::rules::ambiguity::Ambiguities;
use crate::rules::demands::Demands;
use crate::rules::facts::{Facts, MatchedPath, Needs, TargetError};
use crate::rules::matcher::Matcher;
use crate::rules::matching_budget::{MatchingBudget, MatchingBudgetExceeded};
use crate::rules::pattern::PathPattern;
use crate::rules::rule::{Access, Rule};
use crate::rules::rules_file::RulesFileStatus;

/// The name of the rule that decides if no other rule matches. It requires a verified token.
pub const DEFAULT_RULE: &str = "default";

/// Compiled rules, indexed by the first path segment: with a thousand rules, a check compares about as many as with ten.
#[derive(Debug)]
pub struct RuleTable {
    rules: Vec<Arc<Rule>>,
    by_first_segment: HashMap<String, Vec<usize>>,
    /// Rules without paths, or with a pattern whose first segment is not literal.
    others: Vec<usize>,
    /// For each rule of a file, the number of the first later rule that has other bounds. If a request is outside the bounds, the
    /// rules before that one are left out: the cost of a check does not grow with the rules of other teams.
    ends_of_bounds: Vec<usize>,
    default: Arc<Rule>,
    needs: Needs,
    permitted: Ambiguities,
    files: Vec<RulesFileStatus>,
}

impl RuleTable {
    /// Indexes rules. `permitted` are the kinds of `ambiguous_paths`.
    pub fn new(rules: Vec<Rule>, permitted: Ambiguities) -> RuleTable {
        let rules: Vec<Arc<Rule>> = rules.into_iter().map(Arc::new).collect();
        let mut by_first_segment: HashMap<String, Vec<usize>> = HashMap::default();
        let mut others = Vec::new();
        for (number, rule) in rules.iter().enumerate() {
            match first_segments(rule) {
                Some(segments) => {
                    for segment in segments {
                        let numbers = by_first_segment.entry(segment).or_default();
                        if numbers.last() != Some(&number) {
                            numbers.push(number);
                        }
                    }
                }
                None => others.push(number),
            }
        }
        let default = Arc::new(Rule {
            name: DEFAULT_RULE.into(),
            matcher: Matcher::default(),
            bounds: None,
            trial_end: None,
            access: Access::Token(Demands::default()),
            token_forwarding: None,
        });
        let needs = needs(&rules);
        let ends_of_bounds = ends_of_bounds(&rules);
        RuleTable {
            rules,
            by_first_segment,
            others,
            ends_of_bounds,
            default,
            needs,
            permitted,
            files: Vec::new(),
        }
    }

    /// A table whose rules are partly those of files, in this state.
    ///
    /// It reads the host, the method and the path of every request as if a rule had all three. Otherwise a change of one file
    /// would change how requests outside its bounds are read: a first rule with `methods` refuses every method with a lower-case
    /// letter, for example.
    #[must_use]
    pub fn with_files(mut self, files: Vec<RulesFileStatus>) -> RuleTable {
        self.needs.host = true;
        self.needs.method = true;
        self.needs.path = true;
        self.files = files;
        self
    }

    /// Reads the parts of a request that the rules need.
    ///
    /// # Errors
    /// [`TargetError`] if such a part could be interpreted in more than one way.
    pub fn read<'a>(&self, request: &'a Request<'a>) -> Result<Facts<'a>, TargetError> {
        Facts::read(request, self.needs, self.permitted)
    }

    /// A table for which the parts of a request that these expressions read are read, too.
    #[must_use]
    pub fn with_reads(mut self, reads: impl Iterator<Item = Reads>) -> RuleTable {
        for reads in reads {
            self.needs.host |= reads.host();
            self.needs.method |= reads.method();
            self.needs.path |= reads.path();
            self.needs.address |= reads.address();
        }
        self
    }

    /// The first rule that matches, or the default rule.
    ///
    /// # Errors
    /// [`TargetError::Path`] if that is a rule whose file is bounded to paths, and the path is ambiguous: the upstream
    /// may interpret it as a path outside the bounds, about which the file must not decide. No other rule may decide
    /// either, because the path may be one that the file protects. [`TargetError::TooManyComparisons`] if it is not found within
    /// the budget of a check: a rule that was not compared could be one that denies the request.
    pub fn select(&self, facts: &Facts<'_>) -> Result<&Arc<Rule>, TargetError> {
        let named = self
            .by_first_segment
            .get(first_segment(&facts.path))
            .map(Vec::as_slice)
            .unwrap_or_default();
        let candidates = MergedIndices {
            left: named,
            right: &self.others,
        };
        let selected = self
            .first_match(candidates, facts, &mut MatchingBudget::of_check())
            .map_err(|MatchingBudgetExceeded| TargetError::TooManyComparisons)?
            .unwrap_or(&self.default);
        match facts.path {
            MatchedPath::Permitted(_, kinds) if selected.is_bounded_by_path() => {
                Err(TargetError::Path(Some(kinds)))
            }
            _ => Ok(selected),
        }
    }

    fn first_match(
        &self,
        mut candidates: MergedIndices<'_>,
        facts: &Facts<'_>,
        budget: &mut MatchingBudget,
    ) -> Result<Option<&Arc<Rule>>, MatchingBudgetExceeded> {
        // The request is within the bounds of the rules before this number.
        let mut end_of_bounds = 0;
        while let Some(number) = candidates.next() {
            let Some(rule) = self.rules.get(number) else {
                continue;
            };
            budget.spend(2)?;
            if rule.bounds.is_some() && number >= end_of_bounds {
                end_of_bounds = self.ends_of_bounds.get(number).copied().unwrap_or(number);
                if !rule.is_in_bounds(facts, budget)? {
                    candidates.skip_to(end_of_bounds);
                    continue;
                }
            }
            if rule.mismatch_in_bounds(facts, budget)?.is_none() {
                return Ok(Some(rule));
            }
        }
        Ok(None)
    }

    /// The files of `rules_from`, in the order of their rules.
    pub fn files(&self) -> &[RulesFileStatus] {
        &self.files
    }

    /// The parts of a request that at least one rule reads.
    pub fn needs(&self) -> Needs {
        self.needs
    }

    /// The configured rules in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.rules.iter()
    }

    /// The rule that decides if no other rule matches.
    pub fn default_rule(&self) -> &Arc<Rule> {
        &self.default
    }
}

/// For each rule, the number of the first later rule that does not share its bounds.
fn ends_of_bounds(rules: &[Arc<Rule>]) -> Vec<usize> {
    let mut number = 0;
    let groups = rules.chunk_by(|one, other| one.shares_bounds(other));
    groups
        .flat_map(|group| {
            number += group.len();
            std::iter::repeat_n(number, group.len())
        })
        .collect()
}

fn needs(rules: &[Arc<Rule>]) -> Needs {
    let reads = |rule: &Rule| {
        rule.condition()
            .map(|condition| condition.expression().reads())
            .unwrap_or_default()
    };
    let is_bounded = |rule: &Rule, by: fn(&Matcher) -> bool| rule.bounds.as_deref().is_some_and(by);
    Needs {
        host: rules.iter().any(|rule| {
            rule.matcher.hosts.is_some()
                || is_bounded(rule, |bounds| bounds.hosts.is_some())
                || reads(rule).host()
        }),
        method: rules
            .iter()
            .any(|rule| rule.matcher.methods.is_some() || reads(rule).method()),
        path: rules.iter().any(|rule| {
            rule.matcher.paths.is_some() || rule.is_bounded_by_path() || reads(rule).path()
        }),
        address: rules
            .iter()
            .any(|rule| rule.matcher.addresses.is_some() || reads(rule).address()),
    }
}

/// The first segments of which a matching path has one. `None` if any first segment can match.
fn first_segments(rule: &Rule) -> Option<Vec<String>> {
    let literal = |pattern: &PathPattern| pattern.first_literal().map(str::to_owned);
    let of = |matcher: &Matcher| -> Option<Vec<String>> {
        matcher.paths.as_ref()?.iter().map(literal).collect()
    };
    of(&rule.matcher).or_else(|| of(rule.bounds.as_deref()?))
}

fn first_segment<'a>(path: &'a MatchedPath<'_>) -> &'a str {
    path.segments()
        .and_then(<[_]>::first)
        .map(|segment| &**segment)
        .unwrap_or_default()
}

/// Merges two ascending lists.
struct MergedIndices<'a> {
    left: &'a [usize],
    right: &'a [usize],
}

impl MergedIndices<'_> {
    /// Leaves out every index below this one.
    fn skip_to(&mut self, first: usize) {
        for list in [&mut self.left, &mut self.right] {
            let below = list.partition_point(|number| *number < first);
            *list = list.get(below..).unwrap_or_default();
        }
    }
}

impl Iterator for MergedIndices<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let from_left = match (self.left.first(), self.right.first()) {
            (Some(left), Some(right)) => left < right,
            (Some(_), None) => true,
            (None, _) => false,
        };
        let list = if from_left {
            &mut self.left
        } else {
            &mut self.right
        };
        let (first, rest) = list.split_first()?;
        *list = rest;
        Some(*first)
    }
}

#[cfg(test)]
mod tests;
