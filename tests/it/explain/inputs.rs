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
