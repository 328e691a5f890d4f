//! What an explanation is made of: inputs that were not given, and what stands in for a running service.

use serde_json::{Value, json};

use super::{explain_by, steps};
use crate::support::issuer::{Answer, KeyServer};
use crate::support::keys::{rsa, set};
use crate::support::service::inline_issuer;
use crate::support::token::Token;

const ISSUER: &str = "https://one.test";

fn configuration(lines: &str) -> String {
    let issuer = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "");
    format!("{lines}issuers:\n{issuer}")
}

/// CONTRACT 2.5.4
#[tokio::test]
async fn explain_names_the_inputs_that_a_bound_token_a_missing_token_and_metadata_depend_on() {
    let digest = "A".repeat(43);
    let bound = |member: &str| {
        let token = Token::of(ISSUER).claim("cnf", json!({ member: digest }));
        token.signed(rsa(0))
    };
    let plain = || Token::of(ISSUER).signed(rsa(0));
    let of_proof = ["method", "host", "path", "scheme", "dpop"];
    let given: &[&str] = &[
        "--method", "GET", "--host", "api.test", "--path", "/", "--scheme", "https", "--header",
        "dpop: x",
    ];
    let metadata = "resource_metadata: { resource: 'https://api.test' }\n";
    let anonymous = "rules: [{ match: { paths: [/open] }, access: anonymous }]\n";
    let ignoring = configuration("").replace("    jwks:", "    binding: ignore\n    jwks:");
    for (text, arguments, token, expected) in [
        (configuration(""), &[][..], bound("jkt"), &of_proof[..]),
        (configuration(""), given, bound("jkt"), &[]),
        (ignoring, &[], bound("jkt"), &[]),
        (
            configuration(""),
            &[],
            bound("x5t#S256"),
            &["source_certificate"],
        ),
        (configuration(""), &[], plain(), &[]),
        (configuration(""), &[], String::new(), &["token", "headers"]),
        (configuration(metadata), &[], plain(), &["method", "path"]),
        (
            configuration("rules: [{ when: 'request.query == \"a\"' }]\n"),
            &[],
            plain(),
            &["method", "path", "headers"],
        ),
        (
            configuration(anonymous),
            &["--path", "/open"],
            String::new(),
            &["headers"],
        ),
        (
            configuration(anonymous),
            &[],
            String::new(),
            &["token", "path", "headers"],
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("accredit.yaml");
        std::fs::write(&file, &text).unwrap();
        let config = ["--config", file.to_str().unwrap(), "--json"];
        let explained = explain_by(&[&config, arguments].concat(), &token).await;
        let result: Value = serde_json::from_str(&explained.stdout).unwrap();
        assert_eq!(result["not_given"], json!(expected), "{arguments:?} {text}");
    }
}

/// CONTRACT 2.5.2: without its list, the service refuses every token.
#[tokio::test]
async fn explain_answers_as_the_service_while_the_deny_list_cannot_be_fetched() {
    let server = KeyServer::start().await;
    server.serve("/revoked", Answer::of(500, "no"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    let revoked = format!("revoked: {{ uri: '{}' }}\n", server.url("/revoked"));
    std::fs::write(&file, configuration(&revoked)).unwrap();
    let config = ["--config", file.to_str().unwrap(), "--json"];
    let explained = explain_by(&config, &Token::of(ISSUER).signed(rsa(0))).await;
    assert_eq!(explained.code, Some(3), "{explained:?}");
    let (result, steps) = steps(&explained);
    assert_eq!(result["reason"], "internal_error");
    let failed = steps.iter().find(|(_, outcome)| outcome == "failed");
    assert_eq!(failed.map(|(name, _)| &**name), Some("revoked"));
}

/// A token that is cut is another token, with another reason.
#[tokio::test]
async fn a_token_that_is_too_long_is_the_same_error_on_standard_input_and_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    std::fs::write(&file, configuration("")).unwrap();
    let config = ["--config", file.to_str().unwrap(), "--json"];
    let good = Token::of(ISSUER).signed(rsa(0));
    let padding = " ".repeat(64 * 1024 - good.len());
    let whole = explain_by(&config, &format!("{good}{padding}")).await;
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
    let long = format!("{good}{padding} x");
    let in_file = folder.path().join("token").display().to_string();
    std::fs::write(&in_file, &long).unwrap();
    for explained in [
        explain_by(&config, &long).await,
        explain_by(&[&config[..], &["--token-file", &in_file]].concat(), "").await,
    ] {
        assert_eq!(explained.code, Some(2), "{explained:?}");
        let error = explained.stderr;
        assert!(error.contains("larger than 65536 bytes"), "{error}");
    }
}

#[tokio::test]
async fn a_file_that_the_configuration_names_and_that_cannot_be_used_is_a_bad_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    let revoked = "revoked: { file: /nonexistent/list }\n";
    std::fs::write(&file, configuration(revoked)).unwrap();
    let explained = explain_by(&["--config", file.to_str().unwrap()], "").await;
    assert_eq!(explained.code, Some(2), "{explained:?}");
}

/// HTTP removes spaces and tabs from the ends of a header value, and no other white space.
#[tokio::test]
async fn explain_keeps_the_white_space_of_header_values_that_http_keeps() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    let rules = "rules:\n  - { name: gold, access: anonymous, when: 'request.headers[\"x-tier\"] == \"gold\"' }\n";
    let issuer = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "");
    std::fs::write(&file, format!("issuers:\n{issuer}{rules}")).unwrap();
    let config = ["--config", file.to_str().unwrap(), "--json"];
    for (header, reason) in [
        ("x-tier: \tgold\t ", "anonymous"),
        ("x-tier: \u{a0}gold", "condition_failed"),
        ("x-tier: gold\u{3000}", "condition_failed"),
    ] {
        let explained = explain_by(&[&config[..], &["--header", header]].concat(), "").await;
        let (result, _) = steps(&explained);
        assert_eq!(result["reason"], reason, "{header:?}");
    }
}

