//! The same decisions as those of the service, in every version of Envoy that can load the module.

use serde_json::json;

use super::scene::ModuleScene;
use crate::support::config::{ACME, KID, acme};
use accredit_test_support::client::RawRequest;
use accredit_test_support::envoy::{PINNED, VERSIONS};
use accredit_test_support::http2_client::{Http2, request, whole};
use accredit_test_support::keys::rsa;
use accredit_test_support::token::{Token, with_bad_signature};

fn get() -> RawRequest {
    RawRequest::get("/api/data?x=1")
}

fn good() -> Token {
    Token::of_client(ACME, KID)
}

#[tokio::test]
async fn the_module_answers_the_five_requests_of_the_demo() {
    for version in VERSIONS {
        println!("{version}");
        let scene = ModuleScene::start(version, &acme(&[])).await;
        let token = good().signed(rsa(0));
        scene.refused(get(), "missing_token").await;
        let seen = scene.admitted(get().bearer(&token)).await;
        assert_eq!(seen.header("x-jwt-sub").unwrap(), "m2morg_1001");
        assert_eq!(seen.header("x-jwt-org").unwrap(), "org_2001");
        assert_eq!(seen.path, "/api/data?x=1");
        let expired = good().time("exp", -3600).signed(rsa(0));
        scene.refused(get().bearer(&expired), "expired").await;
        let forged = with_bad_signature(&token);
        scene
            .refused(get().bearer(&forged), "invalid_signature")
            .await;
        let spoofed = get().bearer(&token).header("x-jwt-sub", "admin");
        let seen = scene.admitted(spoofed).await;
        assert_eq!(seen.header("x-jwt-sub").unwrap(), "m2morg_1001");
        assert_eq!(scene.counter("accredit_allowed").await, Some(2));
        assert_eq!(scene.counter("accredit_denied").await, Some(3));
        assert!(scene.envoy.terminate().await);
    }
}

/// Envoy's own early removal is off and underscores are let through, so that the module alone removes them.
#[tokio::test]
async fn no_forged_header_passes_the_module() {
    let lines = "claim_headers: { x-jwt-sub: sub, x-jwt-email: email, x-org: oid }";
    let yaml = format!(
        "payload_header: X-Token-Payload\nstrip_headers: ['x-jwt-*', X-Internal-User]\n{}",
        acme(&[lines])
    );
    for version in VERSIONS {
        let scene = ModuleScene::start_with(version, &yaml, |mut bootstrap| {
            bootstrap.early_removal = false;
            bootstrap.underscores = true;
            bootstrap
        })
        .await;
        let token = good().signed(rsa(0));
        let mut forged = get().bearer(&token);
        for name in [
            "x-jwt-sub",
            "X-JWT-Sub",
            "x_jwt_sub",
            "x.jwt.sub",
            "x~jwt~sub",
            "x-jwt-email",
            "x-jwt-anything-else",
            "x_jwt-else",
            "x-org",
            "X_ORG",
            "x-token-payload",
            "x-internal-user",
            "x-internal_user",
            "x-envoy-auth-failure-mode-allowed",
        ] {
            forged = forged.header(name, "forged").header(name, "forged");
        }
        let seen = scene.admitted(forged.header("x-kept", "kept")).await;
        for (name, value) in &seen.headers {
            assert_ne!(
                String::from_utf8_lossy(value),
                "forged",
                "{version}: {name}"
            );
        }
        assert_eq!(seen.header("x-jwt-sub").unwrap(), "m2morg_1001");
        assert_eq!(seen.header("x-org").unwrap(), "org_2001");
        assert_eq!(seen.header("x-kept").unwrap(), "kept");
        let payload = token.split('.').nth(1).unwrap();
        assert_eq!(seen.header("x-token-payload").unwrap(), payload);
    }
}

#[tokio::test]
async fn the_module_removes_the_token_from_header_query_and_cookies() {
    let sources = "token_sources: [{ header: authorization, scheme: Bearer }, { query: access_token }, { cookie: session }]";
    let yaml = format!("forward_token: false\n{sources}\n{}", acme(&[]));
    for version in VERSIONS {
        let scene = ModuleScene::start(version, &yaml).await;
        let token = good().signed(rsa(0));
        let seen = scene.admitted(get().bearer(&token).body("hello")).await;
        assert_eq!(seen.header("authorization"), None);
        assert_eq!(
            (seen.path.as_str(), &seen.body[..]),
            ("/api/data?x=1", &b"hello"[..])
        );
        let target = format!("/api?x=%7e&access%5Ftoken={token}&y=a+b&z");
        let seen = scene.admitted(RawRequest::get(&target)).await;
        assert_eq!(seen.path, "/api?x=%7e&y=a+b&z");
        let cookie = format!("a=\"b\"; session={token}; c=d");
        let seen = scene.admitted(get().header("cookie", cookie)).await;
        assert_eq!(seen.header("cookie").as_deref(), Some("a=\"b\"; c=d"));
        let only = get().header("cookie", format!("session={token}"));
        assert_eq!(scene.admitted(only).await.header("cookie"), None);
    }
}

