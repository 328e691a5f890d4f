//! Mistakes of structure, and every fixture with its problems.

use std::path::{Path, PathBuf};

use super::{SECRET, parsed, refused};
use crate::config::locations::Locations;
use crate::config::problem::Problems;
use crate::config::yaml;

/// CONTRACT 3.1.5
#[test]
fn a_key_an_element_and_a_member_without_a_value_are_errors() {
    let base = "issuers: [{issuer: a, audiences: [b]}]\n";
    let rules = |rule: &str| format!("{base}rules:\n  - {rule}\n");
    for (text, place) in [
        (format!("{base}realm:\n"), "realm (line 2)"),
        (format!("{base}token_cache: ~\n"), "token_cache (line 2)"),
        (format!("{base}rules: null\n"), "rules (line 2)"),
        (format!("{base}tls:\n"), "tls (line 2)"),
        (
            format!("{base}tls: {{ client_ca: }}\n"),
            "tls.client_ca (line 2)",
        ),
        (format!("{base}unavailable: NULL\n"), "unavailable (line 2)"),
        (
            format!("{base}log_claims: [sub, ~]\n"),
            "log_claims[1] (line 2)",
        ),
        (
            format!("{base}log_claims: [[a, ]]\nrealm: &x\npayload_header: *x\n"),
            "payload_header (line 4)",
        ),
        (
            format!("{base}strip_headers:\n  -\n"),
            "strip_headers[0] (line 3)",
        ),
        (rules(""), "rules[0] (line 3)"),
        (rules("match:"), "rules[0].match (line 3)"),
        (rules("access:"), "rules[0].access (line 3)"),
        (
            rules("{ match: { paths: } }"),
            "rules[0].match.paths (line 3)",
        ),
        (
            rules("{ match: { paths: [ ~ ] } }"),
            "rules[0].match.paths[0] (line 3)",
        ),
        (
            rules("{ match: { context: { tier: } } }"),
            "rules[0].match.context.tier (line 3)",
        ),
        (
            rules("{ match: { context: { tier: [a, null] } } }"),
            "rules[0].match.context.tier",
        ),
        (rules("when:"), "rules[0].when (line 3)"),
        (
            rules("{ when: { expression: 'true', message: } }"),
            "rules[0].when",
        ),
        (
            "issuers: [{issuer: , audiences: [b]}]".to_owned(),
            "issuers[0].issuer (line 1)",
        ),
        (
            "issuers: [{issuer: a, audiences: }]".to_owned(),
            "issuers[0].audiences (line 1)",
        ),
        (
            "issuers: [{issuer: a, audiences: [b], claim_headers: { x-a: }}]".to_owned(),
            "issuers[0].claim_headers.x-a (line 1)",
        ),
    ] {
        let problems = refused(&text);
        assert!(
            problems.contains(place) && problems.contains("no value"),
            "{text}\n{problems}"
        );
    }
}

/// CONTRACT 3.1.6
#[test]
fn an_empty_list_or_mapping_is_an_error_where_it_has_no_meaning() {
    let issuer = |key: &str| format!("issuers: [{{issuer: a, audiences: [b], {key}}}]\n");
    let rule = |key: &str| format!("{}rules: [{{name: r, {key}}}]\n", issuer("required: true"));
    let top = |key: &str| format!("{}{key}\n", issuer("required: true"));
    for text in [
        "issuers: []\n".to_owned(),
        "issuers: [{}]\n".to_owned(),
        issuer("algorithms: []"),
        issuer("token_types: []"),
        issuer("scope_claims: []"),
        issuer("jwks: {}"),
        issuer("claim_headers: { x-a: [] }"),
        issuer("required_claims: [[]]"),
        "issuers: [{issuer: [], audiences: [b]}]\n".to_owned(),
        "issuers: [{issuer: a, audiences: []}]\n".to_owned(),
        top("token_sources: []"),
        top("token_sources: [{}]"),
        top("tls: { client_names: [] }"),
        top("rules: [{}]"),
        rule("match: {}"),
        rule("match: { hosts: [] }"),
        rule("match: { methods: [] }"),
        rule("match: { paths: [] }"),
        rule("match: { context: {} }"),
        rule("match: { context: { tier: [] } }"),
        rule("issuers: []"),
        rule("audiences: []"),
        rule("scopes: []"),
        rule("any_scope: []"),
        rule("when: {}"),
    ] {
        refused(&text);
    }
    parsed(
        "issuers: [{issuer: a, audiences: [b], required_claims: [], claim_headers: {}}]\n\
         strip_headers: []\nlog_claims: []\nambiguous_paths: []\nadmin_hosts: []\nrules: []\ntls: {}\nadmin_tls: {}\n",
    );
}

#[test]
fn keys_of_planned_features_are_unknown_keys() {
    // The module for Envoy has this key, and the service does not.
    let later = ["metadata_form"];
    for key in later {
        let problems = refused(&format!(
            "issuers: [{{issuer: a, audiences: [b]}}]\n{key}: []\n"
        ));
        assert!(
            problems.starts_with(&format!("{key} (line 2): unknown key; ")),
            "{problems}"
        );
        assert_eq!(problems.lines().count(), 1, "{problems}");
    }
}

#[test]
fn lines_are_found_by_key_path() {
    let text = "\nrealm: api\nissuers:\n- issuer: a\n  audiences: [b]\n  claim_headers:\n    x-jwt-sub: sub\n    x.dot: oid\n";
    let tree = yaml::read::read(text, &mut Problems::default()).expect("a tree");
    let locations = Locations::of(&tree);
    let cases = [
        ("realm", Some((2, 8))),
        ("issuers[0].issuer", Some((4, 11))),
        ("issuers[0].audiences[0]", Some((5, 15))),
        ("issuers[0].claim_headers", Some((6, 3))),
        ("issuers[0].claim_headers.x-jwt-sub", Some((7, 16))),
        ("issuers[0].claim_headers[\"x.dot\"]", Some((8, 12))),
        ("issuers[0].claim_headers.absent", Some((6, 3))),
        ("issuers[0].jwks.uri", Some((4, 3))),
        ("issuers[7]", Some((3, 1))),
        ("", Some((2, 1))),
    ];
    for (path, expected) in cases {
        assert_eq!(locations.locate(path), expected, "{path}");
    }
}

/// Each `invalid/*.yaml` has its problems beside it, one per line. With `ACCREDIT_REWRITE_EXPECTED` set they are written anew.
#[test]
fn every_invalid_fixture_has_exactly_its_expected_problems() {
    let mut seen = 0;
    for file in fixtures("invalid") {
        let problems = refused(&std::fs::read_to_string(&file).expect("a readable fixture"));
        let expected = file.with_extension("expected");
        if std::env::var_os("ACCREDIT_REWRITE_EXPECTED").is_some() {
            std::fs::write(&expected, &problems).expect("a writable tree");
        }
        assert_eq!(
            problems,
            std::fs::read_to_string(&expected).unwrap_or_default(),
            "{}",
            file.display()
        );
        assert!(!problems.contains(SECRET), "{}", file.display());
        seen += 1;
    }
    assert!(seen > 10, "the fixtures are missing");
}

#[test]
fn every_valid_fixture_is_accepted() {
    for file in fixtures("valid") {
        parsed(&std::fs::read_to_string(&file).expect("a readable fixture"));
    }
}

fn fixtures(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/fixtures/config")
        .join(kind);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("a folder of fixtures")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    files
}
