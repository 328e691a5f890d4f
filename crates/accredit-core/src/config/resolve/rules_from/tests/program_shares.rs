//! The rules and compiled expressions of all files have one limit together, and the rules that stay in force for invalid files count.

use std::sync::LazyLock;

use super::{HEAD, SHOP, TWO, found, names, resolved, start, states, texts};
use crate::config::resolve::Resolved;
use crate::config::rules_files::{FoundEntry, RulesInForce};
use crate::expression::bounded_regex::BoundedRegex;
use crate::expression::program_store::{MAX_CONFIGURATION_BYTES, MAX_FILE_BYTES};

/// The number of rules with which a file has nearly all that it may have.
static FULL: LazyLock<usize> = LazyLock::new(|| {
    let regex = BoundedRegex::within(usize::MAX, "(?:a{80}){80}000_00").expect("is one");
    MAX_FILE_BYTES / (regex.bytes() + 4096)
});

/// That many full files fit, and not one more.
const FILES: usize = MAX_CONFIGURATION_BYTES / MAX_FILE_BYTES;

/// Some 150 KB for each rule. Files with other numbers differ.
fn rules(file: usize, count: usize) -> String {
    let rule = |number: usize| {
        format!(
            "- {{ name: r{number}, match: {{ paths: [/shop/{file}/{number}] }}, when: \"'x'.matches('(?:a{{80}}){{80}}{file}_{number}')\" }}\n"
        )
    };
    (0..count).map(rule).collect()
}

fn files(texts: &[(usize, String)]) -> [FoundEntry; 1] {
    let paths: Vec<String> = texts
        .iter()
        .map(|(number, _)| format!("/t/shop/f{number:03}.yaml"))
        .collect();
    let texts = texts.iter().map(|(_, text)| text.as_str());
    let all: Vec<(&str, &str)> = paths.iter().map(String::as_str).zip(texts).collect();
    [found(&all)]
}

/// As much as possible: the last file has what the others leave.
fn full() -> Vec<(usize, String)> {
    (0..FILES).map(|file| (file, rules(file, *FULL))).collect()
}

fn bytes(in_force: &RulesInForce) -> usize {
    let files = in_force.files.iter();
    files.map(|file| file.content.memory).sum()
}

fn reload(texts: &[(usize, String)], before: &Resolved) -> Resolved {
    let text = format!("{HEAD}{SHOP}");
    let next = resolved(&text, &files(texts), Some(&before.rules_in_force)).expect("is valid");
    let bytes = bytes(&next.rules_in_force);
    assert!(bytes <= MAX_CONFIGURATION_BYTES, "{bytes}");
    next
}

fn outdated(resolved: &Resolved) -> usize {
    let states = states(resolved);
    states
        .iter()
        .filter(|state| state.contains(" outdated "))
        .count()
}

/// Files that became valid and invalid in turns took any amount of memory.
#[test]
fn the_rules_that_invalid_files_keep_in_force_count() {
    let first = start(&format!("{HEAD}{SHOP}"), &files(&full()));
    assert!(bytes(&first.rules_in_force) > MAX_CONFIGURATION_BYTES * 9 / 10);
    let broken: Vec<(usize, String)> = (0..FILES).map(|file| (file, "- [\n".to_owned())).collect();
    let second = reload(&broken, &first);
    assert_eq!(outdated(&second), FILES);
    // One more file does not fit, whether it comes first or last in the order of the files.
    for new in [FILES, 999] {
        let mut more = broken.clone();
        more.push((new, rules(new, *FULL)));
        let third = reload(&more, &second);
        assert_eq!(outdated(&third), FILES);
        assert_eq!(names(&third).len(), *FULL * FILES);
        let rejected = texts(third.rejected).join("\n");
        assert!(
            rejected.contains("(the last valid rules of an invalid file count), take more than 64 MiB of memory together"),
            "{rejected}"
        );
    }
}

