//! The token endpoint, as client applications use it.

use super::*;

#[tokio::test]
async fn the_token_request_of_the_scalekit_guide_gets_a_token_of_its_form() {
    let dev = RunningIssuer::start().await;
    let (status, headers, body) = dev.form(GUIDE).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(header(&headers, "cache-control"), "no-store");
    assert_eq!(header(&headers, "pragma"), "no-cache");
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 86_399);
    assert_eq!(body["scope"], "deploy:applications read:deployments");

    let TokenData { header, claims, .. } = dev
        .verify(&text(&body, "access_token"))
        .await
        .expect("a signature that holds");
    assert_eq!(header.typ.as_deref(), Some("JWT"));
    let kid = header.kid.expect("a kid");
    let digits = kid.strip_prefix("snk_").expect("the prefix");
    assert!(
        digits.len() == 17 && digits.bytes().all(|byte| byte.is_ascii_digit()),
        "{kid}"
    );
    let issued_at = claims["iat"].as_u64().expect("iat");
    assert_eq!(
        claims,
        json!({
            "iss": dev.issuer,
            "sub": "m2morg_1001",
            "client_id": "m2morg_1001",
            "oid": "org_2001",
            "aud": ["api.acme.example"],
            "scopes": ["deploy:applications", "read:deployments"],
            "custom_claims": {"environment": "production_us"},
            "jti": claims["jti"],
            "iat": issued_at,
            "nbf": issued_at,
            "exp": issued_at + 86_400,
        })
    );
    let (_, _, next) = dev.form(GUIDE).await;
    let next = dev
        .verify(&text(&next, "access_token"))
        .await
        .expect("a token");
    assert_ne!(claims["jti"], next.claims["jti"]);
}

#[tokio::test]
async fn tokens_of_the_second_development_client_have_no_audience() {
    let dev = RunningIssuer::start().await;
    let request = dev.http.post(format!("{}/oauth/token", dev.issuer));
    let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let request = request.basic_auth("m2morg_1002", Some("dev-secret-1002"));
    let (status, _, body) = answer(request.body("grant_type=client_credentials")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["scope"], "read:deployments");
    let claims = dev
        .verify(&text(&body, "access_token"))
        .await
        .expect("a token")
        .claims;
    assert_eq!(claims.get("aud"), None);
    assert_eq!(claims["sub"], "m2morg_1002");
    assert_eq!(claims["oid"], "org_2002");
    assert_eq!(claims["custom_claims"], json!({}));
}

#[tokio::test]
async fn token_endpoint_errors_are_those_of_rfc_6749() {
    let dev = RunningIssuer::start().await;
    let client = "client_id=m2morg_1001&client_secret=dev-secret-1001";
    let large = format!("{GUIDE}&padding={}", "x".repeat(BODY_LIMIT));
    for (body, status, error) in [
        (
            "grant_type=client_credentials&client_id=m2morg_1001&client_secret=x",
            401,
            "invalid_client",
        ),
        (client, 400, "invalid_request"),
        (&format!("{GUIDE}&scope=openid"), 400, "invalid_request"),
        (
            &format!("{client}&grant_type=password"),
            400,
            "unsupported_grant_type",
        ),
        (
            &format!("{client}&grant_type=client_credentials&scope=admin"),
            400,
            "invalid_scope",
        ),
        (&large, 413, "invalid_request"),
    ] {
        let (got, headers, answer) = dev.form(body).await;
        assert_eq!(got.as_u16(), status, "{answer}");
        assert_eq!(answer["error"], error);
        assert!(answer["error_description"].is_string());
        assert_eq!(header(&headers, "content-type"), "application/json");
        assert_eq!(header(&headers, "cache-control"), "no-store");
        assert_eq!(header(&headers, "pragma"), "no-cache");
        assert!(!headers.contains_key(WWW_AUTHENTICATE));
    }
    let (status, headers, body) = dev.post("/oauth/token", GUIDE).await;
    assert_eq!(
        (status.as_u16(), &body["error"]),
        (400, &json!("invalid_request"))
    );
    assert_eq!(header(&headers, "cache-control"), "no-store");
    let (status, ..) = dev.get("/oauth/token").await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_client_that_fails_basic_authentication_gets_a_basic_challenge() {
    let dev = RunningIssuer::start().await;
    let request = dev.http.post(format!("{}/oauth/token", dev.issuer));
    let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let request = request.basic_auth("m2morg_1001", Some("wrong"));
    let (status, headers, body) = answer(request.body("grant_type=client_credentials")).await;
    assert_eq!(
        (status.as_u16(), &body["error"]),
        (401, &json!("invalid_client"))
    );
    assert_eq!(
        header(&headers, "www-authenticate"),
        "Basic realm=\"accredit dev\""
    );
}
