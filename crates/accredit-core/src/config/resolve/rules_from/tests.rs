//! Rules files at the start and while a service runs: which rules are in force, under which names, and what is reported.

use crate::config::load;
use crate::config::problem::Problem;
use crate::config::resolve::rules_from::RulesSource;
use crate::config::resolve::{Resolved, resolve_with_files};
use crate::config::rules_files::{FoundEntry, FoundFile, RulesInForce};

mod limits;
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
