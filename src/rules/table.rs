//! The rules in their order: the first that matches decides, and where none does a token is required.

use std::collections::HashMap;
use std::sync::Arc;

use crate::request::Request;
use crate::rules::demands::Demands;
use crate::rules::facts::{Facts, Needs, Target, TargetError};
use crate::rules::path::Ambiguities;
use crate::rules::pattern::PathPattern;
use crate::rules::rule::{Access, Matcher, Rule};

/// The name of the rule that applies where none matches.
pub const DEFAULT_RULE: &str = "default";

/// Compiled rules. They are found by the first segment of a path, so that a thousand of them cost about what ten do.
#[derive(Debug)]
pub struct RuleTable {
    rules: Vec<Arc<Rule>>,
    by_first_segment: HashMap<String, Vec<usize>>,
    /// Rules that no first segment rules out.
    others: Vec<usize>,
    default: Arc<Rule>,
    needs: Needs,
    allowed: Ambiguities,
}

impl RuleTable {
    /// Compiles rules; paths with these ambiguities are let through to rules that ask for a token.
    pub fn new(rules: Vec<Rule>, allowed: Ambiguities) -> RuleTable {
        let rules: Vec<Arc<Rule>> = rules.into_iter().map(Arc::new).collect();
        let mut by_first_segment: HashMap<String, Vec<usize>> = HashMap::new();
        let mut others = Vec::new();
        for (number, rule) in rules.iter().enumerate() {
            match first_segments(&rule.matcher) {
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
            access: Access::Token(Demands::default()),
            token_forwarding: None,
        });
        let needs = needs(&rules);
        RuleTable {
            rules,
            by_first_segment,
            others,
            default,
            needs,
            allowed,
        }
    }

    /// Reads what the rules need of a request.
    ///
    /// # Errors
    /// [`TargetError`] where that could be read in more than one way.
    pub fn read<'a>(&self, request: &'a Request<'a>) -> Result<Facts<'a>, TargetError> {
        Facts::read(request, self.needs, self.allowed)
    }

    /// The rule that decides.
    pub fn select(&self, facts: &Facts<'_>) -> &Arc<Rule> {
        let named = self
            .by_first_segment
            .get(first_segment(&facts.target))
            .map(Vec::as_slice)
            .unwrap_or_default();
        let mut candidates = Merged {
            left: named,
            right: &self.others,
        };
        candidates
            .find_map(|number| {
                self.rules
                    .get(number)
                    .filter(|rule| rule.mismatch(facts).is_none())
            })
            .unwrap_or(&self.default)
    }

    /// What must have one reading.
    pub fn needs(&self) -> Needs {
        self.needs
    }

    /// Every rule in its order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.rules.iter()
    }

    /// The rule where none matches.
    pub fn default_rule(&self) -> &Arc<Rule> {
        &self.default
    }
}

fn needs(rules: &[Arc<Rule>]) -> Needs {
    let reads = |rule: &Rule| {
        rule.condition()
            .map(|condition| condition.expression().reads())
            .unwrap_or_default()
    };
    Needs {
        host: rules
            .iter()
            .any(|rule| rule.matcher.hosts.is_some() || reads(rule).host()),
        path: rules
            .iter()
            .any(|rule| rule.matcher.paths.is_some() || reads(rule).path()),
    }
}

/// The first segments that a matching path must have one of; `None` if it may have any.
fn first_segments(matcher: &Matcher) -> Option<Vec<String>> {
    let literal = |pattern: &PathPattern| pattern.first_literal().map(str::to_owned);
    matcher.paths.as_ref()?.iter().map(literal).collect()
}

fn first_segment(target: &Target) -> &str {
    target
        .segments()
        .and_then(<[String]>::first)
        .map(String::as_str)
        .unwrap_or_default()
}

/// Two ascending lists as one.
struct Merged<'a> {
    left: &'a [usize],
    right: &'a [usize],
}

impl Iterator for Merged<'_> {
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
