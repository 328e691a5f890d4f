//! Tokens with chosen claims, and the rotation of the key.

use super::*;

#[tokio::test]
async fn members_of_a_dev_token_request_override_and_remove_claims() {
    let dev = RunningIssuer::start().await;
    let (token, body) = dev
        .minted(json!({"sub": "someone", "aud": null, "exp": null, "scopes": ["a", "b"], "n": {"m": 1.5}}))
        .await;
    let claims = dev
        .verify(&token)
        .await
        .expect("a signature that holds")
        .claims;
    assert_eq!(claims["sub"], "someone");
    assert_eq!(claims["client_id"], "m2morg_1001");
    assert_eq!(claims["n"], json!({"m": 1.5}));
    assert_eq!((claims.get("aud"), claims.get("exp")), (None, None));
    assert_eq!(
        (&body["scope"], body.get("expires_in")),
        (&json!("a b"), None)
    );

    let (token, body) = dev.minted(json!({"client_id": "m2morg_1002"})).await;
    let claims = dev.verify(&token).await.expect("a token").claims;
    assert_eq!(
        (&claims["sub"], claims.get("aud")),
        (&json!("m2morg_1002"), None)
    );
    assert_eq!(
        (&body["expires_in"], &body["token_type"]),
        (&json!(86_399), &json!("Bearer"))
    );
}

#[tokio::test]
async fn a_dev_token_can_be_bound_or_of_a_tenant() {
    let dev = RunningIssuer::start().await;
    let cnf = json!({ "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I", "x5t#S256": "AA" });
    let issuer = "http://127.0.0.1:9193/acme";
    let asked = json!({ "cnf": cnf, "tid": "acme", "iss": issuer, "jti": "j-1" });
    let (token, _) = dev.minted(asked).await;
    let claims = dev.verify(&token).await.expect("a token").claims;
    assert_eq!(claims["cnf"], cnf);
    assert_eq!(
        (&claims["tid"], &claims["iss"], &claims["jti"]),
        (&json!("acme"), &json!(issuer), &json!("j-1"))
    );
}

#[tokio::test]
async fn the_switches_of_a_dev_token_request_set_expiry_signature_and_kid() {
    let dev = RunningIssuer::start().await;
    let (plain, _) = dev.minted(json!({"expired": false, "forged": false})).await;
    let plain = dev.verify(&plain).await.expect("a token");

    let (token, body) = dev.minted(json!({"expired": true})).await;
    let claims = dev.verify(&token).await.expect("a token").claims;
    let seconds = |claims: &Value, name: &str| claims[name].as_u64().expect("seconds");
    assert!(seconds(&claims, "exp") < seconds(&plain.claims, "iat"));
    assert_eq!(seconds(&claims, "exp") - seconds(&claims, "iat"), 86_400);
    assert_eq!(
        (&claims["nbf"], &body["expires_in"]),
        (&claims["iat"], &json!(0))
    );
    assert_eq!(claims.get("expired"), None);

    let (token, _) = dev.minted(json!({"forged": true})).await;
    assert!(dev.verify(&token).await.is_none());
    assert_eq!(
        decode_header(&token).expect("a header").kid,
        plain.header.kid
    );
    let length = |token: &str| token.rsplit('.').next().map(str::len);
    assert_eq!(length(&token), Some(342), "2048 bits");

    for kid in [json!("snk_1"), Value::Null] {
        let (token, _) = dev.minted(json!({ "kid": kid })).await;
        let header = dev.verify(&token).await.expect("a token").header;
        assert_eq!(header.kid.as_deref(), kid.as_str());
    }
}

#[tokio::test]
async fn a_malformed_dev_token_request_is_an_invalid_request() {
    let dev = RunningIssuer::start().await;
    for body in [
        "",
        "[]",
        "null",
        "{",
        r#"{"forged": 1}"#,
        r#"{"expired": "true"}"#,
        r#"{"kid": 7}"#,
    ] {
        let (status, _, answer) = dev.post("/dev/token", body).await;
        assert_eq!(
            (status.as_u16(), &answer["error"]),
            (400, &json!("invalid_request")),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_rotation_replaces_the_key_of_the_development_issuer() {
    let dev = RunningIssuer::start().await;
    let token = dev.minter.client_token("m2morg_1001").expect("a token");
    assert!(dev.verify(&token).await.is_some());
    assert_eq!(dev.minter.client_token("m2morg_1003"), None);

    let (status, _, body) = dev.post("/dev/rotate", "").await;
    assert_eq!(status, StatusCode::OK);
    let (_, _, keys) = dev.get("/keys").await;
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1));
    assert_eq!(keys["keys"][0]["kid"], body["kid"]);
    assert!(dev.verify(&token).await.is_none());
    let token = dev.minter.client_token("m2morg_1001").expect("a token");
    let verified = dev.verify(&token).await.expect("a token");
    assert_eq!(verified.header.kid.as_deref(), body["kid"].as_str());

    let kid = dev.minter.rotate().expect("a key can be generated");
    assert_ne!(body["kid"], kid);
    assert_eq!(dev.minter.key_set()["keys"][0]["kid"], kid);
}
