//! How large compiled expressions may become, alone and together.

use std::collections::BTreeMap;

use super::{error, parse};
use crate::expression::bounded_regex::BoundedRegex;
use crate::expression::budget::EvaluationBudget;
use crate::expression::program_store::{
    MAX_CONFIGURATION_BYTES, MAX_FILE_BYTES, ProgramLimit, ProgramStore,
};
use crate::expression::variables::VariableSet;
use crate::expression::{Expression, ExpressionError, search_caches};

/// Some 150 KB when it is compiled. Patterns with other numbers differ.
fn large(number: usize) -> String {
    format!("'x'.matches('(?:a{{80}}){{80}}{number}')")
}

fn store() -> ProgramStore {
    ProgramStore::new(&BTreeMap::new())
}

fn add(store: &mut ProgramStore, text: &str) -> Result<Expression, ExpressionError> {
    Expression::parse_into(store, text, VariableSet::Request)
}

fn add_until_refused(store: &mut ProgramStore) -> (usize, ExpressionError) {
    for number in 0..10_000 {
        if let Err(error) = add(store, &large(number)) {
            return (number, error);
        }
    }
    panic!("10,000 large programs were accepted");
}

#[test]
fn the_regular_expressions_of_one_expression_are_bounded_together() {
    let several = |count: usize| (0..count).map(large).collect::<Vec<_>>().join(" || ");
    assert!(parse(&several(2)).is_ok());
    assert_eq!(error(&several(60)), ExpressionError::ProgramTooLarge);
}

#[test]
fn equal_regular_expressions_count_once() {
    let repeated = [large(0).as_str(); 60].join(" || ");
    assert!(parse(&repeated).is_ok());
    let mut store = store();
    for _ in 0..100 {
        add(&mut store, &large(0)).expect("is the same program");
    }
}

/// One rules file with many rules, each of them small, took the memory of the process.
#[test]
fn the_expressions_of_a_rules_file_are_bounded_together() {
    let mut file = store().of_rules_file(MAX_CONFIGURATION_BYTES);
    let (accepted, refused) = add_until_refused(&mut file);
    let limit = ExpressionError::ProgramsTooLarge(ProgramLimit::RulesFile);
    assert_eq!(refused, limit);
    let size = BoundedRegex::within(usize::MAX, "(?:a{80}){80}0")
        .expect("is one")
        .bytes();
    let most = MAX_FILE_BYTES / size;
    assert!(
        (most / 2..=most).contains(&accepted),
        "{accepted} of {most}"
    );
    // No other expression is accepted, and each is still checked.
    assert_eq!(add(&mut file, "true").err(), Some(limit));
    assert!(matches!(
        add(&mut file, "'x'.matches('(')").err(),
        Some(ExpressionError::Regex(_))
    ));
    assert!(matches!(
        add(&mut file, "claim.a == 1").err(),
        Some(ExpressionError::UndeclaredName(..))
    ));
}

#[test]
fn programs_without_regular_expressions_are_bounded_too() {
    let mut file = store().of_rules_file(MAX_CONFIGURATION_BYTES);
    let refused = (0..100_000).find_map(|number| {
        let list = ["1"; 1_900].join(",");
        add(&mut file, &format!("{number} in [{list}]")).err()
    });
    let limit = ExpressionError::ProgramsTooLarge(ProgramLimit::RulesFile);
    assert_eq!(refused, Some(limit));
}

#[test]
fn a_rules_file_has_no_more_than_its_share_of_the_configuration() {
    let whole = store();
    assert_eq!((whole.used(), whole.left()), (0, MAX_CONFIGURATION_BYTES));
    let mut file = whole.of_rules_file(MAX_FILE_BYTES / 2);
    let (accepted, refused) = add_until_refused(&mut file);
    let limit = ExpressionError::ProgramsTooLarge(ProgramLimit::Configuration);
    assert_eq!(refused, limit);
    assert_ne!(accepted, 0);
    let mut file = whole.of_rules_file(MAX_FILE_BYTES / 2);
    let mut used = Vec::new();
    for number in 0..accepted {
        add(&mut file, &large(number)).expect("fits");
        used.push(file.used());
    }
    assert!(used.is_sorted_by(|one, other| one < other), "{used:?}");
    assert_eq!(file.used() + file.left(), MAX_FILE_BYTES / 2);
}

/// Each regular expression kept its states on each thread, whatever their number.
#[test]
fn the_states_that_searches_keep_are_bounded_for_each_thread() {
    let regexes: Vec<BoundedRegex> = (0..4_000)
        .map(|number| BoundedRegex::within(usize::MAX, &format!("^a+{number}$")).expect("is one"))
        .collect();
    for _ in 0..2 {
        for (number, regex) in regexes.iter().enumerate() {
            let text = format!("aaa{number}");
            assert_eq!(
                regex.is_match(&text, &mut EvaluationBudget::new()),
                Ok(true)
            );
            assert_eq!(
                regex.is_match("aaa", &mut EvaluationBudget::new()),
                Ok(false)
            );
        }
    }
    let (bytes, kept) = search_caches::kept();
    assert!(bytes <= search_caches::MAX_BYTES, "{bytes}");
    assert!(kept < regexes.len() && kept > 100, "{kept}");
}
