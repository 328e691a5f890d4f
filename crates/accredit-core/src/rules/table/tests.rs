//! The rule that decides, for whole tables of rules.

use super::{DEFAULT_RULE, RuleTable};
use crate::request::{ClientCertificate, Completeness, Headers, Request};
use crate::rules::ambiguity::{Ambiguities, Ambiguity};
use crate::rules::host::HostPattern;
use crate::rules::matcher::{ContextEntry, Matcher, Preflight};
use crate::rules::pattern::PathPattern;
use crate::rules::rule::{Access, Rule};

mod bounds;
mod budget;
mod cost;

fn rule(name: &str, access: Access, matcher: Matcher) -> Rule {
    Rule {
        name: name.into(),
        matcher,
        bounds: None,
        trial_end: None,
        access,
        token_forwarding: None,
    }
}

fn paths(patterns: &[&str]) -> Matcher {
    let patterns = patterns
        .iter()
        .map(|text| PathPattern::parse(text).expect("is one"))
        .collect();
    Matcher {
        paths: Some(patterns),
        ..Matcher::default()
    }
}

fn anonymous() -> Access {
    Access::Anonymous { when: None }
}

fn token() -> Access {
    Access::Token(Default::default())
}

fn selected(
    table: &RuleTable,
    method: &str,
    host: &str,
    path: &str,
    headers: &[(&str, &str)],
    context: &[(&str, &str)],
) -> String {
    let headers = headers
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()));
    let request = Request {
        method,
        host,
        path,
        headers: Headers::new(headers, Completeness::Complete),
        source_address: "",
        source_principal: "",
        source_certificate: ClientCertificate::Absent,
        scheme: "https",
        context: context.to_vec(),
        trace: None,
    };
    let facts = match table.read(&request) {
        Ok(facts) => facts,
        Err(error) => return format!("{error:?}"),
    };
    match table.select(&facts) {
        Ok(rule) => rule.name.to_string(),
        Err(error) => format!("{error:?}"),
    }
}

#[test]
fn the_first_rule_that_matches_decides_whether_indexed_or_not() {
    let table = RuleTable::new(
        vec![
            rule(
                "preflight",
                anonymous(),
                Matcher {
                    preflight: Preflight::Only,
                    ..Matcher::default()
                },
            ),
            rule("public", anonymous(), paths(&["/public/**", "/healthz"])),
            rule("any-a", token(), paths(&["/*/a"])),
            rule("deployments", token(), paths(&["/deployments/*"])),
            rule("later", token(), paths(&["/public/x", "/deployments/**"])),
            rule(
                "host",
                token(),
                Matcher {
                    hosts: Some(vec![HostPattern::parse("*.acme.example").expect("is one")]),
                    ..Matcher::default()
                },
            ),
            rule(
                "context",
                Access::Deny,
                Matcher {
                    context: vec![ContextEntry {
                        name: "tier".into(),
                        values: vec!["internal".into(), "x".into()],
                    }],
                    ..Matcher::default()
                },
            ),
        ],
        Ambiguities::default(),
    );
    let get = |path: &str| selected(&table, "GET", "api.example", path, &[], &[]);
    assert_eq!(get("/public/x"), "public");
    assert_eq!(get("/healthz/"), "public");
    assert_eq!(get("/deployments/a"), "any-a");
    assert_eq!(get("/deployments/b?x=1"), "deployments");
    assert_eq!(get("/deployments/b/c"), "later");
    assert_eq!(get("/deployments"), "later");
    assert_eq!(get("/"), DEFAULT_RULE);
    assert_eq!(
        selected(&table, "GET", "B.acme.example:80", "/z", &[], &[]),
        "host"
    );
    assert_eq!(
        selected(&table, "GET", "a.example", "/z", &[], &[("tier", "x")]),
        "context"
    );
    assert_eq!(
        selected(&table, "GET", "a.example", "/z", &[], &[("tier", "y")]),
        DEFAULT_RULE
    );
    let cors = [
        ("origin", "https://x"),
        ("access-control-request-method", "GET"),
    ];
    assert_eq!(
        selected(&table, "OPTIONS", "a.example", "/z", &cors, &[]),
        "preflight"
    );
    assert_eq!(
        selected(&table, "options", "a.example", "/z", &cors, &[]),
        DEFAULT_RULE
    );
    assert_eq!(
        selected(&table, "OPTIONS", "a.example", "/z", &cors[..1], &[]),
        DEFAULT_RULE
    );
    assert_eq!(selected(&table, "GET", "a,b", "/z", &[], &[]), "Host");
    assert!(get("/public/../admin").contains("dot_segments"));
    assert!(get("*").contains("Path(None)"));
    assert!(
        selected(
            &table,
            "GET",
            "a.example",
            "/admin!",
            &[(":path", "/admin\u{ff}")],
            &[]
        )
        .contains("bad_encoding")
    );
}

#[test]
fn a_permitted_ambiguous_path_matches_no_rule_that_admits_without_a_token() {
    let permitted = [Ambiguity::EncodedSlash].into_iter().collect();
    let table = RuleTable::new(
        vec![
            rule("public", anonymous(), paths(&["/public/**"])),
            rule("strict", token(), paths(&["/public/**"])),
        ],
        permitted,
    );
    let get = |path: &str| selected(&table, "GET", "api.example", path, &[], &[]);
    assert_eq!(get("/public/a"), "public");
    assert_eq!(get("/public/a%2Fb"), "strict");
    assert!(get("/public/a%2F..%2Fb").contains("dot_segments"));
}

#[test]
fn without_rules_the_host_and_path_are_not_parsed() {
    let table = RuleTable::new(vec![], Ambiguities::default());
    assert_eq!(selected(&table, "GET", "", "*", &[], &[]), DEFAULT_RULE);
}
