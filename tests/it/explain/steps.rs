//! Which step an explanation names, and the outcome of the other steps.

use serde_json::{Value, json};

use super::{explain_by, steps};
use crate::support::keys::{p256, rsa, set};
use crate::support::service::{Service, inline_issuer};
use crate::support::token::{Token, now};

const ISSUER: &str = "https://one.test";

fn configuration() -> String {
    let set_aside = json!({ "kty": "oct", "kid": "aside", "k": "AAAA" });
    let keys = set([rsa(0).jwk("k"), p256(0).jwk("ec"), set_aside]);
    let issuer = inline_issuer(ISSUER, &keys, "algorithms: [RS256, ES256]");
    format!(
        "issuers:\n{issuer}rules:\n  - {{ match: {{ paths: [/any] }}, scopes: [a], any_scope: [b, c] }}\n  \
         - {{ match: {{ hosts: [api.test] }} }}\n"
    )
}

fn scopes(scopes: &[&str]) -> String {
    Token::of(ISSUER)
        .claim("scopes", json!(scopes))
        .signed(rsa(0))
}

/// CONTRACT 2.5.3 and 4.1.1: offline and by the running service alike.
#[tokio::test]
async fn explain_prints_the_27_steps_and_names_the_one_that_gave_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    std::fs::write(&file, configuration()).unwrap();
    let service = Service::ready(&configuration()).await;
    let admin = service.admin.to_string();
    let good = || Token::of(ISSUER);
    let many: Vec<String> = (0..10_001).map(|number| format!("n{number}: v")).collect();
    let many: Vec<&str> = many.iter().flat_map(|line| ["--header", line]).collect();
    let any: &[&str] = &["--host", "api.test", "--path", "/any"];
    let other: &[&str] = &["--host", "api.test", "--path", "/x"];
    for (request, token, reason, step) in [
        (
            &many[..],
            good().signed(rsa(0)),
            "invalid_request",
            "message",
        ),
        (
            &["--host", "a b"],
            good().signed(rsa(0)),
            "invalid_request",
            "host",
        ),
        (
            &["--host", "api.test", "--path", "/a/../b"],
            good().signed(rsa(0)),
            "invalid_request",
            "path",
        ),
        (other, String::new(), "missing_token", "credential"),
        (
            other,
            good().alg("RS384").signed(rsa(0)),
            "unsupported_algorithm",
            "alg",
        ),
        (
            other,
            good().kid("ec").signed(rsa(0)),
            "unsupported_algorithm",
            "key",
        ),
        (
            other,
            good().kid("aside").signed(rsa(0)),
            "unsupported_algorithm",
            "key",
        ),
        (
            other,
            good().kid("new").signed(rsa(0)),
            "unknown_key",
            "key",
        ),
        (
            other,
            good().signed(rsa(1)),
            "invalid_signature",
            "signature",
        ),
        (
            other,
            good().kid("new").claim("exp", 1).signed(rsa(0)),
            "expired",
            "exp",
        ),
        (
            other,
            good().claim("exp", now() - 3600).signed(rsa(0)),
            "expired",
            "exp",
        ),
        (any, scopes(&["b"]), "insufficient_scope", "scopes"),
        (any, scopes(&[]), "insufficient_scope", "scopes"),
        (any, scopes(&["a"]), "insufficient_scope", "any_scope"),
    ] {
        for origin in [["--config", file.to_str().unwrap()], ["--admin", &admin]] {
            let explained = explain_by(&[&origin[..], &["--json"], request].concat(), &token).await;
            let (result, steps) = steps(&explained);
            assert_eq!(steps.len(), 27, "{result}");
            let mut failed = steps.iter().filter(|(_, outcome)| outcome == "failed");
            let failed = (failed.next(), failed.next());
            assert_eq!(result["reason"], reason, "{step}");
            assert_eq!(failed.0.map(|(name, _)| &**name), Some(step), "{reason}");
            assert_eq!(failed.1, None, "{reason}");
        }
    }
}

/// CONTRACT 4.1.3: without a key, the claims are judged first. The steps that were left out have not passed.
#[tokio::test]
async fn explain_does_not_say_that_an_unverified_signature_passed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    std::fs::write(&file, configuration()).unwrap();
    let explain = async |token: Token| {
        let config = ["--config", file.to_str().unwrap(), "--json"];
        let explained = explain_by(&config, &token.signed(rsa(0))).await;
        let (_, steps) = steps(&explained);
        move |name: &str| {
            let step = steps.iter().find(|(step, _)| step == name);
            step.map(|(_, outcome)| outcome.clone())
        }
    };
    let unknown = || Token::of(ISSUER).kid("new");
    let [passed, not_reached] = ["passed", "not_reached"].map(|text| Some(text.to_owned()));
    let expired = explain(unknown().claim("exp", 1)).await;
    for (name, outcome) in [
        ("typ", &passed),
        ("key", &not_reached),
        ("signature", &not_reached),
        ("cnf", &not_reached),
        ("nbf", &not_reached),
    ] {
        assert_eq!(expired(name), *outcome, "{name}");
    }
    let without_key = explain(unknown()).await;
    for (name, outcome) in [
        ("signature", &not_reached),
        ("exp", &passed),
        ("max_lifetime", &passed),
        ("issuer_claims", &not_reached),
    ] {
        assert_eq!(without_key(name), *outcome, "{name}");
    }
    let unfit = explain(unknown().kid("ec")).await;
    assert_eq!(
        unfit("exp"),
        not_reached,
        "a key that does not fit is no reason to judge it"
    );
}

/// The metadata of the API is answered before every step that reads the request.
#[tokio::test]
async fn an_explanation_of_the_metadata_of_the_api_requires_no_step_of_the_request() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    let metadata = "resource_metadata: { resource: 'https://api.test' }\n";
    std::fs::write(&file, format!("{metadata}{}", configuration())).unwrap();
    let path = "/.well-known/oauth-protected-resource";
    let arguments = ["--config", file.to_str().unwrap(), "--json", "--path", path];
    let (result, steps) = steps(&explain_by(&arguments, "").await);
    assert_eq!(result["reason"], "resource_metadata");
    assert_eq!(result["rules"], Value::Array(Vec::new()));
    let passed = steps.iter().filter(|(_, outcome)| outcome == "passed");
    let names: Vec<&str> = passed.map(|(name, _)| &**name).collect();
    assert_eq!(names, ["overload", "message"]);
    assert!(
        steps[2..]
            .iter()
            .all(|(_, outcome)| outcome == "not_required")
    );
}