#[tokio::test]
async fn explain_accepts_context_and_source_as_flags() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    let rules = "rules:\n  - { name: inner, match: { context: { tier: internal } }, access: anonymous, when: \
                 'source.address == \"192.0.2.1\" && source.principal == \"spiffe://a/b\"' }\n";
    let issuer = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "");
    std::fs::write(&file, format!("issuers:\n{issuer}{rules}")).unwrap();
    let config = ["--config", file.to_str().unwrap(), "--json"];
    let context = ["--context", "tier=internal"];
    let address = ["--source-address", "192.0.2.1"];
    let principal = ["--source-principal", "spiffe://a/b"];
    for (given, reason) in [
        (vec![], "missing_token"),
        (context.to_vec(), "condition_failed"),
        ([context, address].concat(), "condition_failed"),
        ([context, address, principal].concat(), "anonymous"),
    ] {
        let explained = explain_by(&[&config[..], &given].concat(), "").await;
        let (result, _) = steps(&explained);
        assert_eq!(result["reason"], reason, "{given:?}");
        let missing = result["not_given"].to_string();
        assert_eq!(
            missing.contains("context"),
            given.is_empty(),
            "{given:?} {missing}"
        );
        assert_eq!(
            missing.contains("source"),
            given.len() < 4,
            "{given:?} {missing}"
        );
    }
    let wrong = explain_by(&[&config[..], &["--context", "tier"]].concat(), "").await;
    assert_eq!(wrong.code, Some(2));
    let both = explain_by(&[&config[..], &["--admin", "127.0.0.1:1"]].concat(), "").await;
    assert_eq!(both.code, Some(2), "a configuration or a service");
    let unreachable = explain_by(&["--admin", "127.0.0.1:1"], "").await;
    assert_eq!(unreachable.code, Some(1), "{unreachable:?}");
}

/// CONTRACT 2.5.4
#[tokio::test]
async fn explain_names_the_peer_if_a_rule_matches_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    let issuer = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "");
    let rules = "rules:\n  - { match: { addresses: [10.0.0.0/8], principals: ['spiffe://a/*'] }, access: anonymous }\n";
    std::fs::write(&file, format!("issuers:\n{issuer}{rules}")).unwrap();
    let config = ["--config", file.to_str().unwrap(), "--json"];
    let address = ["--source-address", "10.1.2.3"];
    let principal = ["--source-principal", "spiffe://a/b"];
    for (given, reason, missing) in [
        (
            vec![],
            "missing_token",
            vec!["source_address", "source_principal"],
        ),
        (address.to_vec(), "missing_token", vec!["source_principal"]),
        (principal.to_vec(), "missing_token", vec!["source_address"]),
        ([address, principal].concat(), "anonymous", vec![]),
    ] {
        let explained = explain_by(&[&config[..], &given].concat(), "").await;
        let result: Value = serde_json::from_str(&explained.stdout).unwrap();
        assert_eq!(result["reason"], reason, "{given:?}");
        let not_given = result["not_given"].as_array().unwrap().iter();
        let named: Vec<_> = not_given
            .filter_map(Value::as_str)
            .filter(|name| name.starts_with("source"))
            .collect();
        assert_eq!(named, missing, "{given:?}");
    }
}
