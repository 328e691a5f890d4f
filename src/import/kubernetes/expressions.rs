//! CEL expressions of the API server, as conditions of accredit.

use accredit_core::expression::Expression;
use accredit_core::expression::presence::presence_tests;
use accredit_core::expression::variables::VariableSet;

use crate::import::claims::access;
use crate::import::formula::{Atom, Formula};
use crate::import::report::ImportReport;
use crate::import::text_test::quoted;

/// A condition over `claims` that holds for no token for which the original does not hold. `condition` makes it of the original
/// expression, which it may put into parentheses.
pub(super) fn carried_expression(
    original: &str,
    condition: impl FnOnce(&str) -> String,
    at: &str,
    report: &ImportReport,
) -> Formula {
    let refused = |why: &str| {
        report.left_out(
            at,
            format_args!("{why}; accredit refuses the tokens of this issuer"),
            "write the condition as `when` of a rule",
        );
        Formula::Unknown
    };
    let Some(expression) = self_contained(original).map(|own| condition(&own)) else {
        return refused("accredit cannot compile this expression");
    };
    if expression.contains("aud") {
        return refused(
            "in accredit `claims.aud` is always a list, so this expression can mean something else",
        );
    }
    let Some(presence) = presence_tests(&expression) else {
        return refused("accredit cannot compile this expression");
    };
    if presence.uses_all_claims {
        return refused(
            "in accredit a claim that is null is absent from `claims`, and this expression uses all of them",
        );
    }
    let mut whole = expression.clone();
    if !presence.tested.is_empty() {
        let tests = presence
            .tested
            .iter()
            .map(|name| access(std::slice::from_ref(name)));
        let tests: Option<Vec<String>> = tests.map(|own| own.map(|(_, test)| test)).collect();
        let Some(tests) = tests else {
            return refused("the expression tests a claim whose name accredit cannot quote");
        };
        report.left_out(
            at,
            format_args!(
                "this expression tests whether a claim is there; to accredit a claim that is null is not, so it refuses tokens without {}",
                presence.tested.join(", ")
            ),
            "if the issuer never sends null, write the expression as `when` of the rule without the tests that `import` added",
        );
        whole = format!("{} && ({expression})", tests.join(" && "));
    }
    let is_understood = Expression::parse(
        &whole,
        VariableSet::Token,
        &std::collections::BTreeMap::new(),
    )
    .is_ok();
    if !is_understood || quoted(&whole).is_none() {
        return refused("accredit cannot compile this expression");
    }
    Formula::Atom(Atom::Expression(whole))
}

/// The expression as a text that means the same in parentheses. `None` if it is no expression by itself: in parentheses,
/// `a) || (b` would become one.
fn self_contained(original: &str) -> Option<String> {
    presence_tests(original)?;
    let can_be_inside = |text: &str| presence_tests(&format!("({text})")).is_some();
    // A comment at the end would hide what is after it.
    let lines = [original.to_owned(), format!("{original}\n")];
    lines.into_iter().find(|text| can_be_inside(text))
}
