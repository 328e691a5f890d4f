//! The estimate of what the comparison with all rules can cost.

use std::sync::Arc;

use super::{paths, rule, selected, token};
use crate::rules::ambiguity::Ambiguities;
use crate::rules::host::HostPattern;
use crate::rules::matcher::Matcher;
use crate::rules::matching_cost::{MatchingCost, PATH_BYTES};
use crate::rules::rule::Rule;
use crate::rules::table::{DEFAULT_RULE, RuleTable};

fn cost(rules: &[Rule]) -> MatchingCost {
    MatchingCost::of(&rules.iter().collect::<Vec<_>>())
}

fn exceeds(rules: &[Rule]) -> bool {
    cost(rules).exceeds_check()
}

fn hosts(host: &str) -> Option<Vec<HostPattern>> {
    Some(vec![HostPattern::parse(host).expect("is one")])
}

/// Rules that have a pattern and a host each.
fn rules(
    count: usize,
    host: impl Fn(usize) -> String,
    path: impl Fn(usize) -> String,
) -> Vec<Rule> {
    let rules = (0..count).map(|number| {
        let matcher = Matcher {
            hosts: hosts(&host(number)),
            ..paths(&[&path(number)])
        };
        rule("r", token(), matcher)
    });
    rules.collect()
}

fn bounded_to(host: &str, rules: Vec<Rule>) -> Vec<Rule> {
    let bounds = Arc::new(Matcher {
        hosts: hosts(host),
        ..Matcher::default()
    });
    let rules = rules.into_iter().map(|rule| Rule {
        bounds: Some(bounds.clone()),
        ..rule
    });
    rules.collect()
}

fn searching(count: usize) -> Vec<Rule> {
    let rules = (0..count).map(|number| rule("r", token(), paths(&[&format!("/*q{number}*")])));
    rules.collect()
}

#[test]
fn rules_exceed_a_check_in_the_estimate_if_they_do_so_for_a_path_of_its_length() {
    let path = format!("/{}", "x".repeat(PATH_BYTES - 1));
    for (count, expected) in [(450, false), (500, true)] {
        let patterns: Vec<String> = (0..count).map(|number| format!("/*q{number}*")).collect();
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let of_one = vec![rule("r", token(), paths(&patterns))];
        for rules in [searching(count), of_one] {
            assert_eq!(exceeds(&rules), expected, "{:?}", cost(&rules));
            let table = RuleTable::new(rules, Ambiguities::default());
            let decides = selected(&table, "GET", "a.example", &path, &[], &[]);
            assert_eq!(decides != DEFAULT_RULE, expected, "{decides}");
        }
    }
}

/// Otherwise operators would learn to ignore the warning.
#[test]
fn usual_rules_do_not_exceed_a_check() {
    let same = |_| "a.example".to_owned();
    let own = |number| format!("h{number}.example");
    for (host, path) in [
        (
            &same as &dyn Fn(usize) -> String,
            &(|n| format!("/api/v1/service-{n}/items/*/parts/**")) as &dyn Fn(usize) -> String,
        ),
        (&same, &|n| format!("/**/file-{n}-*.json")),
        (&same, &|n| format!("/service-{n}/*-of-*-items-*")),
        (&same, &|n| format!("/files/v{n}-*-part-*")),
        (&own, &|_| "/*a*".to_owned()),
        (&|n| format!("*.h{n}.example"), &|_| "/**/*a*".to_owned()),
    ] {
        let rules = rules(1_000, host, path);
        assert!(!exceeds(&rules), "{}: {:?}", path(0), cost(&rules));
    }
    // As many patterns as a configuration can have.
    let patterns: Vec<String> = (0..100_000)
        .map(|number| format!("/a/b/c/d/e/f/g/{number}"))
        .collect();
    let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
    let rules = [rule("r", token(), paths(&patterns))];
    assert!(!exceeds(&rules), "{:?}", cost(&rules));
}

#[test]
fn rules_that_one_request_reaches_add_up_and_others_do_not() {
    let team = |host: &str, path: &str| {
        let path = path.to_owned();
        let rules = (0..300).map(|_| rule("r", token(), paths(&[&path])));
        bounded_to(host, rules.collect())
    };
    for (one, other, expected) in [
        (("a.example", "/*x*"), ("a.example", "/*x*"), true),
        (("a.example", "/*x*"), ("b.example", "/*x*"), false),
        (("a.b.example", "/*x*"), ("*.example", "/*x*"), true),
        (("*.b.example", "/*x*"), ("*.example", "/*x*"), true),
        (("example", "/*x*"), ("*.example", "/*x*"), false),
        (("a.example", "/a/*x*"), ("a.example", "/a/b*x*"), true),
        (("a.example", "/a/*x*"), ("a.example", "/*/*x*"), true),
        (("a.example", "/a/*x*"), ("a.example", "/**/*x*"), true),
        (("a.example", "/a/*x*"), ("a.example", "/b/*x*"), false),
        (("a.example", "/a/b*x*"), ("a.example", "/a/c*x*"), false),
    ] {
        let rules = [team(one.0, one.1), team(other.0, other.1)].concat();
        assert_eq!(
            exceeds(&rules),
            expected,
            "{one:?} {other:?} {:?}",
            cost(&rules)
        );
    }
}

#[test]
fn long_lists_count_for_each_rule_and_for_all() {
    let list = |count: usize| {
        let hosts = (0..count).map(|number| HostPattern::parse(&format!("h{number}.example")));
        Matcher {
            hosts: Some(hosts.map(|host| host.expect("is one")).collect()),
            ..Matcher::default()
        }
    };
    let of_lists = |counts: &[usize]| {
        let rules = counts.iter().map(|count| rule("r", token(), list(*count)));
        rules.collect::<Vec<_>>()
    };
    let rules = of_lists(&[10, 1_000, 10_000, 100]);
    assert_eq!(cost(&rules).of_rules, [7, 502, 5_002, 52]);
    assert_eq!(cost(&rules).steps, 7 + 502 + 5_002 + 52);
    assert!(!exceeds(&rules));
    assert!(exceeds(&of_lists(&[10_000; 201])));
    let none = MatchingCost {
        steps: 0,
        of_rules: vec![],
    };
    assert_eq!(cost(&[]), none);
}
