//! Tokens that try to choose how they are verified, or to be read in two ways.

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::support::accredit::Accredit;
use super::support::client::RawRequest;
use super::support::config::{ACME, KID, acme};
use super::support::key_server::{KeyServer, Serving};
use super::support::keys::{TestKey, base64url, key, key_set};
use super::support::scene::Scene;
use super::support::token::{Token, sign_text, signing_input};

async fn scene() -> Scene {
    Scene::start(Accredit::start(&acme(&[])).await).await
}

fn get(token: &str) -> RawRequest {
    RawRequest::get("/").bearer(token)
}

#[tokio::test]
async fn a_token_cannot_choose_its_verification_algorithm() {
    let scene = scene().await;
    let good = || Token::good(ACME, KID);

    for name in ["none", "None", "NONE", "nOnE", "", " RS256", "RS256 "] {
        let token = good().header("alg", name);
        let input = signing_input(&token.header_json(), &token.claims_json());
        let unsigned = format!("{input}.");
        scene.refused(get(&unsigned), "unsupported_algorithm").await;
        scene
            .refused(get(&token.sign(key(0))), "unsupported_algorithm")
            .await;
        // Without a dot at its end it is no JWS at all.
        scene.refused(get(&input), "malformed_token").await;
    }
    let unsigned = good().sign(key(0));
    let (input, _) = unsigned.rsplit_once('.').unwrap();
    scene
        .refused(get(&format!("{input}.")), "invalid_signature")
        .await;

    for secret in secrets(key(0)) {
        for (name, algorithm) in [
            ("HS256", hmac::HMAC_SHA256),
            ("HS384", hmac::HMAC_SHA384),
            ("HS512", hmac::HMAC_SHA512),
        ] {
            let token = good().header("alg", name);
            let input = signing_input(&token.header_json(), &token.claims_json());
            let tag = hmac::sign(&hmac::Key::new(algorithm, &secret), input.as_bytes());
            let token = format!("{input}.{}", base64url(tag));
            scene.refused(get(&token), "unsupported_algorithm").await;
        }
        // The same, where the header says what the issuer uses.
        let input = signing_input(&good().header_json(), &good().claims_json());
        let tag = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, &secret),
            input.as_bytes(),
        );
        let token = format!("{input}.{}", base64url(tag));
        scene.refused(get(&token), "invalid_signature").await;
    }
}

fn secrets(key: &TestKey) -> Vec<Vec<u8>> {
    let mut secrets = key.public_as_secrets();
    secrets.push(key.jwk(KID).to_string().into_bytes());
    secrets.push(key_set(&[key.jwk(KID)]).into_bytes());
    secrets.push(Vec::new());
    secrets
}

#[tokio::test]
async fn a_token_cannot_supply_its_own_key() {
    let scene = scene().await;
    let forger = key(2);
    let lure = KeyServer::start(Serving::Keys(key_set(&[forger.jwk(KID)]))).await;
    let brought: [(&str, Value); 6] = [
        ("jwk", forger.jwk(KID)),
        ("jku", lure.uri().into()),
        ("x5u", lure.uri().into()),
        ("x5c", json!(["AAAA"])),
        ("x5t#S256", "AAAA".into()),
        ("iss", lure.uri().into()),
    ];
    for (name, value) in brought {
        let forged = Token::good(ACME, KID).header(name, value.clone());
        scene
            .refused(get(&forged.sign(forger)), "invalid_signature")
            .await;
        // Not read at all: what the issuer itself writes there does no harm.
        scene.admitted(get(&forged.sign(key(0)))).await;
        let unknown = Token::good(ACME, "forged").header(name, value);
        scene
            .refused(get(&unknown.sign(forger)), "unknown_key")
            .await;
    }
    assert_eq!(lure.asked(), 0);
    // A key id is a name, and no path, address or query.
    for kid in [
        "../../../dev/null",
        &lure.uri(),
        "' OR 1=1 --",
        "snk\u{0}",
        "ключ",
    ] {
        scene
            .refused(get(&Token::good(ACME, kid).sign(forger)), "unknown_key")
            .await;
    }
    assert_eq!(lure.asked(), 0);
}

#[tokio::test]
async fn tokens_with_several_interpretations_are_refused() {
    let scene = scene().await;
    let good = Token::good(ACME, KID);
    let (header, claims) = (good.header_json(), good.claims_json());
    let with = |text: &str, member: &str| format!("{{{member},{}", &text[1..]);

    for member in [
        r#""crit":["exp"]"#,
        r#""crit":[]"#,
        r#""crit":["b64"],"b64":false"#,
        r#""b64":true"#,
        r#""b64":false"#,
        r#""alg":"RS256""#,
        r#""kid":"other""#,
        r#""jwk":{"kty":"RSA","kty":"oct"}"#,
        r#""x":[{"a":{"b":[{"c":1,"c":1}]}}]"#,
    ] {
        let token = sign_text(&with(&header, member), &claims, key(0));
        scene.refused(get(&token), "malformed_token").await;
    }
    for member in [
        r#""sub":"admin""#,
        // The same name in other letters.
        r#""\u0073ub":"admin""#,
        r#""exp":9999999999"#,
        r#""x":{"a":1,"a":1}"#,
        r#""x":[[{"deep":{"er":{"\u0061":1,"a":2}}}]]"#,
    ] {
        let token = sign_text(&header, &with(&claims, member), key(0));
        scene.refused(get(&token), "malformed_token").await;
    }
    for text in [
        format!("\u{feff}{claims}"),
        format!("{claims}{claims}"),
        format!("{claims} x"),
        format!("[{claims}]"),
        format!("{}{}", &claims[..claims.len() - 1], r#","x":1e}"#),
        with(
            &claims,
            &format!(r#""x":{}1{}"#, "[".repeat(80), "]".repeat(80)),
        ),
    ] {
        scene
            .refused(get(&sign_text(&header, &text, key(0))), "malformed_token")
            .await;
    }
    let token = good.sign(key(0));
    for text in [
        format!("{token}="),
        format!("{token}.{token}"),
        token.replacen('.', "..", 1),
        format!("{}.x", &token[..token.rfind('.').unwrap()]),
        format!("a b {token}"),
        "x".repeat(16 * 1024 + 1),
    ] {
        scene.refused(get(&text), "malformed_token").await;
    }
}
