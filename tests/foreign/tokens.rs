//! Tokens and keys made by other libraries: npm jose, PyPI joserfc, PyPI jwcrypto.

use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;

use super::support::accredit::Accredit;
use super::support::scripts::{answer, node, python};

const AUDIENCE: &str = "api.example";

/// What we accept; `Ed25519` is another name of `EdDSA`.
const ALGORITHMS: [&str; 10] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
];

/// A key as it was exported, and a token that it verifies.
#[derive(Deserialize)]
struct Case {
    name: String,
    issuer: String,
    algorithm: String,
    key: Value,
    token: String,
}

#[tokio::test]
async fn tokens_of_npm_jose_are_decided_as_expected() {
    let cases = judge("jose", node("tokens.js", &[AUDIENCE])).await;
    // Each algorithm, and Ed25519 by its newer name, with eight forms of its key.
    assert_eq!(cases, 88);
}

#[tokio::test]
async fn tokens_of_python_joserfc_are_decided_as_expected() {
    let cases = judge("joserfc", python("tokens_joserfc.py", &[AUDIENCE])).await;
    assert_eq!(cases, 80);
}

#[tokio::test]
async fn tokens_of_python_jwcrypto_are_decided_as_expected() {
    let cases = judge("jwcrypto", python("tokens_jwcrypto.py", &[AUDIENCE])).await;
    assert_eq!(cases, 80);
}

/// Each token is admitted under its own key and issuer, and refused as soon as one byte of it differs.
async fn judge(library: &str, maker: Command) -> usize {
    let cases: Vec<Case> = answer(library, maker).await;
    for algorithm in ALGORITHMS {
        assert!(
            cases.iter().any(|case| case.algorithm == algorithm),
            "{algorithm}"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let accredit = Accredit::serve(&configuration(&cases, folder.path())).await;
    for case in &cases {
        let (name, token) = (&case.name, &case.token);
        assert_eq!(accredit.reason(token).await, "allowed", "{name}");
        for (part, tampered) in tampered(token) {
            let reason = accredit.reason(&tampered).await;
            assert_eq!(reason, "invalid_signature", "{name}, {part}");
        }
    }
    cases.len()
}

/// Each key alone in a set of its own: a key without a name may verify any token of its issuer.
fn configuration(cases: &[Case], folder: &Path) -> String {
    let mut text = String::from("issuers:\n");
    for (number, case) in cases.iter().enumerate() {
        let file = folder.join(format!("{number}.json"));
        std::fs::write(&file, json!({ "keys": [case.key] }).to_string()).unwrap();
        let entry = json!({
            "issuer": case.issuer,
            "jwks": { "file": file },
            "audiences": [AUDIENCE],
            "algorithms": [case.algorithm],
        });
        // JSON is YAML, and a list of one-line members.
        writeln!(text, "  - {entry}").unwrap();
    }
    text
}

/// The token with other claims, and with another signature, both as well-formed as before.
fn tampered(token: &str) -> [(&'static str, String); 2] {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        panic!("no compact JWS: {token}")
    };
    let other_claims = super::support::token::with_claim(claims, "sub", "another");
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    let other_signature = format!("{first}{}", &signature[1..]);
    [
        (
            "other claims",
            format!("{header}.{other_claims}.{signature}"),
        ),
        (
            "other signature",
            format!("{header}.{claims}.{other_signature}"),
        ),
    ]
}
