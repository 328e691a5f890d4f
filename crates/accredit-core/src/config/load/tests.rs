//! Whole configurations: the contract's own, what the environment gives, and every fixture with its problems.

use std::path::{Path, PathBuf};

use super::read;
use crate::config::document::ConfigDocument;
use crate::config::issuer_document::{
    AnyAudience, AudiencesDocument, ClaimEncoding, ClaimSource, EncodedClaim, IssuerDocument,
};
use crate::config::locations::Locations;
use crate::config::one_or_many::{ClaimNameDocument, OneOrMany};
use crate::config::problem::Problems;
use crate::config::resolve::resolve;
use crate::config::units::{Duration, Size};
use crate::config::words::Word;
use crate::config::yaml;
use crate::config::yaml::tree::{YamlNode, YamlValue};

const SECRET: &str = "hunter2";

fn environment(name: &str) -> Option<String> {
    let value = match name {
        "SECRET" => SECRET,
        "EMPTY" => "",
        "NUMBER" => "12",
        "HEX" => "0x10",
        "YES" => "true",
        "QUOTED" => "\"${NUMBER}\": [a]",
        "LISTEN" => "127.0.0.1:1",
        _ => return None,
    };
    Some(value.to_owned())
}

fn parsed(text: &str) -> ConfigDocument {
    match read(text, &environment) {
        Ok((document, problems)) if !problems.has_errors() => document,
        Ok((_, problems)) => panic!("{}", lines(&problems.into_sorted())),
        Err(problems) => panic!("{}", lines(&problems)),
    }
}

fn refused(text: &str) -> String {
    match read(text, &environment) {
        Err(problems) => lines(&problems),
        Ok((_, problems)) => {
            assert!(problems.has_errors(), "accepted: {text}");
            lines(&problems.into_sorted())
        }
    }
}

fn lines(problems: &[crate::config::problem::Problem]) -> String {
    problems
        .iter()
        .map(|problem| format!("{problem}\n"))
        .collect()
}

fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::new(std::time::Duration::from_secs(seconds)))
}

#[test]
fn the_contracts_example_is_read_with_every_key() {
    let document = parsed(include_str!(
        "../../../../../tests/fixtures/config/valid/contract.yaml"
    ));
    assert_eq!(document.listen.as_deref(), Some("0.0.0.0:9191"));
    assert_eq!(document.admin_listen.as_deref(), Some("127.0.0.1:9192"));
    assert_eq!(document.probe_listen.as_deref(), Some("0.0.0.0:9194"));
    assert_eq!(document.admin_hosts, Some(vec![]));
    assert_eq!(document.forward_token, Some(true));
    assert_eq!(document.payload_header.as_deref(), Some("x-jwt-payload"));
    assert_eq!(document.strip_headers, Some(vec!["x-jwt-*".into()]));
    assert_eq!(document.realm.as_deref(), Some("api"));
    assert_eq!(document.token_cache, Some(Size::new(64 << 20)));
    assert_eq!(document.max_concurrent_checks, Some(1024));
    assert_eq!(document.check_timeout, seconds(1));
    assert_eq!(document.startup_wait, seconds(30));
    assert_eq!(document.drain, seconds(20));
    assert_eq!(document.error_details, Some(true));
    assert_eq!(document.state_dir.as_deref(), Some("/var/lib/accredit"));
    assert_eq!(document.unavailable, Word::parse("refuse"));

    let [issuer] = document.issuers.as_slice() else {
        panic!("one issuer")
    };
    assert_eq!(
        issuer.issuer,
        OneOrMany::One("https://acme.scalekit.dev".into())
    );
    assert_eq!(
        issuer.audiences,
        AudiencesDocument::OneOf(vec!["api.acme.example".into()])
    );
    assert_eq!(issuer.audience_absent, Word::parse("refuse"));
    assert_eq!(
        issuer.algorithms,
        Word::parse("RS256").map(|word| vec![word])
    );
    assert_eq!(
        issuer.token_types,
        Some(vec!["JWT".into(), "at+jwt".into()])
    );
    assert_eq!(
        (issuer.clock_skew, issuer.max_lifetime),
        (seconds(30), seconds(86_400))
    );
    assert_eq!(
        issuer.required_claims,
        Some(vec![ClaimNameDocument::Dotted("sub".into())])
    );
    assert_eq!(
        issuer.scope_claims,
        Some(
            ["scopes", "scp", "scope"]
                .map(|name| ClaimNameDocument::Dotted(name.into()))
                .into()
        )
    );
    assert_eq!(
        (issuer.binding, issuer.required),
        (Word::parse("enforce"), Some(true))
    );
    let jwks = issuer.jwks.as_ref().expect("keys");
    assert_eq!(jwks.uri.as_deref(), Some("https://acme.scalekit.dev/keys"));
    assert_eq!(
        (jwks.refresh, jwks.max_stale, jwks.timeout),
        (seconds(300), seconds(86_400), seconds(5))
    );
    assert_eq!(
        (jwks.ca_file.as_deref(), jwks.allow_http),
        (Some("/etc/ssl/acme.pem"), Some(false))
    );
    assert_eq!((jwks.file.as_ref(), jwks.inline.as_ref()), (None, None));

    let dotted = |name: &str| ClaimSource::Dotted(name.into());
    let groups = EncodedClaim {
        claim: ClaimNameDocument::Dotted("groups".into()),
        encoding: ClaimEncoding::Json,
    };
    let headers = &issuer.claim_headers.as_ref().expect("claim headers").0;
    let expected = [
        ("x-jwt-sub", dotted("sub")),
        ("x-jwt-scope", dotted("scopes")),
        ("x-jwt-environment", dotted("custom_claims.environment")),
        (
            "x-jwt-roles",
            ClaimSource::Literal(vec!["https://acme.example/roles".into()]),
        ),
        ("x-jwt-groups", ClaimSource::Encoded(groups)),
    ];
    assert_eq!(
        *headers,
        expected.map(|(name, source)| (name.to_owned(), source))
    );
}

