//! What the environment gives, and that no problem shows it.

use std::path::Path;

use super::{SECRET, lines, parsed, read, refused, seconds};
use crate::config::issuer_document::{AnyAudience, AudiencesDocument};
use crate::config::one_or_many::OneOrMany;
use crate::config::problem::Problems;
use crate::config::resolve::resolve;
use crate::config::units::Size;
use crate::config::yaml;
use crate::config::yaml::tree::{YamlNode, YamlValue};

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
