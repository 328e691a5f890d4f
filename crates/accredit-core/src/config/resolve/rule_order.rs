//! Warnings about the order of rules: rules that never decide, and rules that a request can evade.

use std::sync::Arc;

use crate::config::path;
use crate::config::problem::Problems;
use crate::config::rule_document::RuleDocument;
use crate::config::sentence::Sentence;
use crate::config::warning::WarningCode;
use crate::config::words::AccessWord;
use crate::rules::matching_budget::{MatchingBudget, MatchingBudgetExceeded};
use crate::rules::rule::{Access, Rule};
use crate::token::claim_demand::ClaimDemand;

/// The rules of the configuration, or those of a rules file.
pub(crate) struct RuleGroup<'a> {
    pub(crate) documents: &'a [RuleDocument],
    pub(crate) rules: &'a [Rule],
    /// The key path of the list.
    pub(crate) key: &'static str,
    /// The path of the rules file.
    pub(crate) file: Option<Arc<str>>,
    /// `None` if nothing is reported about these rules.
    pub(crate) problems: Option<&'a mut Problems>,
}

/// The most steps of the comparisons between rules for the warnings of one code, some 0.1 s. A configuration takes effect after them, so that a team with many
/// rules could otherwise delay every change, also one that withdraws access.
const MAX_STEPS: usize = 40_000_000;

/// A rule at its place in the order.
#[derive(Clone, Copy)]
struct OrderedRule<'a> {
    group: usize,
    number: usize,
    document: &'a RuleDocument,
    rule: &'a Rule,
}

