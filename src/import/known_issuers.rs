//! Tests of the issuer, decided for the issuers that the configuration has.

use crate::import::conjunctions::{Conjunction, UnknownCounts, alternatives};
use crate::import::formula::{Atom, Formula};
use crate::import::policy::{NamedFormula, PolicyRoute};
use crate::import::text_test::{TextKind, TextTest};

/// Whether every request that is admitted has a token with a subject.
pub(crate) fn needs_subject(formula: &Formula, issuers: &[&str]) -> bool {
    let has_subject = |conjunction: &Conjunction| {
        conjunction.iter().any(|demand| {
            !demand.is_negated && matches!(&demand.atom, Atom::Claim(test) if test.name == ["sub"])
        })
    };
    match alternatives(&known_issuers(formula, issuers), UnknownCounts::AsFalse) {
        Ok(found) => !found.is_empty() && found.iter().all(has_subject),
        Err(_) => false,
    }
}

/// The route with each test of the issuer replaced by the issuers that it names.
pub(crate) fn with_issuers(route: &PolicyRoute, issuers: &[&str]) -> PolicyRoute {
    let named = |list: &[NamedFormula]| {
        list.iter()
            .map(|own| NamedFormula::new(own.name.clone(), known_issuers(&own.formula, issuers)))
            .collect()
    };
    PolicyRoute {
        denies: named(&route.denies),
        allows: named(&route.allows),
        ..route.clone()
    }
}

fn known_issuers(formula: &Formula, issuers: &[&str]) -> Formula {
    let inner = |part: &Formula| known_issuers(part, issuers);
    match formula {
        Formula::All(parts) => Formula::all(parts.iter().map(inner)),
        Formula::Any(parts) => Formula::any(parts.iter().map(inner)),
        Formula::Not(part) => Formula::not(inner(part)),
        Formula::Atom(Atom::Issuers(tests)) => {
            let is_regex = |test: &TextTest| matches!(test.kind, TextKind::Regex(_));
            if tests.iter().any(is_regex) {
                return formula.clone();
            }
            let accepted: Vec<_> = issuers
                .iter()
                .filter(|issuer| tests.iter().any(|test| accepts(test, issuer)))
                .collect();
            match accepted.len() {
                0 => Formula::never(),
                count if count == issuers.len() => Formula::Atom(Atom::Token),
                _ => Formula::Atom(Atom::Issuers(
                    accepted
                        .into_iter()
                        .map(|issuer| TextTest::exact(*issuer))
                        .collect(),
                )),
            }
        }
        formula => formula.clone(),
    }
}

fn accepts(test: &TextTest, issuer: &str) -> bool {
    let fold = |text: &str| match test.ignores_case {
        true => text.to_ascii_lowercase(),
        false => text.to_owned(),
    };
    let issuer = fold(issuer);
    match &test.kind {
        TextKind::Exact(text) => issuer == fold(text),
        TextKind::Prefix(text) => issuer.starts_with(&fold(text)),
        TextKind::Suffix(text) => issuer.ends_with(&fold(text)),
        TextKind::Contains(text) => issuer.contains(&fold(text)),
        TextKind::Present => !issuer.is_empty(),
        TextKind::Regex(_) => false,
    }
}
