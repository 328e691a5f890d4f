//! What the original denies stays denied, although accredit has no equivalent for a part of it.

use serde_json::json;

use super::common::{ISSUER, get, import, token, with};
use super::envoy_gateway::{jwt, policy, route};
use super::istio;
use crate::support::token::now;

const KEYS: &str = "local_jwks: { inline_string: 'KEYS' }";

/// `jwt_authn` with these members of `acme`, further providers, and rules.
fn filter(acme: &str, others: &str, rules: &str) -> String {
    format!(
        "http_filters:\n- name: envoy.filters.http.jwt_authn\n  typed_config:\n    \
         \"@type\": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication\n    \
         providers: {{ acme: {{ issuer: {ISSUER}, {KEYS}{acme} }}{others} }}\n    rules: {rules}\n"
    )
}

/// Envoy's `jwt_authn` ignores `grpc`, and demands a token of each request.
#[tokio::test]
async fn a_rule_for_grpc_admits_no_other_request_without_a_token() {
    let rules = "[{ match: { prefix: /, grpc: {} }, requires: { provider_name: acme } }]";
    let converted = import(&filter("", "", rules)).await;
    converted.assert_reports("left out: ", &["grpc"]);
    let deciding = converted.deciding().await;
    deciding
        .assert_decides(vec![("no token", get("/"), "missing_token")])
        .await;
}

#[tokio::test]
async fn an_unknown_condition_of_an_open_rule_does_not_open_the_requests_that_fail_it() {
    let rules = "[{ match: { path: /a, cookies: [{ name: x }] } }, { match: { prefix: / }, requires: { provider_name: acme } }]";
    let converted = import(&filter("", "", rules)).await;
    converted.assert_reports("left out: ", &["cookies"]);
    let deciding = converted.deciding().await;
    deciding
        .assert_decides(vec![
            ("no token", get("/a"), "missing_token"),
            ("elsewhere", with(get("/b"), &token()), "allowed"),
        ])
        .await;
}

#[tokio::test]
async fn an_optional_token_satisfies_the_subjects_of_its_provider() {
    let converted = import(&filter(
        ", subjects: { prefix: t }",
        "",
        "[{ match: { prefix: / }, requires: { allow_missing: {} } }]",
    ))
    .await;
    assert_eq!(converted.code, 0, "{}", converted.stderr);
    let deciding = converted.deciding().await;
    deciding
        .assert_decides(vec![
            ("no token", get("/"), "anonymous"),
            (
                "accepted",
                with(get("/"), &token().claim("sub", "t-1")),
                "allowed",
            ),
            (
                "another",
                with(get("/"), &token().claim("sub", "s")),
                "condition_failed",
            ),
            (
                "no subject",
                with(get("/"), &token().without("sub")),
                "condition_failed",
            ),
        ])
        .await;
}

#[tokio::test]
async fn the_smallest_clock_skew_of_an_issuer_counts() {
    let other = format!(", other: {{ issuer: {ISSUER}, {KEYS}, clock_skew_seconds: 10 }}");
    let converted = import(&filter(
        ", clock_skew_seconds: 300",
        &other,
        "[{ match: { prefix: / }, requires: { provider_name: other } }]",
    ))
    .await;
    let expired = token().claim("exp", now() - 30);
    let deciding = converted.deciding().await;
    deciding
        .assert_decides(vec![
            ("expired", with(get("/"), &expired), "expired"),
            ("valid", with(get("/"), &token()), "allowed"),
        ])
        .await;
}

#[tokio::test]
async fn a_path_template_is_rounded_to_what_is_denied() {
    let converted = import(&format!(
        "{}{}{}",
        istio::authentication(""),
        istio::policy(
            "deny",
            "DENY",
            "[{ to: [{ operation: { paths: ['/a/{**}', '/b/{*}/{**}'] } }] }]"
        ),
        istio::policy(
            "allow",
            "ALLOW",
            "[{ to: [{ operation: { paths: ['/{**}/c', '/a*', '/b*'] } }] }]"
        ),
    ))
    .await;
    let deciding = converted.deciding().await;
    deciding
        .assert_decides(vec![
            ("denied, empty", get("/a/"), "denied_by_rule"),
            ("denied, empty after one", get("/b/x/"), "denied_by_rule"),
            ("denied", get("/a/x/y"), "denied_by_rule"),
            ("allowed", get("/x/c"), "anonymous"),
            ("allowed, deeper", get("/x/y/c"), "anonymous"),
            ("not allowed", get("/c"), "denied_by_rule"),
        ])
        .await;
}

#[tokio::test]
async fn of_two_equal_routes_the_older_decides() {
    let dated = |name: &str, date: &str| {
        route(name, "[{}]").replace(
            &format!("name: {name}"),
            &format!("name: {name}, creationTimestamp: {}", json!(date)),
        )
    };
    // By name, the open route would be the first.
    let guarded = policy("p", "HTTPRoute", "z-guarded", &jwt(""));
    let (guarded_route, open) = (
        dated("z-guarded", "2024-01-01T00:00:00Z"),
        dated("open", "2025-01-01T00:00:00Z"),
    );
    for routes in [
        format!("{guarded_route}{open}"),
        format!("{open}{guarded_route}"),
    ] {
        let converted = import(&format!("{guarded}{routes}")).await;
        let deciding = converted.deciding().await;
        deciding
            .assert_decides(vec![("no token", get("/"), "missing_token")])
            .await;
    }
    let undated = route("open", "[{}]");
    let converted = import(&format!("{guarded}{guarded_route}{undated}")).await;
    converted.assert_reports(
        "left out: ",
        &["api/open", "api/z-guarded", "the first by name"],
    );
    // No request matches both of these routes, so that their order does not count.
    let elsewhere = route("open", "[{ matches: [{ path: { value: /elsewhere } }] }]");
    let converted = import(&format!("{guarded}{guarded_route}{elsewhere}")).await;
    assert!(
        !converted.stderr.contains("by name"),
        "{}",
        converted.stderr
    );
}

/// A claim header that accredit does not accept must not take the payload header with it.
#[tokio::test]
async fn a_header_that_accredit_cannot_set_leaves_the_payload_header() {
    let settings = ", forward_payload_header: x-payload, from_headers: [{ name: x-own }], \
         claim_to_headers: [{ header_name: x-own, claim_name: sub }]";
    let rules = "[{ match: { prefix: / }, requires: { provider_name: acme } }]";
    let converted = import(&filter(settings, "", rules)).await;
    converted.assert_reports("left out: ", &["cannot set the header x-own"]);
    assert!(
        converted.yaml.contains("payload_header: x-payload"),
        "{}",
        converted.yaml
    );
}
