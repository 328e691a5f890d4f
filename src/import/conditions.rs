//! Alternatives of one match as the conditions of one rule.

use std::collections::BTreeMap;

use accredit_core::expression::Expression;
use accredit_core::expression::variables::VariableSet;

use crate::import::claims::{ClaimShape, group};
use crate::import::conjunctions::{Conjunction, Demand};
use crate::import::expressions::{self, HAS_TOKEN};
use crate::import::formula::Atom;
use crate::import::policy::TokenCheck;
use crate::import::text_test::TextTest;

/// What a rule requires.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RuleConditions {
    pub(crate) access: PlannedAccess,
    pub(crate) issuers: Option<Vec<String>>,
    pub(crate) audiences: Option<Vec<String>>,
    pub(crate) scopes: Vec<String>,
    pub(crate) any_scope: Option<Vec<String>>,
    pub(crate) claims: Vec<(Vec<String>, Vec<String>)>,
    pub(crate) when: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PlannedAccess {
    Anonymous,
    Optional,
    Token,
    #[default]
    Deny,
}

/// The alternatives have no equivalent in accredit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inexpressible;

/// The conditions of a rule that admits a request for which one of the alternatives holds.
///
/// # Errors
/// [`Inexpressible`]
pub(crate) fn conditions(
    alternatives: &[Conjunction],
    verification: TokenCheck,
) -> Result<RuleConditions, Inexpressible> {
    let mut conditions = RuleConditions::default();
    let is_tokenless = |alternative: &Conjunction| {
        matches!(
            alternative.as_slice(),
            [Demand {
                atom: Atom::Token,
                is_negated: true
            }]
        )
    };
    let admits_without = alternatives.iter().any(is_tokenless);
    let others: Vec<&Conjunction> = alternatives
        .iter()
        .filter(|alternative| !is_tokenless(alternative))
        .collect();
    let needs_token = |alternative: &&Conjunction| {
        alternative
            .iter()
            .any(|demand| !demand.is_negated && demand.atom.needs_token())
    };
    let all_need_token = others.iter().all(needs_token);
    // The keys for tokens apply to every request of an access `token`, and to those with a token of an access `optional`.
    let has_keys_for_tokens = all_need_token && !others.is_empty();
    conditions.access = match verification {
        TokenCheck::Skipped => PlannedAccess::Anonymous,
        TokenCheck::Applied if admits_without || !has_keys_for_tokens => PlannedAccess::Optional,
        TokenCheck::Applied => PlannedAccess::Token,
    };
    let mut common: Conjunction = Vec::new();
    if has_keys_for_tokens && verification == TokenCheck::Applied {
        let shared = |demand: &&Demand| others.iter().all(|other| other.contains(demand));
        for demand in others
            .iter()
            .take(1)
            .flat_map(|first| first.iter().filter(shared))
        {
            if conditions.take(demand) {
                common.push(demand.clone());
            }
        }
    }
    let mut rests = Vec::new();
    for alternative in &others {
        let mut parts = Vec::new();
        for demand in alternative.iter().filter(|demand| !common.contains(demand)) {
            let expression = expressions::demand(demand).ok_or(Inexpressible)?;
            parts.push(expression);
        }
        if parts.len() > 1 {
            parts = parts.iter().map(|part| group(part)).collect();
        }
        rests.push(parts.join(" && "));
    }
    conditions.prefer_any_scope();
    conditions.when = match (rests.iter().any(String::is_empty), admits_without) {
        (true, _) => None,
        // Every request that is left has no token.
        (false, true) if rests.is_empty() => Some(format!("!{HAS_TOKEN}")),
        (false, true) => Some(format!("!{HAS_TOKEN} || {}", either(&rests))),
        (false, false) if rests.is_empty() => return Err(Inexpressible),
        (false, false) => Some(either(&rests)),
    };
    match &conditions.when {
        // Each part is an expression that accredit accepts, and together they can be too long, too deep or too large (CONTRACT 3.11.6).
        Some(when) if Expression::parse(when, VariableSet::Request, &BTreeMap::new()).is_err() => {
            Err(Inexpressible)
        }
        _ => Ok(conditions),
    }
}

fn either(rests: &[String]) -> String {
    match rests {
        [only] => only.clone(),
        _ => rests
            .iter()
            .map(|rest| group(rest))
            .collect::<Vec<_>>()
            .join(" || "),
    }
}

impl RuleConditions {
    /// One scope is one of a list of one.
    fn prefer_any_scope(&mut self) {
        if self.any_scope.is_none() && self.scopes.len() == 1 {
            self.any_scope = Some(std::mem::take(&mut self.scopes));
        }
    }

    /// Takes a condition as a key of the rule, if there is one for it.
    fn take(&mut self, demand: &Demand) -> bool {
        if demand.is_negated {
            return false;
        }
        match &demand.atom {
            Atom::Token => true,
            Atom::Issuers(tests) => take_list(&mut self.issuers, tests),
            Atom::Audiences(tests) => take_list(&mut self.audiences, tests),
            Atom::Scopes(tests) => match exact_texts(tests).as_deref() {
                Some([only]) => {
                    self.scopes.push(only.clone());
                    true
                }
                _ => take_list(&mut self.any_scope, tests),
            },
            Atom::Claim(test) if test.name == ["aud"] && test.shape == ClaimShape::Either => {
                take_list(&mut self.audiences, &test.tests)
            }
            Atom::Claim(test) => {
                let Some(values) = test.as_values() else {
                    return false;
                };
                let values = values.into_iter().map(str::to_owned).collect();
                let is_new = self.claims.iter().all(|(name, _)| *name != test.name);
                if is_new {
                    self.claims.push((test.name.clone(), values));
                }
                is_new
            }
            _ => false,
        }
    }
}

/// A key has one list, so only the first condition of its kind fits.
fn take_list(list: &mut Option<Vec<String>>, tests: &[TextTest]) -> bool {
    match (&list, exact_texts(tests)) {
        (None, Some(texts)) => {
            *list = Some(texts);
            true
        }
        _ => false,
    }
}

/// The texts, if each is compared exactly and can stand in a list of accredit.
fn exact_texts(tests: &[TextTest]) -> Option<Vec<String>> {
    let is_plain = |text: &&str| {
        !text.is_empty()
            && text.trim() == *text
            && !text.contains("${")
            && *text != "any"
            && !text.contains(['"', '\\'])
            && !text.chars().any(|c| c.is_control() || c == ' ')
    };
    tests
        .iter()
        .map(|test| test.as_exact().filter(is_plain).map(str::to_owned))
        .collect::<Option<Vec<_>>>()
        .filter(|texts| !texts.is_empty())
}
