//! The order of rules: which of them are unreachable or evadable.

use super::{codes, issuer, problems, resolved};

#[test]
fn unreachable_and_evadable_rules_cause_warnings() {
    let rules = |lines: &str| issuer(&format!("rules:\n{lines}"));
    let cases: &[(String, &str)] = &[
        (
            rules(
                "  - { match: { paths: [/a/**] }, access: anonymous }\n  - { match: { paths: [/a/b] } }\n",
            ),
            "rules[1]",
        ),
        (
            rules("  - { access: optional }\n  - { match: { methods: [GET] } }\n"),
            "rules[1]",
        ),
        (
            rules("  - { match: { paths: [/a] }, scopes: [a] }\n"),
            "rules[0]",
        ),
        (
            issuer(
                "forward_token: false\nrules: [{ match: { paths: [/a] }, access: anonymous }]\n",
            ),
            "rules[0]",
        ),
        (issuer("ambiguous_paths: [parameters]\n"), "ambiguous_paths"),
        (
            issuer("token_sources: [{ query: access_token }]\n"),
            "token_sources[0].query",
        ),
    ];
    for (text, expected) in cases {
        let warnings = resolved(text).expect("is valid").warnings;
        assert!(
            warnings.iter().any(|warning| warning.path == *expected),
            "{text}{warnings:?}"
        );
    }
    let closed = rules(
        "  - { match: { paths: [/a] }, scopes: [a] }\n  - { match: { paths: [/b] } }\n  - { access: deny }\n",
    );
    let warnings = resolved(&closed).expect("is valid").warnings;
    assert!(warnings.is_empty(), "{warnings:?}");
}

/// The comparison of all rules with all others delayed a new configuration by minutes.
#[test]
fn the_comparison_of_rules_ends_and_says_which_rules_were_not_compared() {
    let hosts: Vec<String> = (0..10_000).map(|number| format!("h{number}")).collect();
    let hosts = hosts.join(", ");
    let rule = |more: &str| format!("  - {{ match: {{ hosts: [{hosts}] }}{more} }}\n");
    let text = issuer(&format!(
        "rules:\n  - {{ match: {{ paths: [/a] }} }}\n  - {{ match: {{ paths: [/a] }} }}\n{}{}",
        rule(""),
        rule(", access: deny"),
    ));
    let warnings = resolved(&text).expect("is valid").warnings;
    let texts: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    let [not_compared, unreachable, evadable] = texts.as_slice() else {
        panic!("{texts:#?}");
    };
    assert!(unreachable.contains("rules[1]"), "{unreachable}");
    assert!(
        not_compared.starts_with("warning[rule_unreachable]: rules (line ")
            && not_compared.contains(
                "too many rules to compare each with the others: from the rule `rules[3]` on"
            ),
        "{not_compared}"
    );
    // Whether a rule can be evaded does not depend on the rules before it.
    assert!(
        evadable.starts_with("warning[rule_evadable]: rules[3] (line "),
        "{evadable}"
    );
}

