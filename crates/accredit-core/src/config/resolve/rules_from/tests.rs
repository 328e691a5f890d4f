//! Rules files at the start and while a service runs: which rules are in force, under which names, and what is reported.

use crate::config::load;
use crate::config::problem::Problem;
use crate::config::resolve::rules_from::RulesSource;
use crate::config::resolve::{Resolved, resolve_with_files};
use crate::config::rules_files::{FoundEntry, FoundFile, RulesInForce};

mod program_shares;
mod running;

const HEAD: &str = "issuers:\n  - { issuer: https://a.example, audiences: [a] }\n";

const SHOP: &str = "rules_from:\n  - { files: /t/shop/*.yaml, paths: [/shop/**] }\n";

const TWO: &str = "rules_from:\n  - { files: /t/shop/*.yaml, paths: [/shop/**] }\n  - { files: /t/pay.yaml, hosts: [pay.example] }\n";

const RULE: &str = "- { name: read, match: { paths: [/shop/a] }, scopes: [shop] }\n";

fn found(files: &[(&str, &str)]) -> FoundEntry {
    let file = |(path, text): &(&str, &str)| FoundFile {
        path: (*path).into(),
        text: Ok((*text).to_owned()),
    };
    FoundEntry {
        files: Ok(files.iter().map(file).collect()),
    }
}

fn unlisted() -> FoundEntry {
    FoundEntry {
        files: Err("no such folder".to_owned()),
    }
}

fn resolved(
    text: &str,
    found: &[FoundEntry],
    in_force: Option<&RulesInForce>,
) -> Result<Resolved, Vec<String>> {
    let (document, problems) = load::read(text, &|_| None).expect("is YAML");
    let source = RulesSource { found, in_force };
    resolve_with_files(&document, problems, source).map_err(texts)
}

fn texts(problems: Vec<Problem>) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

fn start(text: &str, found: &[FoundEntry]) -> Resolved {
    resolved(text, found, None).expect("is valid")
}

fn names(resolved: &Resolved) -> Vec<String> {
    let rules = resolved.settings.rules.iter();
    rules.map(|rule| rule.name.to_string()).collect()
}

fn states(resolved: &Resolved) -> Vec<String> {
    let files = resolved.settings.rules_files.iter().flatten();
    files
        .map(|file| format!("{} {} {}", file.path, file.state, file.rules))
        .collect()
}

/// CONTRACT 3.13.3, 3.13.5
#[test]
fn rules_of_files_come_after_those_of_the_configuration_in_the_order_of_entries_and_names() {
    let text =
        format!("{HEAD}{TWO}rules:\n  - {{ name: own, match: {{ paths: [/x] }}, access: deny }}\n");
    let unnamed = "- { access: deny, match: { paths: [/shop/b] } }\n";
    let resolved = start(
        &text,
        &[
            found(&[
                ("/t/shop/a.yaml", RULE),
                ("/t/shop/b.v2.yaml", &format!("{RULE}{unnamed}")),
            ]),
            found(&[("/t/pay.yaml", RULE)]),
        ],
    );
    assert_eq!(
        names(&resolved),
        ["own", "a:read", "b.v2:read", "b.v2:rules[1]", "pay:read"]
    );
    let bounded = resolved.settings.rules.iter().skip(1);
    assert!(bounded.clone().all(|rule| rule.bounds.is_some()));
    assert_eq!(bounded.filter(|rule| rule.is_bounded_by_path()).count(), 3);
    assert_eq!(
        states(&resolved),
        [
            "/t/shop/a.yaml current 1",
            "/t/shop/b.v2.yaml current 2",
            "/t/pay.yaml current 1"
        ]
    );
    assert!(resolved.rejected.is_empty());
}

/// CONTRACT 3.13.4
#[test]
fn at_the_start_an_invalid_file_is_an_error_with_its_name_and_line() {
    let cases = [
        (
            "- { name: a, acess: deny }\n",
            "/t/shop/a.yaml: [0].acess (line 1): unknown key",
        ),
        (
            "# x\n- { name: a, when: 'claim.a' }\n",
            "/t/shop/a.yaml: [0].when (line 2): `claim` is not a variable",
        ),
        (
            "- { issuers: [https://b.example] }\n",
            "[0].issuers[0] (line 1): this issuer",
        ),
        (
            "- { name: a }\n- { name: a }\n",
            "[1].name (line 2): this name is also at [0].name",
        ),
        ("", "this is a mapping; write a list"),
        ("rules: []\n", "this is a mapping; write a list"),
        ("- [\n", "/t/shop/a.yaml: line "),
        (
            "- { when: 'claims.a == \"${SECRET}\"' }\n",
            "[0].when (line 1): `${...}` is not replaced",
        ),
        (
            "- { name: '${SECRET}' }\n",
            "[0].name (line 1): `${...}` is not replaced",
        ),
        (
            "- { match: { context: { '${A}': b } } }\n",
            "`${...}` is not replaced in a key",
        ),
        ("- {}\n", "[0] (line 1): this mapping is empty"),
        (
            &"- { access: deny }\n".repeat(1_001),
            "the file has over 1000 rules",
        ),
    ];
    for (file, expected) in cases {
        let problems = resolved(
            &format!("{HEAD}{SHOP}"),
            &[found(&[("/t/shop/a.yaml", file)])],
            None,
        );
        let problems = problems.expect_err(expected);
        assert!(
            problems.iter().any(|problem| problem.contains(expected)),
            "{expected}: {problems:#?}"
        );
        assert!(
            problems
                .iter()
                .all(|problem| problem.starts_with("/t/shop/a.yaml: ")),
            "{problems:#?}"
        );
    }
}