#[tokio::test]
async fn each_flaw_of_a_token_has_its_own_reason_inside_envoy() {
    let scene = ModuleScene::start(PINNED, &acme(&["max_lifetime: 24h"])).await;
    for (token, reason) in [
        (
            good().claim("iss", "https://other.example"),
            "unknown_issuer",
        ),
        (good().header("alg", "RS384"), "unsupported_algorithm"),
        (good().header("typ", "dpop+jwt"), "invalid_type"),
        (good().header("kid", "snk_1"), "unknown_key"),
        (
            good().claim("cnf", json!({ "jkt": "x" })),
            "unproven_binding",
        ),
        (good().time("nbf", 3600), "not_yet_valid"),
        (good().claim("aud", "other"), "invalid_audience"),
        (good().without("sub"), "missing_claim"),
        (good().time("exp", 100_000), "lifetime_too_long"),
    ] {
        let request = get().bearer(&token.signed(rsa(0)));
        scene.refused(request, reason).await;
    }
    scene
        .refused(get().bearer("garbage"), "malformed_token")
        .await;
    let two = get().bearer("a").bearer("b");
    scene.refused(two, "invalid_request").await;
    let denials = scene.counter("accredit_denials.reason.unknown_key").await;
    assert_eq!(denials, Some(1));
    scene.admitted(get().bearer(&good().signed(rsa(0)))).await;
}

/// Without a status of its own, Envoy would tell a gRPC client `grpc-status: 0`.
#[tokio::test]
async fn a_grpc_client_that_the_module_refuses_gets_a_grpc_status() {
    let rules = "rules: [{ name: closed, match: { paths: [/closed/**] }, access: deny }]\n";
    for version in VERSIONS {
        let scene = ModuleScene::start(version, &format!("{}{rules}", acme(&[]))).await;
        let client = Http2::connect(scene.envoy.address()).await;
        let token = good().signed(rsa(0));
        let call = |path: &str, token: Option<&str>| {
            request("POST", path, token)
                .header("content-type", "application/grpc")
                .header("te", "trailers")
        };
        let path = "/api.v1.Service/Method";
        let twice = call(path, Some(&token)).header("authorization", "Bearer x");
        for (call, status) in [
            (call(path, None), "16"),
            (call(path, Some("garbage")), "16"),
            (twice, "3"),
            (call("/closed/x", Some(&token)), "7"),
        ] {
            let before = scene.upstream.count();
            let (answer, _) = client.send(call.body(whole(vec![0; 5])).unwrap()).await;
            assert_eq!(answer.header("grpc-status"), Some(status), "{answer:?}");
            assert_eq!(scene.upstream.count(), before);
        }
    }
}

#[tokio::test]
async fn the_metadata_of_the_module_has_the_form_that_the_configuration_names() {
    let fields = "expires: \"%DYNAMIC_METADATA(envoy.filters.http.ext_authz:expires_at)%\"\n                          \
        scopes: \"%DYNAMIC_METADATA(envoy.filters.http.ext_authz:scopes)%\"\n                          \
        claims: \"%DYNAMIC_METADATA(envoy.filters.http.ext_authz:claims)%\"\n                          \
        flat_claim: \"%DYNAMIC_METADATA(envoy.filters.http.ext_authz:claims.oid)%\"\n                          \
        subject: ";
    let token = good().signed(rsa(0));
    let scopes = json!(["deploy:applications", "read:deployments"]);
    for (form, version, expected) in [
        (
            "flat",
            VERSIONS[0],
            json!([
                "allow",
                "m2morg_1001",
                "deploy:applications read:deployments",
                null,
                "org_2001"
            ]),
        ),
        (
            "flat",
            PINNED,
            json!([
                "allow",
                "m2morg_1001",
                "deploy:applications read:deployments",
                null,
                "org_2001"
            ]),
        ),
        ("none", PINNED, json!([null, null, null, null, null])),
        (
            "full",
            PINNED,
            json!(["allow", "m2morg_1001", scopes, { "sub": "m2morg_1001", "client_id": "m2morg_1001", "oid": "org_2001", "scopes": scopes }, null]),
        ),
    ] {
        let yaml = format!("metadata_form: {form}\n{}", acme(&[]));
        let scene = ModuleScene::start_with(version, &yaml, |bootstrap| {
            let rule = "rule: \"%DYNAMIC_METADATA(envoy.filters.http.ext_authz:rule)%\"";
            let subject = "\"%DYNAMIC_METADATA(envoy.filters.http.ext_authz:subject)%\"";
            let all = format!("{rule}\n                          {fields}{subject}");
            bootstrap.change(rule, &all)
        })
        .await;
        let answer = get().bearer(&token).send(scene.envoy.address()).await;
        assert_eq!(answer.status, 200);
        let log = scene.next_log().await;
        let found = json!([
            log["decision"],
            log["subject"],
            log["scopes"],
            log["claims"],
            log["flat_claim"]
        ]);
        assert_eq!(found, expected, "{form} {version}: {log}");
        assert_eq!(log["expires"].is_number(), form != "none", "{log}");
    }
}
