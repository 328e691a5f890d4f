//! Tokens that try to choose how they are verified, or to be read in two ways.

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::support::config::{ACME, KID, acme};
use super::support::scene::Scene;
use accredit_test_support::client::RawRequest;
use accredit_test_support::issuer::KeyServer;
use accredit_test_support::keys::{Key, base64url, rsa, set};
use accredit_test_support::service::Service;
use accredit_test_support::token::{Token, signed_text, signing_input};

async fn scene() -> Scene {
    Scene::start(Service::ready(&acme(&[])).await).await
}

fn get(token: &str) -> RawRequest {
    RawRequest::get("/").bearer(token)
}

#[tokio::test]
async fn a_token_cannot_choose_its_verification_algorithm() {
    let scene = scene().await;
    let good = || Token::of_client(ACME, KID);

    for name in ["none", "None", "NONE", "nOnE", "", " RS256", "RS256 "] {
        let token = good().header("alg", name);
        let input = signing_input(token.header_text(), token.claims_text());
        let unsigned = format!("{input}.");
        scene.refused(get(&unsigned), "unsupported_algorithm").await;
        scene
            .refused(get(&token.signed(rsa(0))), "unsupported_algorithm")
            .await;
        // Without a dot at its end it is no JWS at all.
        scene.refused(get(&input), "malformed_token").await;
    }
    let unsigned = good().signed(rsa(0));
    let (input, _) = unsigned.rsplit_once('.').unwrap();
    scene
        .refused(get(&format!("{input}.")), "invalid_signature")
        .await;

    for secret in secrets(rsa(0)) {
        for (name, algorithm) in [
            ("HS256", hmac::HMAC_SHA256),
            ("HS384", hmac::HMAC_SHA384),
            ("HS512", hmac::HMAC_SHA512),
        ] {
            let token = good().header("alg", name);
            let input = signing_input(token.header_text(), token.claims_text());
            let tag = hmac::sign(&hmac::Key::new(algorithm, &secret), input.as_bytes());
            let token = format!("{input}.{}", base64url(tag));
            scene.refused(get(&token), "unsupported_algorithm").await;
        }
        // The same, with the algorithm of the issuer in the header.
        let input = signing_input(good().header_text(), good().claims_text());
        let tag = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, &secret),
            input.as_bytes(),
        );
        let token = format!("{input}.{}", base64url(tag));
        scene.refused(get(&token), "invalid_signature").await;
    }
}

fn secrets(key: &Key) -> Vec<Vec<u8>> {
    let mut secrets = key.public_as_secrets();
    secrets.push(key.jwk(KID).to_string().into_bytes());
    secrets.push(set([key.jwk(KID)]).into_bytes());
    secrets.push(Vec::new());
    secrets
}

#[tokio::test]
async fn a_token_cannot_supply_its_own_key() {
    let scene = scene().await;
    let forger = rsa(2);
    let lure = KeyServer::with_keys(set([forger.jwk(KID)])).await;
    let brought: [(&str, Value); 6] = [
        ("jwk", forger.jwk(KID)),
        ("jku", lure.url("/keys").into()),
        ("x5u", lure.url("/keys").into()),
        ("x5c", json!(["AAAA"])),
        ("x5t#S256", "AAAA".into()),
        ("iss", lure.url("/keys").into()),
    ];
    for (name, value) in brought {
        let forged = Token::of_client(ACME, KID).header(name, value.clone());
        scene
            .refused(get(&forged.signed(forger)), "invalid_signature")
            .await;
        // Not read at all: what the issuer itself writes there does no harm.
        scene.admitted(get(&forged.signed(rsa(0)))).await;
        let unknown = Token::of_client(ACME, "forged").header(name, value);
        scene
            .refused(get(&unknown.signed(forger)), "unknown_key")
            .await;
    }
    assert_eq!(lure.total(), 0);
    // A key id is a name, and no path, address or query.
    for kid in [
        "../../../dev/null",
        &lure.url("/keys"),
        "' OR 1=1 --",
        "snk\u{0}",
        "ключ",
    ] {
        scene
            .refused(
                get(&Token::of_client(ACME, kid).signed(forger)),
                "unknown_key",
            )
            .await;
    }
    assert_eq!(lure.total(), 0);
}

#[tokio::test]
async fn tokens_with_several_interpretations_are_refused() {
    let scene = scene().await;
    let good = Token::of_client(ACME, KID);
    let (header, claims) = (good.header_text(), good.claims_text());
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
        let token = signed_text(with(&header, member), &claims, rsa(0), "RS256");
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
        let token = signed_text(&header, with(&claims, member), rsa(0), "RS256");
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
            .refused(
                get(&signed_text(&header, &text, rsa(0), "RS256")),
                "malformed_token",
            )
            .await;
    }
    let token = good.signed(rsa(0));
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