#[test]
fn a_minimal_configuration_leaves_every_optional_key_unset() {
    let document =
        parsed("issuers: [{issuer: [a, b], audiences: any, jwks: {inline: '{\"keys\":[]}'}}]");
    let [issuer] = document.issuers.as_slice() else {
        panic!("one issuer")
    };
    assert_eq!(issuer.issuer, OneOrMany::Many(vec!["a".into(), "b".into()]));
    assert_eq!(issuer.audiences, AudiencesDocument::Any(AnyAudience::Any));
    assert_eq!(
        issuer.jwks.as_ref().and_then(|jwks| jwks.inline.as_deref()),
        Some("{\"keys\":[]}")
    );
    let bare = IssuerDocument {
        jwks: issuer.jwks.clone(),
        ..IssuerDocument::new(issuer.issuer.clone(), issuer.audiences.clone())
    };
    assert!(*issuer == bare);
    let rest = ConfigDocument {
        issuers: Vec::new(),
        ..document.clone()
    };
    assert!(rest == ConfigDocument::default());
    assert!(!format!("{document:?} {issuer:?} {:?}", issuer.jwks).contains("keys"));
}

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
fn environment_references_give_strings_numbers_and_booleans() {
    let document = parsed(
        "listen: ${LISTEN}\nrealm: 'a ${UNSET:-b c} ${SECRET} $5'\nprobe_listen: ${QUOTED}\nadmin_listen: ${NUMBER}\n\
         max_concurrent_checks: ${NUMBER}\ntoken_cache: ${NUMBER}KiB\nerror_details: ${YES}\nforward_token: ${UNSET:-false}\n\
         drain: ${NUMBER}s\nissuers:\n- {issuer: '${EMPTY:-x}', audiences: '${UNSET:-any}', required: \"${YES}\"}\n",
    );
    assert_eq!(document.listen.as_deref(), Some("127.0.0.1:1"));
    assert_eq!(document.realm.as_deref(), Some("a b c hunter2 $5"));
    assert_eq!(
        document.probe_listen.as_deref(),
        Some("\"${NUMBER}\": [a]"),
        "neither parsed nor expanded again"
    );
    assert_eq!(
        document.admin_listen.as_deref(),
        Some("12"),
        "where a string is wanted it stays one"
    );
    assert_eq!(document.max_concurrent_checks, Some(12));
    assert_eq!(document.token_cache, Some(Size::new(12 << 10)));
    assert_eq!(
        (document.error_details, document.forward_token),
        (Some(true), Some(false))
    );
    assert_eq!(document.drain, seconds(12));
    assert_eq!(document.issuers[0].issuer, OneOrMany::One("x".into()));
    assert_eq!(
        document.issuers[0].audiences,
        AudiencesDocument::Any(AnyAudience::Any)
    );
    assert_eq!(document.issuers[0].required, Some(true));
}

#[test]
fn problems_do_not_show_values_of_environment_variables() {
    let keys = [
        "drain",
        "token_cache",
        "max_concurrent_checks",
        "error_details",
        "admin_hosts",
        "strip_headers",
        "issuers",
    ];
    let issuer_keys = [
        "audiences",
        "binding",
        "algorithms",
        "audience_absent",
        "jwks",
        "claim_headers",
        "required",
    ];
    let mut text: String = keys
        .iter()
        .map(|key| format!("{key}: ${{SECRET}}\n"))
        .collect();
    let problems = refused(&text);
    assert_eq!(problems.lines().count(), keys.len(), "{problems}");
    assert!(!problems.contains(SECRET), "{problems}");

    text = String::from("issuers:\n- issuer: a\n");
    text.extend(
        issuer_keys
            .iter()
            .map(|key| format!("  {key}: ${{SECRET}}\n")),
    );
    let problems = refused(&text);
    assert_eq!(problems.lines().count(), issuer_keys.len(), "{problems}");
    assert!(!problems.contains(SECRET), "{problems}");
}

