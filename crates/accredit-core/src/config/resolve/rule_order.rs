//! Warnings about the order of rules: rules that never decide, and rules that a request can evade.

use std::sync::Arc;

use crate::config::path;
use crate::config::problem::Problems;
use crate::config::rule_document::RuleDocument;
use crate::config::sentence::Sentence;
use crate::config::warning::WarningCode;
use crate::config::words::AccessWord;
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
    for (position, one) in rules.iter().enumerate() {
        let mut earlier = rules.iter().take(position);
        let Some(earlier) = earlier.find(|earlier| earlier.rule.covers(one.rule)) else {
            continue;
        };
        let what = Sentence::own("this rule never decides: ");
        let what = name_of(groups, *earlier, one.group, what)
            .and(" matches every request that it matches");
        warn(
            groups,
            *one,
            WarningCode::RuleUnreachable,
            what,
            "put the narrower rule first, or remove this rule",
        );
    }
    // Rules after the first one that matches every request never decide.
    let catch_all = rules.iter().position(|one| one.rule.matches_all());
    let deciding = catch_all.map_or(rules.len(), |number| number + 1);
    let last = catch_all.and_then(|number| rules.get(number)).copied();
    let is_stricter = |rule: &Rule| match &rule.access {
        Access::Deny => true,
        Access::Token(demands) => demands.exceed_verified_token(),
        Access::Anonymous { .. } | Access::Optional(_) => false,
    };
    let is_evadable = |one: &&OrderedRule<'_>| {
        is_stricter(one.rule)
            && !last.is_some_and(|last| {
                is_as_strict(last.document, one.document) && requires_claims_of(last.rule, one.rule)
            })
    };
    for evadable in rules.iter().take(deciding).filter(is_evadable) {
        warn_of_evasion(groups, *evadable, last);
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
