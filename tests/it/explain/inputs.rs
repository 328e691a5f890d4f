//! What an explanation is made of: inputs that were not given.

use serde_json::{Value, json};

use super::explain_by;
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