/// Warns of rules that never decide, and of rules that can be evaded (CONTRACT 3.10.7). The groups are in the order of
/// their rules.
pub(crate) fn warn_of_order(groups: &mut [RuleGroup<'_>]) {
    let mut rules = Vec::new();
    for (group, of_group) in groups.iter().enumerate() {
        let pairs = of_group.documents.iter().zip(of_group.rules).enumerate();
        rules.extend(pairs.map(|(number, (document, rule))| OrderedRule {
            group,
            number,
            document,
            rule,
        }));
    }
    // Each has a budget of its own: rules that are hard to compare must not hide that a rule can be evaded.
    let mut budget = MatchingBudget::of(MAX_STEPS);
    if let Err((first, MatchingBudgetExceeded)) = warn_of_unreachable(groups, &rules, &mut budget) {
        let which = " on, rules that never decide are not reported";
        warn_of_too_many(groups, first, WarningCode::RuleUnreachable, which);
    }
    let mut budget = MatchingBudget::of(MAX_STEPS);
    if let Err((first, MatchingBudgetExceeded)) = warn_of_evadable(groups, &rules, &mut budget) {
        let which = " on, rules that can be evaded are not reported";
        warn_of_too_many(groups, first, WarningCode::RuleEvadable, which);
    }
}

/// Stops at the first rule that is not compared.
fn warn_of_unreachable<'a>(
    groups: &mut [RuleGroup<'_>],
    rules: &[OrderedRule<'a>],
    budget: &mut MatchingBudget,
) -> Result<(), (OrderedRule<'a>, MatchingBudgetExceeded)> {
    let sections: Vec<&[OrderedRule<'a>]> = rules
        .chunk_by(|one, other| one.rule.shares_bounds(other.rule))
        .collect();
    for (number, section) in sections.iter().enumerate() {
        let before = sections.get(..number).unwrap_or_default();
        for (position, one) in section.iter().enumerate() {
            let of_section = section.get(..position).unwrap_or_default();
            let earlier = covering(before, of_section, *one, budget);
            let Some(earlier) = earlier.map_err(|exceeded| (*one, exceeded))? else {
                continue;
            };
            let what = Sentence::own("this rule never decides: ");
            let what = name_of(groups, earlier, one.group, what)
                .and(" matches every request that it matches");
            warn(
                groups,
                *one,
                WarningCode::RuleUnreachable,
                what,
                "put the narrower rule first, or remove this rule",
            );
        }
    }
    Ok(())
}

/// The first rule of these sections, and then of the rules before it in its own section, that covers the rule. The rules of a
/// section have the same bounds. They are compared only if the bounds cover the rule, so that teams with other hosts cost little.
fn covering<'a>(
    before: &[&[OrderedRule<'a>]],
    of_section: &[OrderedRule<'a>],
    one: OrderedRule<'a>,
    budget: &mut MatchingBudget,
) -> Result<Option<OrderedRule<'a>>, MatchingBudgetExceeded> {
    for section in before.iter().copied().chain([of_section]) {
        let Some(first) = section.first() else {
            continue;
        };
        if !first.rule.bounds_cover(one.rule, budget)? {
            continue;
        }
        for earlier in section {
            if earlier.rule.covers(one.rule, budget)? {
                return Ok(Some(*earlier));
            }
        }
    }
    Ok(None)
}

/// Stops at the first rule that is not compared.
fn warn_of_evadable<'a>(
    groups: &mut [RuleGroup<'_>],
    rules: &[OrderedRule<'a>],
    budget: &mut MatchingBudget,
) -> Result<(), (OrderedRule<'a>, MatchingBudgetExceeded)> {
    // Rules after the first one that matches every request never decide.
    let catch_all = rules.iter().position(|one| one.rule.matches_all());
    let deciding = catch_all.map_or(rules.len(), |number| number + 1);
    let last = catch_all.and_then(|number| rules.get(number)).copied();
    let is_stricter = |rule: &Rule| match &rule.access {
        Access::Deny => true,
        Access::Token(demands) => demands.exceed_verified_token(),
        Access::Anonymous { .. } | Access::Optional(_) => false,
    };
    for one in rules.iter().take(deciding) {
        if !is_stricter(one.rule) {
            continue;
        }
        let is_evadable = match last {
            Some(last) => {
                let steps = steps_of(last).saturating_mul(steps_of(*one));
                budget.spend(steps).map_err(|exceeded| (*one, exceeded))?;
                !(is_as_strict(last.document, one.document)
                    && requires_claims_of(last.rule, one.rule))
            }
            None => true,
        };
        if is_evadable {
            warn_of_evasion(groups, *one, last);
        }
    }
    Ok(())
}

/// The product for two rules is at least the steps of the comparison of what they require.
fn steps_of(one: OrderedRule<'_>) -> usize {
    let document = one.document;
    let texts = [
        &document.issuers,
        &document.audiences,
        &document.scopes,
        &document.any_scope,
    ];
    let texts = texts.into_iter().flatten().flatten();
    let texts: usize = texts.map(|text| 1 + text.len() / 32).sum();
    let values = claims(&one.rule.access).iter();
    let values: usize = values.map(ClaimDemand::comparisons).sum();
    1 + texts + values
}

/// `first` is the first rule that was not compared.
fn warn_of_too_many(
    groups: &mut [RuleGroup<'_>],
    first: OrderedRule<'_>,
    code: WarningCode,
    which: &'static str,
) {
    let what = Sentence::own("there are too many rules to compare each with the others: from ");
    let what = name_of(groups, first, 0, what).and(which);
    if let Some(problems) = groups.first_mut().and_then(|own| own.problems.as_mut()) {
        problems.warn(
            code,
            match first.group {
                0 => "rules",
                _ => "rules_from",
            },
            what,
            "join rules that differ in their patterns only, or shorten their lists",
        );
    }
}

/// `last` is the rule that decides about a request which matches no earlier one.
fn warn_of_evasion(
    groups: &mut [RuleGroup<'_>],
    evadable: OrderedRule<'_>,
    last: Option<OrderedRule<'_>>,
) {
    let (what, advice) = match last {
        None => (
            "this rule is stricter than the default rule, which admits a request that evades it with any verified token"
                .into(),
            Sentence::own("end the rules with a rule of `access: deny` that matches every request"),
        ),
        Some(last) => (
            name_of(groups, last, evadable.group, Sentence::own("this rule is stricter than "))
                .and(", which decides about a request that evades it"),
            name_of(groups, last, evadable.group, Sentence::own("give "))
                .and(" the conditions of this rule, or `access: deny`"),
        ),
    };
    warn(groups, evadable, WarningCode::RuleEvadable, what, advice);
}

fn warn(
    groups: &mut [RuleGroup<'_>],
    rule: OrderedRule<'_>,
    code: WarningCode,
    what: Sentence,
    advice: impl Into<Sentence>,
) {
    if let Some(group) = groups.get_mut(rule.group)
        && let Some(problems) = &mut group.problems
    {
        problems.warn(code, &path::item(group.key, rule.number), what, advice);
    }
}

/// Adds the name of the rule, for a problem of that group.
fn name_of(
    groups: &[RuleGroup<'_>],
    rule: OrderedRule<'_>,
    result: usize,
    sentence: Sentence,
) -> Sentence {
    let Some(group) = groups.get(rule.group) else {
        return sentence;
    };
    let key = path::item(group.key, rule.number);
    match &group.file {
        _ if rule.group == result => sentence
            .and("the rule ")
            .and_quote(&path::member(&key, "name"), &rule.rule.name),
        // The names in the configuration can come from the environment. The problems of a file do not know which values did.
        None => sentence.and(format!("{key} of the configuration")),
        Some(file) => sentence.and(format!("the rule {key} of {file}")),
    }
}

/// Whether every token that `last` admits has the claims that `rule` requires. A `deny` rule admits none.
fn requires_claims_of(last: &Rule, rule: &Rule) -> bool {
    let (last, rule) = match (&last.access, &rule.access) {
        (Access::Deny, _) => return true,
        (last, rule) => (claims(last), claims(rule)),
    };
    rule.iter()
        .all(|required| last.iter().any(|own| own.implies(required)))
}

fn claims(access: &Access) -> &[ClaimDemand] {
    match access {
        Access::Token(demands) | Access::Optional(demands) => &demands.claims,
        Access::Deny | Access::Anonymous { .. } => &[],
    }
}

/// Whether every request that `last` admits fulfils what `rule` requires. `false` if this is not obvious.
fn is_as_strict(last: &RuleDocument, rule: &RuleDocument) -> bool {
    // A rule on trial denies no request.
    if last.shadow.is_some() {
        return false;
    }
    let access = |document: &RuleDocument| document.access.map(|word| word.value);
    match (access(last), access(rule)) {
        (Some(AccessWord::Deny), _) => return true,
        (_, Some(AccessWord::Deny)) => return false,
        (Some(AccessWord::Anonymous | AccessWord::Optional), _) => return false,
        (Some(AccessWord::Token) | None, _) => {}
    }
    // Any member of `last` may be the one that holds, so each member has to satisfy `rule`.
    let one_of = |last: &Option<Vec<String>>, rule: &Option<Vec<String>>| match (last, rule) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(last), Some(rule)) => last.iter().all(|member| rule.contains(member)),
    };
    let all_of = |last: &Option<Vec<String>>, rule: &Option<Vec<String>>| {
        let last = last.as_deref().unwrap_or_default();
        rule.iter().flatten().all(|member| last.contains(member))
    };
    let same_condition = rule.when.is_none() || rule.when == last.when;
    one_of(&last.issuers, &rule.issuers)
        && one_of(&last.audiences, &rule.audiences)
        && all_of(&last.scopes, &rule.scopes)
        && one_of(&last.any_scope, &rule.any_scope)
        && same_condition
}
