//! Claims of every kind as the upstream sees them, and those that no header can carry.

use serde_json::{Value, json};

use super::support::config::{ACME, KID, acme};
use super::support::scene::Scene;
use accredit_test_support::client::RawRequest;
use accredit_test_support::keys::{base64url, rsa};
use accredit_test_support::service::Service;
use accredit_test_support::token::{Token, signed_text};

const LINES: [&str; 1] = [
    "claim_headers: { x-jwt-sub: sub, x-jwt-name: name, x-jwt-scope: scopes, \
     x-jwt-env: custom_claims.environment, x-jwt-roles: ['https://acme.example/roles'], \
     x-jwt-groups: { claim: groups, as: json } }",
];

fn get(token: &str) -> RawRequest {
    // A claim header of the client must not replace a value that is left out.
    RawRequest::get("/")
        .bearer(token)
        .header("x-jwt-name", "forged")
}

#[tokio::test]
async fn a_claim_that_no_header_can_carry_is_left_out() {
    let accredit = Service::ready(&acme(&LINES)).await;
    let scene = Scene::start_with(accredit, |mut bootstrap| {
        bootstrap.early_removal = false;
        bootstrap
    })
    .await;
    let with_name = |name: Value| {
        Token::of_client(ACME, KID)
            .claim("name", name)
            .signed(rsa(0))
    };

    for unsafe_name in unsafe_names() {
        let admitted = scene.admitted(get(&with_name(unsafe_name.clone()))).await;
        assert_eq!(
            admitted.seen.values("x-jwt-name"),
            [b""; 0],
            "{unsafe_name}"
        );
        assert_eq!(admitted.seen.values("x-admin"), [b""; 0]);
        assert_eq!(admitted.seen.header("x-jwt-sub").unwrap(), "m2morg_1001");
    }
    for (name, expected) in safe_names() {
        let admitted = scene.admitted(get(&with_name(name))).await;
        assert_eq!(admitted.seen.header("x-jwt-name").unwrap(), expected);
    }
}

fn unsafe_names() -> Vec<Value> {
    vec![
        json!(null),
        json!(""),
        json!([]),
        json!("a\r\nx-admin: 1"),
        json!("a\nx-admin: 1"),
        json!("a\rx-admin: 1"),
        json!("a\u{0}b"),
        json!("a\tb"),
        json!("a\u{7f}b"),
        json!("a\u{85}b"),
        json!(" a"),
        json!("a "),
        json!(["a", "b\r\nx-admin: 1"]),
        json!(["a", ""]),
        json!(["a", null]),
        json!(["a", ["b"]]),
        json!(["a", { "b": 1 }]),
        json!(["a,b", "c"]),
        json!("x".repeat(8 * 1024 + 1)),
    ]
}

fn safe_names() -> Vec<(Value, String)> {
    vec![
        (json!("grüße, 世界 🦀"), "grüße, 世界 🦀".to_owned()),
        (json!("a  b, \"c\"; d=e\\"), "a  b, \"c\"; d=e\\".to_owned()),
        (json!(true), "true".to_owned()),
        (json!(-0.5), "-0.5".to_owned()),
        (json!(["a", 1, false]), "a,1,false".to_owned()),
        (json!("x".repeat(8 * 1024)), "x".repeat(8 * 1024)),
        (json!({ "a": "\r\n" }), base64url(r#"{"a":"\r\n"}"#)),
    ]
}

#[tokio::test]
async fn claims_go_to_the_upstream_and_the_metadata_with_the_tokens_own_digits() {
    let accredit = Service::ready(&acme(&LINES)).await;
    let scene = Scene::start_with(accredit, with_metadata_logged).await;
    let token = Token::of_client(ACME, KID);
    let more = r#"{"name":9007199254740993.50,"groups":["a", {"b" : 1.0}],"custom_claims":{"environment":"production_us"},
        "https://acme.example/roles":["admin","ops"],"#;
    let claims = format!("{more}{}", &token.claims_text()[1..]);
    let token = signed_text(token.header_text(), &claims, rsa(0), "RS256");

    let admitted = scene.admitted(get(&token)).await;
    let header = |name| admitted.seen.header(name).unwrap();
    assert_eq!(header("x-jwt-name"), "9007199254740993.50");
    assert_eq!(
        header("x-jwt-scope"),
        "deploy:applications read:deployments"
    );
    assert_eq!(header("x-jwt-env"), "production_us");
    assert_eq!(header("x-jwt-roles"), "admin,ops");
    assert_eq!(header("x-jwt-groups"), base64url(r#"["a", {"b" : 1.0}]"#));

    let metadata: Value = match &admitted.log["metadata"] {
        Value::String(text) => serde_json::from_str(text).unwrap(),
        other => other.clone(),
    };
    assert_eq!(metadata["issuer"], ACME);
    assert_eq!(metadata["key_id"], KID);
    assert_eq!(metadata["subject"], "m2morg_1001");
    assert_eq!(metadata["client_id"], "m2morg_1001");
    assert_eq!(
        metadata["scopes"],
        json!(["deploy:applications", "read:deployments"])
    );
    assert_eq!(
        metadata["claims"]["custom_claims.environment"],
        "production_us"
    );
    assert!(metadata["expires_at"].is_number());

    // Before a signature has held, only what is configured or held may be said.
    let forged = Token::of_client(ACME, KID)
        .claim("sub", "forged-subject")
        .signed(rsa(1));
    scene.refused(get(&forged), "invalid_signature").await;
    let other = Token::of_client("https://forged.example", "forged-key").signed(rsa(1));
    scene.refused(get(&other), "unknown_issuer").await;
    let unknown = Token::of_client(ACME, "forged-key").signed(rsa(1));
    scene.refused(get(&unknown), "unknown_key").await;
    let log = scene.envoy.access_log(4).await;
    assert_eq!(log.len(), 4);
    for line in &log[1..] {
        assert!(!line.to_string().contains("forged"), "{line}");
    }
}

fn with_metadata_logged(
    bootstrap: accredit_test_support::bootstrap::Bootstrap,
) -> accredit_test_support::bootstrap::Bootstrap {
    let rule = r#"rule: "%DYNAMIC_METADATA(envoy.filters.http.ext_authz:rule)%""#;
    let metadata = r#"metadata: "%DYNAMIC_METADATA(envoy.filters.http.ext_authz)%""#;
    bootstrap.change(
        rule,
        &format!("{rule}\n                          {metadata}"),
    )
}
