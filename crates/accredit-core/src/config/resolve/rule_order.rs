//! Warnings about the order of rules: rules that never decide, and rules that a request can evade.

use crate::config::path;
use crate::config::problem::Problems;
use crate::config::rule_document::RuleDocument;
use crate::config::sentence::Sentence;
use crate::config::warning::WarningCode;
use crate::config::words::AccessWord;
use crate::rules::rule::{Access, Rule};
use crate::token::claim_demand::ClaimDemand;

/// Warns of rules that never decide, and of rules that can be evaded (CONTRACT 3.10.7).
pub(crate) fn warn_of_order(documents: &[RuleDocument], rules: &[Rule], problems: &mut Problems) {
    for (number, rule) in rules.iter().enumerate() {
        let earlier = rules
            .iter()
            .take(number)
            .enumerate()
            .find(|(_, earlier)| earlier.matcher.covers(&rule.matcher));
        if let Some((before, earlier)) = earlier {
            problems.warn(
                WarningCode::RuleUnreachable,
                &path::item("rules", number),
                Sentence::own("this rule never decides: the earlier rule ")
                    .and_quote(&name_key(before), &earlier.name)
                    .and(" matches every request that it matches"),
                "put the narrower rule first, or remove this rule",
            );
        }
    }
    // Rules after the first one that matches every request never decide.
    let catch_all = rules.iter().position(|rule| rule.matcher.matches_all());
    let deciding = catch_all.map_or(rules.len(), |number| number + 1);
    let last = catch_all.and_then(|number| documents.get(number).zip(rules.get(number)));
    let is_stricter = |rule: &Rule| match &rule.access {
        Access::Deny => true,
        Access::Token(demands) => demands.exceed_verified_token(),
        Access::Anonymous { .. } | Access::Optional(_) => false,
    };
    let evadable = rules
        .iter()
        .zip(documents)
        .take(deciding)
        .position(|(rule, document)| {
            is_stricter(rule)
                && !last.is_some_and(|(last_document, last)| {
                    is_as_strict(last_document, document) && requires_claims_of(last, rule)
                })
        });
    let Some(number) = evadable else {
        return;
    };
    let last = catch_all.and_then(|number| Some((name_key(number), rules.get(number)?)));
    let (what, advice) = match last {
        None => (
            "this rule is stricter than the default rule, which admits a request that evades it with any verified token"
                .into(),
            "end the rules with a rule of `access: deny` that matches every request".into(),
        ),
        Some((key, last)) => (
            Sentence::own("this rule is stricter than ")
                .and_quote(&key, &last.name)
                .and(", which decides about a request that evades it"),
            Sentence::own("give ")
                .and_quote(&key, &last.name)
                .and(" the conditions of this rule, or `access: deny`"),
        ),
    };
    let key = path::item("rules", number);
    problems.warn(WarningCode::RuleEvadable, &key, what, advice);
}

/// The key path of a rule's name.
fn name_key(number: usize) -> String {
    path::member(&path::item("rules", number), "name")
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
    let access = |document: &RuleDocument| document.access.map(|word| word.value);
    match (access(last), access(rule)) {
        (Some(AccessWord::Deny), _) => return true,
        (_, Some(AccessWord::Deny)) => return false,
        (Some(AccessWord::Anonymous | AccessWord::Optional), _) => return false,
        (Some(AccessWord::Token) | None, _) => {}
    }
    // One of `last`'s members holds, so each of them has to satisfy `rule`.
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