/// Each scalar of the examples comes from the environment in turn, with texts that fit no key, or only nearly. No problem
/// and no warning of the whole configuration shows any of them.
#[test]
fn no_problem_of_any_key_shows_a_value_of_the_environment() {
    let secrets = [
        "hunter2",
        " hunter2 x",
        "https://hunter2.test/{x}",
        "http://hunter2.test",
        "hunter2:99999",
        "unix:hunter2",
        "hunter2..x",
        "/hunter2/[0-9]+",
        "hunter2/**/**",
        "{\"hunter2\": 1, \"hunter2\": 2}",
        "{\"keys\": [{\"kty\": \"hunter2\", \"kid\": \"hunter2\"}]}",
        "hunter2\u{1}\"",
        "70000",
    ];
    let mut reported = 0;
    for text in examples() {
        let tree = yaml::read::read(&text, &mut Problems::default()).expect("a tree");
        let count = scalars(&tree);
        for secret in secrets {
            for number in 0..count {
                let text = with_reference(&tree, number);
                let lookup = |name: &str| match name {
                    "SECRET" => Some(secret.to_owned()),
                    _ => Some("https://variable.example".to_owned()),
                };
                let problems = match read(&text, &lookup) {
                    Ok((document, problems)) => match resolve(&document, problems) {
                        Ok(resolved) => resolved.warnings,
                        Err(problems) => problems,
                    },
                    Err(problems) => problems,
                };
                reported += problems.len();
                let shown = lines(&problems);
                assert!(
                    !shown.contains("hunter2") && !shown.contains("70000"),
                    "{text}\n{shown}"
                );
            }
        }
    }
    assert!(reported > 1_000, "{reported}");
}

fn examples() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let entries = std::fs::read_dir(folder).expect("the examples");
    let mut texts: Vec<String> = entries
        .map(|entry| entry.expect("an example").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .map(|path| std::fs::read_to_string(path).expect("is text"))
        .collect();
    // Keys that the examples do not have.
    texts.push(
        "probe_listen: 0.0.0.0:1\nadmin_hosts: [a.example]\npayload_header: x-jwt-sub\nrealm: a\nstate_dir: a\n\
         max_token_size: 1KiB\nlog_claims: [a, [b]]\naccept_warnings: [audiences_any]\nexpression_env: [A]\n\
         tls: {certificate: a, private_key: b, client_ca: c, client_names: [d.example]}\nissuers:\n\
         - {issuer: [a, b], audiences: [c], jwks: {inline: '{}', ca_file: a}, token_types: [a], claim_headers: {x-jwt-sub: {claim: a, as: json}}}\n\
         rules:\n- {name: a, access: token, scopes: [a], when: {expression: 'true', message: a}}\n\
         - {name: b, match: {hosts: [a.example], methods: [GET], paths: [/a], context: {a: [b]}}, audiences: [a], issuers: [a]}\n"
            .to_owned(),
    );
    texts
}

fn scalars(node: &YamlNode) -> usize {
    match &node.value {
        YamlValue::Sequence(items) => items.iter().map(scalars).sum(),
        YamlValue::Mapping(members) => members.iter().map(|(_, node)| scalars(node)).sum(),
        _ => 1,
    }
}

/// The document as JSON, in which the scalar of this number is a reference to the environment.
fn with_reference(tree: &YamlNode, number: usize) -> String {
    fn json(node: &YamlNode, left: &mut usize) -> serde_json::Value {
        let scalar: serde_json::Value = match &node.value {
            YamlValue::Sequence(items) => {
                return items.iter().map(|item| json(item, left)).collect();
            }
            YamlValue::Mapping(members) => {
                let members = members.iter();
                return members
                    .map(|(key, node)| (key.name.clone(), json(node, left)))
                    .collect();
            }
            YamlValue::Null => serde_json::Value::Null,
            YamlValue::Bool(flag) => (*flag).into(),
            YamlValue::Integer(number) => (*number).into(),
            YamlValue::Float(number) => (*number).into(),
            YamlValue::String(text) => text.as_str().into(),
        };
        let is_this = *left == 0;
        *left = left.wrapping_sub(1);
        if is_this { "${SECRET}".into() } else { scalar }
    }
    json(tree, &mut number.clone()).to_string()
}

#[test]
fn a_reference_to_the_environment_in_a_key_is_an_error() {
    let problems = refused(
        "lis${LISTEN}: a\nissuers:\n- issuer: a\n  audiences: [b]\n  claim_headers:\n    ${HEADER}: sub\n    x-${A:-b}: oid\n\
         rules:\n- name: a\n  match:\n    context:\n      \"${TIER}\": internal\n      zone: a\n",
    );
    let places: Vec<&str> = problems
        .lines()
        .map(|line| {
            line.split_once(": `${...}` is not replaced in a key; ")
                .expect(line)
                .0
        })
        .collect();
    assert_eq!(
        places,
        [
            "lis${LISTEN} (line 1)",
            "issuers[0].claim_headers.${HEADER} (line 6)",
            "issuers[0].claim_headers.x-${A:-b} (line 7)",
            "rules[0].match.context.${TIER} (line 12)",
        ]
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
