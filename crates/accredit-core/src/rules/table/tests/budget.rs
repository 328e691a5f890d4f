//! Rules whose comparison with a request would take too long.

use std::sync::Arc;

use super::{anonymous, paths, rule, selected, token};
use crate::rules::ambiguity::Ambiguities;
use crate::rules::host::HostPattern;
use crate::rules::matcher::Matcher;
use crate::rules::pattern::PathPattern;
use crate::rules::peer::AddressRange;
use crate::rules::rule::{Access, Rule};
use crate::rules::table::{DEFAULT_RULE, RuleTable};

const TOO_MANY: &str = "TooManyComparisons";

/// Patterns that search the whole segment.
fn searching(count: usize) -> Matcher {
    let patterns: Vec<String> = (0..count).map(|number| format!("/*q{number:x}*")).collect();
    let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
    paths(&patterns)
}

fn hosts(hosts: &[&str]) -> Matcher {
    let hosts = hosts
        .iter()
        .map(|host| HostPattern::parse(host).expect("is one"));
    Matcher {
        hosts: Some(hosts.collect()),
        ..Matcher::default()
    }
}

fn decides(table: &RuleTable, host: &str, path: &str) -> String {
    selected(table, "GET", host, path, &[], &[])
}

fn table(rules: Vec<Rule>) -> RuleTable {
    RuleTable::new(rules, Ambiguities::default()).with_files(Vec::new())
}

/// A file of 1,000 patterns and a client without a token kept a thread busy for 0.2 s with each request.
#[test]
fn a_request_that_takes_too_many_comparisons_is_denied_whatever_later_rules_admit() {
    let long = format!("/{}", "q".repeat(50_000));
    let open = || rule("open", anonymous(), paths(&["/**"]));
    let of_one_rule = table(vec![rule("searching", token(), searching(1_000)), open()]);
    let of_many = (0..1_000).map(|_| rule("searching", token(), searching(1)));
    let of_many_rules = table(of_many.chain([open()]).collect());
    let of_deny = table(vec![
        rule("searching", Access::Deny, searching(1_000)),
        open(),
    ]);
    for table in [of_one_rule, of_many_rules, of_deny] {
        assert_eq!(decides(&table, "a.example", &long), TOO_MANY);
        assert_eq!(decides(&table, "a.example", "/short"), "open");
        assert_eq!(decides(&table, "a.example", "/xq0x"), "searching");
    }
    // The rules before them decide as ever.
    let after = table(vec![open(), rule("searching", token(), searching(1_000))]);
    assert_eq!(decides(&after, "a.example", &long), "open");
}

#[test]
fn the_lists_of_rules_count_towards_the_budget_of_a_check() {
    let range = |number: usize| format!("10.{}.{}.0/24", number / 250, number % 250);
    let ranges = (0..50_000).map(|number| AddressRange::parse(&range(number)).expect("is a range"));
    let addresses = Matcher {
        addresses: Some(ranges.collect()),
        ..Matcher::default()
    };
    let many = |count| {
        let of_list = || rule("ranges", token(), addresses.clone());
        let rules = std::iter::repeat_with(of_list).take(count);
        table(rules.collect())
    };
    assert_eq!(decides(&many(3), "a.example", "/x"), DEFAULT_RULE);
    assert_eq!(decides(&many(60), "a.example", "/x"), TOO_MANY);
    let literal: Vec<String> = (0..50_000).map(|number| format!("/a/{number}")).collect();
    let literal: Vec<&str> = literal.iter().map(String::as_str).collect();
    let many = |count| table(vec![rule("paths", token(), paths(&literal)); count]);
    assert_eq!(decides(&many(2), "a.example", "/a/x"), DEFAULT_RULE);
    assert_eq!(decides(&many(20), "a.example", "/a/x"), TOO_MANY);
}

/// An operator may have many patterns: a short path is compared with all of them.
#[test]
fn tens_of_thousands_of_patterns_fit_in_the_budget_for_a_path_of_usual_length() {
    let table = table(vec![rule("searching", token(), searching(30_000))]);
    let path = format!("/{}", "a".repeat(30));
    assert_eq!(decides(&table, "a.example", &path), DEFAULT_RULE);
    assert_eq!(decides(&table, "a.example", "/q752f"), "searching");
}

/// As many values as a configuration can have.
#[test]
fn patterns_that_differ_in_their_last_segments_fit_in_the_budget() {
    let common = "/api/v1/tenants/*/projects/*/environments";
    let patterns: Vec<String> = (0..100_000)
        .map(|number| format!("{common}/s{number}"))
        .collect();
    let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
    let rules = patterns
        .chunks(100)
        .map(|some| rule("some", token(), paths(some)));
    let table = table(rules.collect());
    let request = "/api/v1/tenants/t/projects/p/environments";
    assert_eq!(
        decides(&table, "a.example", &format!("{request}/s99999")),
        "some"
    );
    assert_eq!(
        decides(&table, "a.example", &format!("{request}/x")),
        DEFAULT_RULE
    );
}

#[test]
fn a_long_text_that_is_sought_counts_towards_the_budget() {
    let sought: Vec<String> = (0..200)
        .map(|number| format!("/*{}{number}*", "a".repeat(30_000)))
        .collect();
    let sought: Vec<&str> = sought.iter().map(String::as_str).collect();
    let table = table(vec![rule("long", token(), paths(&sought))]);
    assert_eq!(decides(&table, "a.example", "/x"), TOO_MANY);
}

/// CONTRACT 3.13.2
#[test]
fn rules_of_a_file_are_not_compared_with_requests_outside_its_bounds() {
    let long = format!("/{}", "q".repeat(50_000));
    let of_team = Arc::new(hosts(&["b.example"]));
    let bounded = |bounds: &Arc<Matcher>, rule| Rule {
        bounds: Some(bounds.clone()),
        ..rule
    };
    let searching = rule("searching", token(), searching(1_000));
    let mut rules = vec![bounded(&of_team, searching); 100];
    rules.push(bounded(
        &of_team,
        rule("x", Access::Deny, paths(&["/x", "/*"])),
    ));
    let other = Arc::new(hosts(&["a.example"]));
    rules.push(bounded(&other, rule("other", token(), paths(&["/q*"]))));
    rules.push(rule("own", anonymous(), paths(&["/**"])));
    let table = table(rules);
    for (host, path, expected) in [
        ("b.example", long.as_str(), TOO_MANY),
        ("a.example", long.as_str(), "other"),
        ("a.example", "/x", "own"),
        ("c.example", long.as_str(), "own"),
        ("b.example", "/x/y", "own"),
    ] {
        assert_eq!(decides(&table, host, path), expected, "{host}");
    }
}

#[test]
fn a_long_path_within_the_budget_is_matched_as_a_short_one() {
    let pattern: PathPattern = PathPattern::parse("/q*zz*q").expect("is one");
    let matcher = Matcher {
        paths: Some(vec![pattern]),
        ..Matcher::default()
    };
    let table = table(vec![rule("ends", token(), matcher)]);
    let half = "q".repeat(25_000);
    assert_eq!(
        decides(&table, "a.example", &format!("/{half}zz{half}")),
        "ends"
    );
    assert_eq!(
        decides(&table, "a.example", &format!("/{half}zy{half}")),
        DEFAULT_RULE
    );
}