/// The file that becomes invalid is read after the one that grows.
#[test]
fn a_file_cannot_take_the_room_of_one_that_becomes_invalid() {
    let mut small = full();
    small[0].1 = rules(0, 1);
    small.push((FILES, rules(FILES, *FULL)));
    let first = start(&format!("{HEAD}{SHOP}"), &files(&small));
    let mut changed = small.clone();
    changed[0].1 = rules(0, *FULL);
    changed[FILES].1 = "- [\n".to_owned();
    let second = reload(&changed, &first);
    assert_eq!(outdated(&second), 2);
    assert_eq!(names(&second).len(), names(&first).len());
    // Once it is gone, its room is free.
    changed.pop();
    let third = reload(&changed, &second);
    assert_eq!(outdated(&third), 0);
    assert_eq!(names(&third).len(), *FULL * FILES);
}

/// A team must be able to withdraw access with another rule, whatever the other teams have.
#[test]
fn an_entry_has_its_part_of_the_limit_whatever_another_entry_has() {
    let text = format!("{HEAD}{TWO}");
    let pay = |count: usize| found(&[("/t/pay.yaml", &rules(FILES, count))]);
    let first = start(&text, &[found(&[]), pay(1)]);
    let [shop] = files(&full());
    let second = resolved(&text, &[shop.clone(), pay(1)], Some(&first.rules_in_force));
    let second = second.expect("is valid");
    let unused = states(&second);
    let unused = unused.iter().filter(|state| state.contains(" unused "));
    assert_eq!(unused.count(), FILES / 4, "their share is three quarters");
    let third = resolved(&text, &[shop, pay(*FULL)], Some(&second.rules_in_force));
    let third = third.expect("is valid");
    assert_eq!(
        states(&third).last(),
        Some(&format!("/t/pay.yaml current {}", *FULL))
    );
    assert!(bytes(&third.rules_in_force) <= MAX_CONFIGURATION_BYTES);
}

/// A team must not be able to make the files of another team invalid.
#[test]
fn a_file_that_grows_does_not_make_an_unchanged_one_invalid() {
    let mut small = full();
    small[0].1 = rules(0, 1);
    small.push((FILES, rules(FILES, *FULL)));
    let first = start(&format!("{HEAD}{SHOP}"), &files(&small));
    let mut grown = small.clone();
    grown[0].1 = rules(0, *FULL);
    let second = reload(&grown, &first);
    assert_eq!(outdated(&second), 1);
    assert_eq!(states(&second)[0], "/t/shop/f000.yaml outdated 1");
}

/// What a file no longer has is free at once, whatever the order of the files is.
#[test]
fn full_files_can_be_renamed_and_exchange_their_sizes() {
    let mut before = full();
    before[0].1 = rules(0, 1);
    before.push((FILES, rules(FILES, *FULL)));
    let first = start(&format!("{HEAD}{SHOP}"), &files(&before));
    let mut after = before.clone();
    after[0].1 = rules(0, *FULL);
    after[FILES].1 = rules(FILES, 1);
    let second = reload(&after, &first);
    assert_eq!(outdated(&second), 0);
    let renamed: Vec<(usize, String)> = (100..100 + FILES)
        .map(|file| (file, rules(file, *FULL)))
        .collect();
    let third = reload(&renamed, &second);
    assert_eq!((outdated(&third), names(&third).len()), (0, *FULL * FILES));
}

/// The files that are in force leave no room for it, and they stay in force.
#[test]
fn a_configuration_whose_own_expressions_do_not_fit_beside_its_files_is_refused() {
    let first = start(&format!("{HEAD}{SHOP}"), &files(&full()));
    let rules = rules(1_000, 2 * *FULL).replace("- {", "  - {");
    let text = format!("{HEAD}{SHOP}rules:\n{rules}");
    let problems = resolved(&text, &files(&full()), Some(&first.rules_in_force));
    let problems = problems.expect_err("is too large");
    assert!(
        problems
            .iter()
            .any(|problem| problem.starts_with("rules_from (line 3): ")
                && problem.contains("take more than 64 MiB of memory together")),
        "{problems:#?}"
    );
}
