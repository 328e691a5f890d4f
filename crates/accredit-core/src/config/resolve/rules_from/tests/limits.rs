//! Rules files that would take too much memory or too many steps of a check.

use super::{HEAD, RULE, SHOP, found, names, resolved, start, states, texts};
use crate::config::resolve::Resolved;

/// A valid file of 100 KB took hundreds of MiB, and so ended a service with a memory limit.
#[test]
fn a_file_whose_expressions_compile_to_too_much_is_invalid_as_a_whole() {
    let rule = |number: usize, expression: &str| {
        format!(
            "- {{ name: r{number}, match: {{ paths: [/shop/{number}] }}, when: {expression:?} }}\n"
        )
    };
    let large = |number: usize| rule(number, &format!("'x'.matches('(?:a{{80}}){{80}}{number}')"));
    let file: String = (0..100).map(large).collect();
    let text = format!("{HEAD}{SHOP}");
    let mistake = rule(100, "claim.a == 1");
    let files = [found(&[("/t/shop/a.yaml", &format!("{file}{mistake}"))])];
    let problems = resolved(&text, &files, None).expect_err("is too large");
    let [too_large, mistake] = problems.as_slice() else {
        panic!("one problem for the size, and one for the mistake: {problems:#?}");
    };
    assert!(
        too_large.contains("].when (line ")
            && too_large.contains("the rules and compiled expressions of this file take more than 8 MiB of memory together"),
        "{too_large}"
    );
    assert!(
        mistake.contains("[100].when (line 101): `claim` is not a variable"),
        "{mistake}"
    );

    // The last valid rules stay in force, and the other file does not share the limit.
    let small = [found(&[
        ("/t/shop/a.yaml", &large(0)),
        ("/t/shop/b.yaml", &large(1)),
    ])];
    let before = start(&text, &small);
    let grown = [found(&[
        ("/t/shop/a.yaml", &file),
        ("/t/shop/b.yaml", &large(2)),
    ])];
    let resolved = resolved(&text, &grown, Some(&before.rules_in_force)).expect("b is valid");
    assert_eq!(names(&resolved), ["a:r0", "b:r2"]);
    assert_eq!(
        states(&resolved),
        ["/t/shop/a.yaml outdated 1", "/t/shop/b.yaml current 1"]
    );
}

/// Valid files of one team could take the memory of the process without any expression.
#[test]
fn a_file_whose_rules_take_too_much_memory_is_invalid() {
    let text = format!("{HEAD}{SHOP}");
    let rule = |match_of: &str| format!("- {{ name: a, match: {{ {match_of} }}, access: deny }}\n");
    let segments = rule(&format!("paths: [/shop{}]", "/a".repeat(90_000)));
    let texts_of = |count: usize| {
        let hosts: Vec<String> = (0..count)
            .map(|number| format!("h{number}.example"))
            .collect();
        rule(&format!("hosts: [{}]", hosts.join(", ")))
    };
    // An alias of YAML repeats a text without its length.
    let long = "a".repeat(100_000);
    let aliases = "*p, ".repeat(99);
    let aliases = rule(&format!("paths: [&p '/shop/{long}', {aliases}]"));
    let first = start(&text, &[found(&[("/t/shop/a.yaml", RULE)])]);
    for large in [segments, texts_of(90_000), aliases] {
        assert!(large.len() < 2 << 20);
        let files = [found(&[
            ("/t/shop/a.yaml", &large),
            ("/t/shop/b.yaml", RULE),
        ])];
        let problems = resolved(&text, &files, None).expect_err("is too large");
        let is_error = |problem: &&String| !problem.starts_with("warning");
        let errors: Vec<&String> = problems.iter().filter(is_error).collect();
        let [error] = errors.as_slice() else {
            panic!("{errors:#?}");
        };
        assert!(
            error.starts_with("/t/shop/a.yaml: line 1: the rules and compiled expressions of this file take more than 8 MiB"),
            "{error}"
        );
        let next = resolved(&text, &files, Some(&first.rules_in_force)).expect("b is valid");
        assert_eq!(names(&next), ["a:read", "b:read"]);
    }
    // Far more than a file of 1,000 rules has.
    let fits = [found(&[("/t/shop/a.yaml", &texts_of(40_000))])];
    assert_eq!(names(&start(&text, &fits)), ["a:a"]);
}

#[test]
fn files_whose_rules_take_too_much_memory_together_are_invalid() {
    let text = format!("{HEAD}{SHOP}");
    let file = |number: usize| {
        let segments = "/a".repeat(80_000);
        format!("- {{ match: {{ paths: [/shop/{number}{segments}] }}, access: deny }}\n")
    };
    let texts: Vec<(String, String)> = (0..9)
        .map(|number| (format!("/t/shop/f{number}.yaml"), file(number)))
        .collect();
    let files: Vec<(&str, &str)> = texts
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let [before @ .., _] = files.as_slice() else {
        panic!("there are files");
    };
    let first = start(&text, &[found(before)]);
    let next = resolved(&text, &[found(&files)], Some(&first.rules_in_force)).expect("is valid");
    assert_eq!(names(&next).len(), before.len());
    let rejected = texts_of_rejected(next);
    assert!(
        rejected.contains("/t/shop/f8.yaml: ") && rejected.contains("take more than 64 MiB"),
        "{rejected}"
    );
}

fn texts_of_rejected(resolved: Resolved) -> String {
    texts(resolved.rejected).join("\n")
}

/// An alias of YAML repeats an expression without its length.
#[test]
fn equal_expressions_of_a_file_share_a_program() {
    let list = ["1"; 1_900].join(",");
    let first = format!("- {{ when: &w '1 in [{list}]', match: {{ paths: [/shop/first] }} }}\n");
    let others: String = (0..700)
        .map(|number| format!("- {{ when: *w, match: {{ paths: [/shop/{number}] }} }}\n"))
        .collect();
    let files = [found(&[("/t/shop/a.yaml", &format!("{first}{others}"))])];
    assert_eq!(
        start(&format!("{HEAD}{SHOP}"), &files).settings.rules.len(),
        701
    );
}

#[test]
fn files_whose_rules_could_take_more_steps_than_a_check_makes_cause_a_warning_that_names_them() {
    let text = format!("{HEAD}rules_from:\n  - {{ files: /t/*.yaml, hosts: [a.example] }}\n");
    let file = |name: &str, count: usize| {
        let rule = |number| format!("- {{ match: {{ paths: ['/*-{name}{number}-*'] }} }}\n");
        (0..count).map(rule).collect::<String>()
    };
    let resolve = |first: usize, second: usize| {
        let files = [
            ("/t/a.yaml", &*file("a", first)),
            ("/t/b.yaml", &*file("b", second)),
        ];
        texts(start(&text, &[found(&files)]).warnings)
    };
    assert_eq!(resolve(300, 100), [""; 0]);
    let warnings = resolve(200, 400);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let parts = [
        "warning[rules_costly]: rules_from (line ",
        "[0] of /t/a.yaml",
        ". The lists of rules that can take most: /t/b.yaml, /t/a.yaml; use",
    ];
    assert!(
        parts.iter().all(|part| warnings[0].contains(part)),
        "{warnings:?}"
    );
}
