//! Configurations of a filter, and the problems that only those have.

use std::path::Path;

use super::{FilterConfigOrigin, FilterSettings, MetadataForm, document, origin};
use crate::config::problem::Problem;
use crate::config::resolve::rules_from::RulesSource;

const ISSUERS: &str = "issuers:\n  - { issuer: https://a.test, audiences: [x] }\n";

fn environment(name: &str) -> Option<String> {
    (name == "FOLDER").then(|| "/etc/accredit".to_owned())
}

fn settings(text: &str) -> Result<FilterSettings, Vec<Problem>> {
    document(text, &environment)?.resolve(RulesSource::default())
}

fn problems_of(lines: &str) -> String {
    match settings(&format!("{lines}\n{ISSUERS}")) {
        Ok(_) => panic!("accepted: {lines}"),
        Err(problems) => problems
            .iter()
            .map(|problem| format!("{problem}\n"))
            .collect(),
    }
}

#[test]
fn each_key_without_a_meaning_inside_envoy_is_an_error() {
    for line in [
        "listen: 0.0.0.0:9191",
        "admin_listen: 127.0.0.1:9192",
        "probe_listen: 0.0.0.0:9194",
        "tls: {}",
        "admin_tls: {}",
        "admin_hosts: []",
        "drain: 20s",
        "max_concurrent_checks: 7",
        "unavailable: defer",
    ] {
        let key = line.split(':').next().unwrap_or_default();
        let problems = problems_of(line);
        assert!(
            problems.contains(&format!("{key} (line 1): ")) && problems.contains("inside Envoy"),
            "{line}: {problems}"
        );
    }
    assert!(settings(&format!("unavailable: refuse\n{ISSUERS}")).is_ok());
    let shared = problems_of("replay: { redis: 'rediss://redis.example' }");
    assert!(
        shared.contains("replay.redis (line 1): accredit inside Envoy does not support this key"),
        "{shared}"
    );
    assert!(settings(&format!("replay: {{ size: 7 }}\n{ISSUERS}")).is_ok());
}

#[test]
fn the_metadata_form_is_flat_unless_the_configuration_names_another() {
    let form = |lines: &str| {
        let read = settings(&format!("{lines}\n{ISSUERS}"));
        read.expect("is a configuration").metadata_form
    };
    assert_eq!(form(""), MetadataForm::Flat);
    assert_eq!(form("metadata_form: flat"), MetadataForm::Flat);
    assert_eq!(form("metadata_form: full"), MetadataForm::Full);
    assert_eq!(form("metadata_form: none"), MetadataForm::None);
    for line in [
        "metadata_form: Full",
        "metadata_form: 1",
        "metadata_form:",
        "metadata_form: '${ABSENT}'",
    ] {
        assert!(
            problems_of(line).starts_with("metadata_form (line 1): "),
            "{line}"
        );
    }
}

#[test]
fn the_service_does_not_know_the_metadata_form() {
    let text = format!("metadata_form: flat\n{ISSUERS}");
    let (_, problems) = crate::config::load::read(&text, &environment).expect("is YAML");
    assert!(problems.has_errors());
}

#[test]
fn a_text_with_only_the_key_config_names_a_file() {
    let file = |text: &str| origin(text, &environment);
    let named = |path: &str| Ok(FilterConfigOrigin::File(Path::new(path).to_owned()));
    assert_eq!(file("config: /a/b.yaml"), named("/a/b.yaml"));
    assert_eq!(file(r#"{"config":"/a/b.yaml"}"#), named("/a/b.yaml"));
    assert_eq!(
        file("{ config: '${FOLDER}/b.yaml' }"),
        named("/etc/accredit/b.yaml")
    );
    assert_eq!(file(ISSUERS), Ok(FilterConfigOrigin::Text));
    assert_eq!(file(""), Ok(FilterConfigOrigin::Text));
    for wrong in [
        "config: b.yaml",
        "config:",
        "config: [/a]",
        "config: '${ABSENT}'",
        "{ config: /a, realm: api }",
        "{ config: /a",
    ] {
        assert!(file(wrong).is_err(), "{wrong}");
    }
}
