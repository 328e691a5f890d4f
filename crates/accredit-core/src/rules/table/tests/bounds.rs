//! Rules of files, which decide within the bounds of their entry only.

use std::sync::Arc;

use super::{anonymous, paths, rule, selected, token};
use crate::rules::ambiguity::{Ambiguities, Ambiguity};
use crate::rules::host::HostPattern;
use crate::rules::matcher::Matcher;
use crate::rules::rule::{Access, Rule};
use crate::rules::table::{DEFAULT_RULE, RuleTable};

fn bounded(rule: Rule, hosts: Option<&[&str]>, patterns: Option<&[&str]>) -> Rule {
    let bounds = Matcher {
        hosts: hosts.map(|hosts| {
            let hosts = hosts.iter();
            hosts
                .map(|host| HostPattern::parse(host).expect("is one"))
                .collect()
        }),
        paths: patterns.and_then(|patterns| paths(patterns).paths),
        ..Matcher::default()
    };
    Rule {
        bounds: Some(Arc::new(bounds)),
        ..rule
    }
}

/// CONTRACT 3.13.2
#[test]
fn a_rule_of_a_file_decides_nothing_outside_its_bounds() {
    let table = RuleTable::new(
        vec![
            // Each matches far more than its file may.
            bounded(
                rule("shop", anonymous(), Matcher::default()),
                Some(&["shop.example", "*.shop.example"]),
                Some(&["/shop/**"]),
            ),
            bounded(
                rule("pay", anonymous(), paths(&["/**", "/pay/**"])),
                None,
                Some(&["/pay/*/public"]),
            ),
            bounded(
                rule(
                    "host",
                    Access::Deny,
                    Matcher {
                        hosts: Some(vec![HostPattern::parse("*.example").expect("is one")]),
                        ..Matcher::default()
                    },
                ),
                Some(&["10.0.0.1", "team.example"]),
                None,
            ),
        ],
        Ambiguities::default(),
    )
    .with_files(Vec::new());
    let get = |host: &str, path: &str| selected(&table, "GET", host, path, &[], &[]);
    for (host, path) in [
        ("shop.example", "/shop"),
        ("SHOP.example.:8080", "/shop/a?x=/other"),
        ("a.b.shop.example", "/%73hop/"),
    ] {
        assert_eq!(get(host, path), "shop", "{host}{path}");
    }
    for (host, path) in [
        ("shop.example", "/"),
        ("shop.example", "/Shop/a"),
        ("shop.example", "/shopping"),
        ("shop.example", "/a/shop"),
        ("shop.example.evil", "/shop"),
        ("evilshop.example", "/shop"),
        ("example", "/shop"),
        ("[::ffff:10.0.0.1]", "/shop"),
        ("a.example", "/pay/x"),
        ("a.example", "/pay/x/y/public"),
        ("a.example", "/pay/public"),
        ("x.team.example", "/"),
        ("example", "/?x=/pay/x/public"),
    ] {
        assert_eq!(get(host, path), DEFAULT_RULE, "{host}{path}");
    }
    assert_eq!(get("a.example", "/pay/x/public"), "pay");
    assert_eq!(get("Team.Example", "/pay/x"), "host");
    // In the bounds, and outside the rule's own hosts.
    assert_eq!(get("10.0.0.1", "/x"), DEFAULT_RULE);
    for path in [
        "/shop/../admin",
        "/shop//a",
        "/shop;a",
        "/shop%2Fa",
        "/shop\\a",
    ] {
        assert!(get("shop.example", path).starts_with("Path"), "{path}");
    }
    assert_eq!(get("shop.example:a", "/shop"), "Host");
}

/// Another server may read such a path as one outside the bounds, or as one inside that the file protects.
#[test]
fn no_rule_decides_about_an_ambiguous_path_that_a_bounded_rule_matches() {
    let permitted = Ambiguity::ALL.into_iter().collect();
    let table = RuleTable::new(
        vec![
            rule("own", token(), paths(&["/shop/own/**"])),
            bounded(
                rule("shop", token(), Matcher::default()),
                None,
                Some(&["/shop/**"]),
            ),
            bounded(
                rule("public", anonymous(), Matcher::default()),
                None,
                Some(&["/public/**"]),
            ),
            bounded(
                rule("host", Access::Deny, Matcher::default()),
                Some(&["team.example"]),
                None,
            ),
        ],
        permitted,
    )
    .with_files(Vec::new());
    let get = |host: &str, path: &str| selected(&table, "GET", host, path, &[], &[]);
    for path in [
        "/shop/../admin",
        "/shop/%2e%2e/admin",
        "/shop/a%2F..%2F..%2Fadmin",
        "/shop/..\\..\\admin",
        "/shop/%252e%252e/admin",
        "/shop/..;x/admin",
        "/shop/a%2Fb",
    ] {
        assert!(get("a.example", path).starts_with("Path"), "{path}");
    }
    assert_eq!(get("a.example", "/shop/a"), "shop");
    // The rules of the configuration itself keep what `ambiguous_paths` permits.
    assert_eq!(get("a.example", "/shop/own/a%2Fb"), "own");
    // An ambiguous path matches no rule that admits without a token.
    assert_eq!(get("a.example", "/public/../shop"), DEFAULT_RULE);
    // These bounds have no paths.
    assert_eq!(get("team.example", "/a%2Fb"), "host");
}

/// Otherwise the first rule with `methods` or `paths` in any file would change what happens to the requests of all others.
#[test]
fn how_a_request_is_read_does_not_depend_on_the_content_of_files() {
    let table = RuleTable::new(vec![], Ambiguities::default()).with_files(Vec::new());
    let get = |method: &str, host: &str, path: &str| selected(&table, method, host, path, &[], &[]);
    assert_eq!(get("GET", "a.example", "/x"), DEFAULT_RULE);
    assert_eq!(get("get", "a.example", "/x"), "Method");
    assert_eq!(get("GET", "a b", "/x"), "Host");
    assert!(get("GET", "a.example", "//x").starts_with("Path"));
}

#[test]
fn rules_without_paths_are_indexed_by_the_paths_of_their_bounds() {
    let rules = (0..500).map(|number| {
        let bound = format!("/team-{number}/**");
        bounded(
            rule(&format!("{number}"), token(), Matcher::default()),
            None,
            Some(&[&bound]),
        )
    });
    let table = RuleTable::new(rules.collect(), Ambiguities::default());
    assert!(table.others.is_empty());
    let get = |path: &str| selected(&table, "GET", "a.example", path, &[], &[]);
    assert_eq!(get("/team-499/x"), "499");
    assert_eq!(get("/team-500/x"), DEFAULT_RULE);
}