#[test]
fn rules_that_could_take_more_steps_than_a_check_makes_cause_a_warning() {
    let of_rules = |count: usize, path: &dyn Fn(usize) -> String| {
        let rule = |number| format!("  - {{ match: {{ paths: ['{}'] }} }}\n", path(number));
        issuer(&format!(
            "rules:\n{}",
            (0..count).map(rule).collect::<String>()
        ))
    };
    let usual = of_rules(1_000, &|number| format!("/api/service-{number}/*/items-*"));
    assert_eq!(codes(&usual), [""; 0]);
    let costly = of_rules(600, &|number| format!("/api/*-{number}-*"));
    assert_eq!(codes(&costly), ["rules_costly"]);
    let warnings = resolved(&costly).expect("is valid").warnings;
    let text = warnings[0].to_string();
    for part in [
        "warning[rules_costly]: rules (line ",
        "comparing a path of 8 KiB could take 12",
        "a check makes at most 1000000",
        "The rules that can take most: rules[10], rules[11], rules[12]",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

/// CONTRACT 3.5.9
#[test]
fn a_rule_that_admits_everything_without_a_token_causes_a_warning() {
    for rule in [
        "access: anonymous",
        "access: optional",
        "match: { paths: [/**] }, access: anonymous",
        "match: { preflight: false }, access: optional",
    ] {
        let text = issuer(&format!("rules: [{{ {rule} }}]\n"));
        assert_eq!(codes(&text), ["rule_open"], "{rule}");
    }
    let closed = "rules: [{ match: { paths: [/a] }, access: anonymous }]\n";
    assert_eq!(codes(&issuer(closed)), [""; 0]);
}

/// CONTRACT 3.10.7: what the advice asks for causes no further warning.
#[test]
fn the_advice_about_the_order_of_rules_does_not_contradict_itself() {
    let strict = "{ match: { paths: [/a] }, scopes: [a], any_scope: [b] }";
    for (last, expected) in [
        ("", &["rule_evadable"][..]),
        (", { access: token }", &["rule_evadable"]),
        (", { scopes: [a] }", &["rule_evadable"]),
        (", { scopes: [a], any_scope: [b, c] }", &["rule_evadable"]),
        (", { scopes: [c, a], any_scope: [b] }", &[]),
        (", { access: deny }", &[]),
        (", { access: deny }, { scopes: [x] }", &["rule_unreachable"]),
    ] {
        let text = issuer(&format!("rules: [{strict}{last}]\n"));
        assert_eq!(codes(&text), expected, "{last}");
    }
}

/// CONTRACT 3.10.7
#[test]
fn each_rule_that_is_stricter_than_the_default_rule_causes_a_warning() {
    let rules = "rules: [{ match: { paths: [/a] }, access: deny }, { match: { paths: [/b] } }, { match: { paths: [/c] }, scopes: [c] }]\n";
    let warnings = problems(&issuer(rules));
    let keys: Vec<&str> = warnings
        .lines()
        .filter_map(|line| line.strip_prefix("warning[rule_evadable]: "))
        .filter_map(|line| line.split_once(' ').map(|(key, _)| key))
        .collect();
    assert_eq!(keys, ["rules[0]", "rules[2]"], "{warnings}");
}

/// CONTRACT 3.10.7
#[test]
fn claims_make_a_rule_stricter_and_a_catch_all_as_strict() {
    for (rules, expected) in [
        (
            "{ match: { paths: [/a] }, claims: { g: [a] } }",
            &["rule_evadable"][..],
        ),
        (
            "{ match: { paths: [/a] }, claims: { g: [a] } }, { claims: { h: a } }",
            &["rule_evadable"],
        ),
        (
            "{ match: { paths: [/a] }, claims: { g: [a] } }, { claims: { g: [a, b] } }",
            &["rule_evadable"],
        ),
        (
            "{ match: { paths: [/a] }, claims: { g: [a, b] } }, { claims: { g: a, h: 1 } }",
            &[],
        ),
        (
            "{ match: { paths: [/a] }, claims: { g: [a] } }, { access: deny }",
            &[],
        ),
        (
            "{ match: { addresses: [10.0.0.0/8] }, access: anonymous }, { match: { addresses: [10.1.0.0/16] } }, { access: deny }",
            &["rule_unreachable"],
        ),
        (
            "{ match: { principals: ['a*'] }, access: anonymous }, { match: { principals: [ab] } }, { access: deny }",
            &["rule_unreachable"],
        ),
        (
            "{ match: { principals: ['*'] }, access: anonymous }, { access: deny }",
            &[],
        ),
        (
            "{ match: { addresses: ['0.0.0.0/0', '::/0'] }, access: optional }, { access: deny }",
            &[],
        ),
    ] {
        assert_eq!(
            codes(&issuer(&format!("rules: [{rules}]\n"))),
            expected,
            "{rules}"
        );
    }
}
