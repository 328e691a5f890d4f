//! Each access, and each demand of a rule.

use serde_json::json;

use crate::support::check_request::ClientRequest;
use crate::support::keys::rsa;
use crate::support::token::Token;

use super::place::{ISSUER, service, token, with};

const RULES: &str = r#"
rules:
  - { name: preflight, match: { preflight: true }, access: anonymous }
  - { name: health, match: { methods: [GET], paths: [/healthz, /public/**] }, access: anonymous }
  - { name: catalogue, match: { paths: [/catalogue/**] }, access: optional, scopes: [read] }
  - { name: closed, match: { paths: [/closed] }, access: deny }
  - { name: route, match: { context: { tier: internal } }, access: deny }
  - { name: one, match: { paths: [/one] }, issuers: [https://one.test] }
  - { name: audience, match: { paths: [/audience] }, audiences: [deploy.test] }
  - { name: scopes, match: { paths: [/scopes] }, scopes: [a, b] }
  - { name: any, match: { paths: [/any] }, any_scope: [ops, admin] }
  - { name: both, match: { paths: [/both] }, scopes: [a], any_scope: [ops, admin] }
  - { name: host, match: { hosts: ['*.acme.test'] }, scopes: [acme] }
"#;

#[tokio::test]
async fn the_first_rule_that_matches_decides() {
    let service = service(RULES).await;
    let envoy = service.envoy().await;
    let bad = || ClientRequest::bearer("a.b.c");
    let scoped = |scopes: &[&str]| with(token().claim("scopes", json!(scopes)));
    let foreign = || ClientRequest::bearer(&Token::of("https://other.test").signed(rsa(1)));
    let cors = |client_request: ClientRequest| {
        client_request
            .header("origin", "https://x")
            .header("access-control-request-method", "GET")
    };
    let cases: Vec<(ClientRequest, &str, &str)> = vec![
        (
            cors(ClientRequest::plain().to("OPTIONS", "/scopes")),
            "anonymous",
            "preflight",
        ),
        (
            ClientRequest::plain().to("OPTIONS", "/scopes"),
            "missing_token",
            "scopes",
        ),
        (
            ClientRequest::plain().to("GET", "/healthz"),
            "anonymous",
            "health",
        ),
        (bad().to("GET", "/public/a/b/"), "anonymous", "health"),
        (
            ClientRequest::plain().to("HEAD", "/healthz"),
            "missing_token",
            "default",
        ),
        (
            ClientRequest::plain().to("get", "/healthz"),
            "invalid_request",
            "default",
        ),
        (
            ClientRequest::plain().to("GET", "/catalogue"),
            "anonymous",
            "catalogue",
        ),
        (
            bad().to("GET", "/catalogue/x"),
            "malformed_token",
            "catalogue",
        ),
        (
            scoped(&["read"]).to("GET", "/catalogue/x"),
            "allowed",
            "catalogue",
        ),
        (
            scoped(&[]).to("GET", "/catalogue/x"),
            "insufficient_scope",
            "catalogue",
        ),
        (
            with(token()).to("GET", "/closed"),
            "denied_by_rule",
            "closed",
        ),
        (bad().to("GET", "/closed/"), "denied_by_rule", "closed"),
        (
            with(token()).to("GET", "/x").on_route("tier", "internal"),
            "denied_by_rule",
            "route",
        ),
        (
            with(token()).to("GET", "/x").on_route("tier", "external"),
            "allowed",
            "default",
        ),
        (with(token()).to("GET", "/one"), "allowed", "one"),
        (foreign().to("GET", "/one"), "condition_failed", "one"),
        (foreign().to("GET", "/two"), "allowed", "default"),
        (
            with(token()).to("GET", "/audience"),
            "invalid_audience",
            "audience",
        ),
        (
            with(token().claim("aud", json!(["api.test", "deploy.test"]))).to("GET", "/audience"),
            "allowed",
            "audience",
        ),
        (
            with(token().claim("aud", "deploy.test")).to("GET", "/audience"),
            "invalid_audience",
            "audience",
        ),
        (
            scoped(&["b", "a", "c"]).to("GET", "/scopes"),
            "allowed",
            "scopes",
        ),
        (
            scoped(&["a"]).to("GET", "/scopes"),
            "insufficient_scope",
            "scopes",
        ),
        (
            scoped(&["a b"]).to("GET", "/scopes"),
            "insufficient_scope",
            "scopes",
        ),
        (scoped(&["admin"]).to("GET", "/any"), "allowed", "any"),
        (
            scoped(&["operator"]).to("GET", "/any"),
            "insufficient_scope",
            "any",
        ),
        (
            scoped(&["a"]).to("GET", "/both"),
            "insufficient_scope",
            "both",
        ),
        (scoped(&["a", "ops"]).to("GET", "/both"), "allowed", "both"),
        (
            with(token()).to("GET", "/x").at("A.ACME.test.:8443"),
            "insufficient_scope",
            "host",
        ),
        (
            with(token()).to("GET", "/x").at("acme.test"),
            "allowed",
            "default",
        ),
        (
            with(token()).to("GET", "/x").at("a,b"),
            "invalid_request",
            "default",
        ),
        (
            with(token()).to("GET", "/x").at(""),
            "invalid_request",
            "default",
        ),
        (
            with(token()).to("GET", "/public/../x"),
            "invalid_request",
            "default",
        ),
        (
            ClientRequest::plain().to("GET", "*"),
            "invalid_request",
            "default",
        ),
        // A method in another case (CONTRACT 3.9.8), whatever the path.
        (
            with(token()).to("dELETE", "/x"),
            "invalid_request",
            "default",
        ),
        (with(token()).to("M-SEARCH", "/x"), "allowed", "default"),
    ];
    for (client_request, reason, rule) in cases {
        let answer = envoy.check(client_request).await;
        assert_eq!(
            (answer.reason().as_str(), answer.text("rule").as_deref()),
            (reason, Some(rule)),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn a_refusal_by_a_rule_names_the_requirement() {
    let service = service(&format!("{RULES}realm: acme\n")).await;
    let envoy = service.envoy().await;
    let refused = envoy
        .check(with(token().claim("scopes", json!(["a"]))).to("GET", "/scopes"))
        .await;
    assert_eq!((refused.code, refused.http), (7, 403));
    assert_eq!(
        refused.body,
        r#"{"error":"Insufficient scope","details":"the token lacks a required scope"}"#
    );
    assert_eq!(
        refused.header("www-authenticate"),
        Some(
            r#"Bearer realm="acme", error="insufficient_scope", scope="a b", error_description="the token lacks a required scope""#
        )
    );
    assert_eq!(
        refused.text("subject").as_deref(),
        token_subject().as_deref(),
        "the token was verified"
    );
    let any = envoy.check(with(token()).to("GET", "/any")).await;
    assert!(
        any.header("www-authenticate")
            .is_some_and(|challenge| challenge.contains(r#"scope="ops admin""#))
    );
    let closed = envoy
        .check(ClientRequest::plain().to("GET", "/closed"))
        .await;
    assert_eq!(
        (closed.code, closed.http, closed.body.as_str()),
        (7, 403, r#"{"error":"Forbidden"}"#)
    );
    assert_eq!(closed.header("www-authenticate"), None);
    assert_eq!(closed.header("retry-after"), None);
    let audience = envoy.check(with(token()).to("GET", "/audience")).await;
    assert_eq!((audience.code, audience.http), (16, 401));
    let host = envoy
        .check(
            with(token())
                .at("a,b")
                .header("content-type", "application/grpc"),
        )
        .await;
    assert_eq!(
        (host.code, host.http, host.header("grpc-status")),
        (3, 400, Some("3"))
    );
}

fn token_subject() -> Option<String> {
    let claims: serde_json::Value = serde_json::from_str(&Token::of(ISSUER).claims_text()).unwrap();
    claims["sub"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn an_anonymous_request_loses_claim_headers_and_keeps_its_credential() {
    let service = service(&format!("{RULES}forward_token: false\n")).await;
    let envoy = service.envoy().await;
    let spoofed = |client_request: ClientRequest| {
        client_request
            .header("x-jwt-sub", "admin")
            .header("x_jwt_org", "acme")
            .header("x-jwt-new", "1")
    };
    for path in ["/healthz", "/catalogue"] {
        let answer = envoy
            .check(spoofed(ClientRequest::plain().to("GET", path)))
            .await;
        assert!(
            answer.is_admission() && answer.headers.is_empty(),
            "{answer:?}"
        );
        for name in [
            "x-jwt-sub",
            "x-jwt-client-id",
            "x_jwt_org",
            "x-jwt-new",
            "x-envoy-auth-failure-mode-allowed",
        ] {
            assert!(answer.removes(name), "{path} {name}: {answer:?}");
        }
        assert_eq!(answer.text("subject"), None);
    }
    let answer = envoy.check(with(token()).to("GET", "/healthz")).await;
    assert!(
        !answer.removes("authorization"),
        "nothing is read or removed: {answer:?}"
    );
    let answer = envoy
        .check(with(token().claim("scopes", json!(["read"]))).to("GET", "/catalogue"))
        .await;
    assert!(answer.removes("authorization"), "{answer:?}");
}
