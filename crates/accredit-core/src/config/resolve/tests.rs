//! The meaning of values, and their mistakes.

use crate::authn::realm::WithoutKeysPolicy;
use crate::config::load;
use crate::config::problem::Severity;
use crate::config::resolve::{Resolved, resolve};

mod claims;
mod notation;
mod replay;
mod rule_order;
mod rules;
mod values;

fn resolved(text: &str) -> Result<Resolved, Vec<String>> {
    let texts = |problems: Vec<crate::config::problem::Problem>| {
        problems.iter().map(ToString::to_string).collect()
    };
    let env = |name: &str| (name == "TIER").then(|| " gold ".to_owned());
    let (document, problems) = load::read(text, &env).map_err(texts)?;
    resolve(&document, problems).map_err(texts)
}

fn problems(text: &str) -> String {
    match resolved(text) {
        Ok(resolved) => resolved
            .warnings
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n"),
        Err(problems) => problems.join("\n"),
    }
}

/// One issuer with these further lines.
fn issuer(lines: &str) -> String {
    format!("issuers:\n  - issuer: https://a.example\n    audiences: [a]\n{lines}")
}

#[test]
fn ports_that_cannot_be_listened_on_together_are_errors() {
    for (lines, expected) in [
        (
            "listen: 127.0.0.1:1\nadmin_listen: 127.0.0.1:1\n",
            "admin_listen (line 5): `listen` listens on this address too, ",
        ),
        (
            "probe_listen: 0.0.0.0:9192\n",
            "probe_listen (line 4): `admin_listen` listens on this address too by default, ",
        ),
        (
            "listen: '[::]:9192'\n",
            "listen (line 4): `admin_listen` listens on this address too by default, ",
        ),
        (
            "listen: unix:/a/b\nprobe_listen: unix:/a//b\n",
            "probe_listen (line 5): `listen` listens on this address too, ",
        ),
        (
            &format!("listen: unix:/{}\n", "a".repeat(107)),
            "is longer than the 107 bytes",
        ),
    ] {
        let found = problems(&issuer(lines));
        assert_eq!(found.lines().count(), 1, "{found}");
        assert!(found.contains(expected), "{expected}: {found}");
    }
    assert_eq!(
        problems(&issuer("listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n")),
        ""
    );
}

#[test]
fn defaults_are_those_of_the_contract() {
    let settings = resolved(&issuer("")).expect("is valid").settings;
    assert_eq!(settings.listen.to_string(), "0.0.0.0:9191");
    assert_eq!(settings.admin_listen.to_string(), "127.0.0.1:9192");
    assert!(settings.probe_listen.is_none());
    assert_eq!(settings.token_cache, 64 * 1024 * 1024);
    assert_eq!(settings.max_concurrent_checks, 1024);
    assert_eq!(settings.check_timeout.as_secs(), 1);
    assert_eq!(settings.startup_wait.as_secs(), 30);
    assert_eq!(settings.drain.as_secs(), 20);
    assert_eq!(settings.realm.to_string(), "api");
    assert_eq!(settings.unavailable, WithoutKeysPolicy::Refuse);
    assert_eq!(settings.state_dir, None);
    let entry = &settings.issuers[0];
    assert_eq!(entry.key_source.to_string(), "discovery");
    assert_eq!(entry.fetch.refresh.as_secs(), 300);
    assert_eq!(entry.fetch.max_stale.as_secs(), 86_400);
    assert_eq!(entry.fetch.timeout.as_secs(), 5);
    assert_eq!(entry.requirements.clock_skew.as_secs(), 30);
    assert_eq!(format!("{:?}", entry.requirements.algorithms), "{Rs256}");
    let headers: Vec<_> = entry
        .claim_headers
        .iter()
        .map(|header| {
            format!(
                "{}: {}",
                header.name,
                header.value.claim().expect("a claim").label()
            )
        })
        .collect();
    assert_eq!(
        headers,
        [
            "x-jwt-sub: sub",
            "x-jwt-client-id: client_id",
            "x-jwt-org: oid",
            "x-jwt-scope: scopes"
        ]
    );
}

#[test]
fn the_defaults_of_the_schema_are_the_defaults_of_the_service() {
    let schema = crate::config::schema::schema();
    let defaults = |part: &serde_json::Value| {
        let properties = part["properties"].as_object().expect("properties").clone();
        let with_default = properties
            .into_iter()
            .filter_map(|(key, value)| Some((key, value.get("default")?.clone())));
        with_default.collect::<serde_json::Map<_, _>>()
    };
    let mut document = defaults(schema);
    let mut entry = defaults(&schema["$defs"]["Issuer"]);
    entry.insert("issuer".to_owned(), "https://a.example".into());
    entry.insert("audiences".to_owned(), serde_json::json!(["a"]));
    entry.insert("jwks".to_owned(), defaults(&schema["$defs"]["Jwks"]).into());
    document.insert("issuers".to_owned(), serde_json::json!([entry]));
    assert!(document.len() > 12, "{document:?}");
    // JSON is YAML.
    let mut spelled_out =
        resolved(&serde_json::Value::from(document).to_string()).expect("is valid");
    let left_out = resolved(&issuer("")).expect("is valid");
    // The configuration's short name is of its text.
    spelled_out.settings.config = left_out.settings.config.clone();
    let sorted = |resolved: &Resolved| {
        // The claim headers' order is that of the text.
        let settings = format!("{:?}", resolved.settings);
        let mut words: Vec<String> = settings.split([' ', ',']).map(str::to_owned).collect();
        words.sort();
        words
    };
    assert_eq!(sorted(&spelled_out), sorted(&left_out));
}

fn codes(text: &str) -> Vec<String> {
    let warnings = resolved(text).expect("is valid").warnings;
    warnings
        .iter()
        .filter_map(|warning| match warning.severity {
            Severity::Warning(code) => Some(code.to_string()),
            Severity::Error => None,
        })
        .collect()
}