#[test]
fn problems_of_the_configuration_and_of_its_files_are_listed_in_one_run() {
    let text = format!("{HEAD}{TWO}realm: '\"'\n");
    let files = [
        found(&[
            ("/t/shop/a.yaml", "- { acess: deny }\n"),
            ("/t/shop/b.yaml", "- { scopes: [''] }\n"),
        ]),
        found(&[("/t/pay.yaml", RULE)]),
    ];
    let problems = resolved(&text, &files, None).expect_err("is invalid");
    for part in [
        "realm (line",
        "/t/shop/a.yaml: [0].acess",
        "/t/shop/b.yaml: [0].scopes[0]",
    ] {
        let count = problems.iter().filter(|problem| problem.contains(part));
        assert_eq!(count.count(), 1, "{part}: {problems:#?}");
    }
}

#[test]
fn mistakes_of_an_entry_are_errors_of_the_configuration() {
    for (entry, expected) in [
        (
            "{ files: /t/a.yaml }",
            "rules_from[0] (line 4): this entry has neither hosts nor paths",
        ),
        (
            "{ files: /t/*/a.yaml, paths: [/a] }",
            "rules_from[0].files (line 4): a wildcard",
        ),
        (
            "{ files: /t/a.yaml, paths: ['/{id}'] }",
            "rules_from[0].paths[0] (line 4)",
        ),
        (
            "{ files: /t/a.yaml, hosts: ['a:80'] }",
            "rules_from[0].hosts[0] (line 4): this is not a host",
        ),
        (
            "{ files: /t/a.yaml, hosts: [] }",
            "rules_from[0].hosts (line 4): this list is empty",
        ),
        ("{ paths: [/a] }", "rules_from[0].files"),
    ] {
        let text = format!("{HEAD}rules_from:\n  - {entry}\n");
        let problems = resolved(&text, &[found(&[])], None).expect_err(entry);
        assert!(
            problems.iter().any(|problem| problem.starts_with(expected)),
            "{entry}: {problems:#?}"
        );
    }
    let problems = resolved(&format!("{HEAD}{SHOP}"), &[unlisted()], None);
    let problems = problems.expect_err("is unlisted").join("\n");
    assert!(
        problems.contains(
            "rules_from[0].files (line 4): the files of `/t/shop/*.yaml` cannot be listed"
        )
    );
    // A program that reads no files must not ignore them.
    assert!(resolved(&format!("{HEAD}{SHOP}"), &[], None).is_err());
    let empty = start(&format!("{HEAD}{SHOP}"), &[found(&[])]);
    assert!(
        texts(empty.warnings)
            .join("\n")
            .contains("warning[rules_from_empty]: rules_from[0].files")
    );
    assert_eq!(empty.settings.rules_files, Some(Vec::new()));
}

#[test]
fn warnings_about_rules_of_files_name_the_file() {
    let text = format!(
        "{HEAD}{TWO}rules:\n  - {{ name: own, match: {{ paths: [/shop/x/**] }}, access: deny }}\n"
    );
    let shop = "- { name: a, match: { paths: [/shop/x/y] } }\n- { name: b, match: { paths: [/items, /shop/z, '/**/z'] }, access: deny }\n";
    let pay = "- { name: c, access: anonymous }\n- { name: d, match: { hosts: [pay.example, x.example] } }\n";
    let resolved = start(
        &text,
        &[
            found(&[("/t/shop/a.yaml", shop)]),
            found(&[("/t/pay.yaml", pay)]),
        ],
    );
    let warnings = texts(resolved.warnings);
    for expected in [
        "warning[rule_evadable]: rules[0] (line 7): ",
        "warning[rule_unreachable]: /t/shop/a.yaml: [0] (line 1): this rule never decides: rules[0] of the configuration",
        "warning[rule_evadable]: /t/shop/a.yaml: [1] (line 2): this rule is stricter than the default rule",
        "warning[rule_out_of_bounds]: /t/shop/a.yaml: [1].match.paths[0] (line 2)",
        "warning[rule_open]: /t/pay.yaml: [0] (line 1): this rule admits every request to the hosts and paths of its file",
        "warning[rule_unreachable]: /t/pay.yaml: [1] (line 2): this rule never decides: the rule `pay:c`",
        "warning[rule_out_of_bounds]: /t/pay.yaml: [1].match.hosts[1] (line 2)",
    ] {
        let count = warnings
            .iter()
            .filter(|warning| warning.starts_with(expected));
        assert_eq!(count.count(), 1, "{expected}: {warnings:#?}");
    }
    assert_eq!(warnings.len(), 7, "{warnings:#?}");
    let accepted = format!(
        "{text}accept_warnings: [rule_evadable, rule_unreachable, rule_out_of_bounds, rule_open]\n"
    );
    let resolved = start(
        &accepted,
        &[
            found(&[("/t/shop/a.yaml", shop)]),
            found(&[("/t/pay.yaml", pay)]),
        ],
    );
    assert!(resolved.warnings.is_empty());
}

/// CONTRACT 3.10.7
#[test]
fn a_last_file_for_every_path_ends_the_rules() {
    let text = format!("{HEAD}{SHOP}  - {{ files: /t/last.yaml, paths: [/**] }}\n");
    let files = |last: &str| {
        [
            found(&[("/t/shop/a.yaml", RULE)]),
            found(&[("/t/last.yaml", last)]),
        ]
    };
    let closed = start(&text, &files("- { name: rest, access: deny }\n"));
    assert_eq!(texts(closed.warnings), Vec::<String>::new());
    let open = start(
        &text,
        &files("- { name: rest, match: { methods: [GET] } }\n"),
    );
    assert!(texts(open.warnings)[0].starts_with("warning[rule_evadable]: /t/shop/a.yaml: [0]"));
}

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
