//! Conditions on values that Envoy has in another form than the client sent them: headers after the verification, and hosts with their port.

use accredit::admin::pb;

use super::common::{ISSUER, get, import, token, with, with_header};
use super::unreadable;

/// `jwt_authn` with these settings of its provider, and `rbac` with a policy of this action for requests with such a header.
fn policy(provider: &str, requires: &str, action: &str, matcher: &str) -> String {
    let rbac = unreadable::rbac(&format!(
        "{{ action: {action}, policies: {{ p: {{ permissions: [{{ header: {{ {matcher} }} }}], principals: [{{ any: true }}] }} }} }}"
    ));
    format!(
        "http_filters:\n- name: envoy.filters.http.jwt_authn\n  typed_config:\n    \
         \"@type\": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication\n    \
         providers: {{ acme: {{ issuer: {ISSUER}, local_jwks: {{ inline_string: 'KEYS' }}{provider} }} }}\n    \
         rules: [{{ match: {{ prefix: / }}, requires: {{ {requires} }} }}]\n- {rbac}\n"
    )
}

const REQUIRED: &str = "provider_name: acme";
const OPTIONAL: &str =
    "requires_any: { requirements: [{ provider_name: acme }, { allow_missing: {} }] }";
const CLAIM: &str = ", claim_to_headers: [{ header_name: X-Sub, claim_name: sub }]";

/// A client could forge the claim header that `rbac` compares, or escape a denial of its value.
#[tokio::test]
async fn a_header_that_the_verification_sets_or_removes_is_not_read_from_the_client() {
    let payload = ", forward_payload_header: x-payload";
    for (provider, action, matcher) in [
        (
            CLAIM,
            "ALLOW",
            "name: x-sub, string_match: { exact: admin }",
        ),
        (CLAIM, "DENY", "name: x-sub, string_match: { exact: s }"),
        (CLAIM, "DENY", "name: X-SUB, present_match: false"),
        (payload, "DENY", "name: x-payload, present_match: true"),
        (
            payload,
            "ALLOW",
            "name: x-payload, string_match: { exact: '1' }",
        ),
        ("", "DENY", "name: authorization, present_match: false"),
        (
            "",
            "ALLOW",
            "name: authorization, string_match: { prefix: 'Bearer ' }",
        ),
    ] {
        for requires in [REQUIRED, OPTIONAL] {
            let converted = import(&policy(provider, requires, action, matcher)).await;
            converted.assert_reports("left out: ", &["sets or removes before it decides"]);
            let forged =
                |request| with_header(with_header(request, "x-sub", "admin"), "x-payload", "1");
            let deciding = converted.deciding().await;
            for request in [
                forged(get("/")),
                forged(with(get("/"), &token())),
                with(get("/"), &token()),
            ] {
                deciding
                    .assert_decides(vec![(matcher, request, "denied_by_rule")])
                    .await;
            }
        }
    }
    // The verification keeps the token, or does not touch the header.
    let kept = ", forward: true";
    let matcher = "name: authorization, string_match: { prefix: 'Bearer ' }";
    let converted = import(&policy(kept, REQUIRED, "ALLOW", matcher)).await;
    assert_eq!(converted.code, 0, "{}", converted.stderr);
}

/// Also if accredit cannot set the header: because it has one payload header, or does not use the provider.
#[tokio::test]
async fn a_header_of_a_provider_that_the_result_lacks_is_not_read_from_the_client() {
    let key_set = "local_jwks: { inline_string: 'KEYS' }";
    for other in [
        format!("issuer: https://other.example, {key_set}, forward_payload_header: x-other"),
        // A second provider for one issuer, and one without an issuer.
        format!(
            "issuer: {ISSUER}, {key_set}, claim_to_headers: [{{ header_name: x-other, claim_name: sub }}]"
        ),
        format!("{key_set}, claim_to_headers: [{{ header_name: x-other, claim_name: sub }}]"),
    ] {
        let matcher = "name: X-Other, string_match: { exact: admin }";
        let text = policy("", REQUIRED, "ALLOW", matcher);
        let text = text.replace(
            " }\n    rules:",
            &format!(", other: {{ {other} }} }}\n    rules:"),
        );
        assert!(text.contains("other: {"), "{text}");
        let converted = import(&text).await;
        converted.assert_reports("left out: ", &["X-Other", "sets or removes"]);
        let forged = with_header(with(get("/"), &token()), "x-other", "admin");
        let deciding = converted.deciding().await;
        deciding
            .assert_decides(vec![(&other, forged, "denied_by_rule")])
            .await;
    }
}

/// With `clear_route_cache`, Envoy chooses the route by the claim header.
#[tokio::test]
async fn a_route_that_a_claim_header_selects_is_not_selected_by_the_client() {
    let provider = format!("{CLAIM}, clear_route_cache: true");
    let everything = "name: ':path', present_match: true";
    let routes = "route_config: { virtual_hosts: [{ name: v, domains: ['*'], routes: [\
                  { match: { prefix: /, headers: [{ name: x-sub, string_match: { exact: admin } }] }, typed_per_filter_config: { \
                  rbac: { '@type': type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute } } }, { match: { prefix: / } }] }] }\n";
    let text = policy(&provider, REQUIRED, "DENY", everything);
    let converted = import(&format!("{text}{routes}")).await;
    converted.assert_reports("left out: ", &["the header x-sub selects"]);
    let forged = with_header(with(get("/"), &token()), "x-sub", "admin");
    let deciding = converted.deciding().await;
    deciding
        .assert_decides(vec![("forged", forged, "denied_by_rule")])
        .await;
}

#[tokio::test]
async fn a_filter_that_changes_headers_before_a_condition_on_them_is_named() {
    let mutation = "- name: m\n  typed_config: { '@type': type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation }\n";
    let matcher = "name: x-role, string_match: { exact: admin }";
    let text = policy("", REQUIRED, "ALLOW", matcher);
    let converted = import(&format!("{text}{mutation}")).await;
    converted.assert_reports("left out: ", &["http_filters[2] (m)", "changes headers"]);
}

/// accredit has hosts without the port and without a dot at the end. A denial must not depend on that.
#[tokio::test]
async fn a_denied_host_is_denied_with_each_port_and_with_a_dot_at_the_end() {
    let on_host = |host: &str| pb::ExplainRequest {
        host: Some(host.to_owned()),
        ..with(get("/"), &token())
    };
    // The test can concern the port: accredit denies every host.
    let unclear = "condition_failed";
    for (test, denied, reason, other) in [
        ("contains: ':'", "h.example:80", "condition_failed", unclear),
        ("suffix: '80'", "h.example:80", "condition_failed", unclear),
        (
            "contains: 'e:8'",
            "h.example:80",
            "condition_failed",
            unclear,
        ),
        ("suffix: '.'", "h.example.", "condition_failed", unclear),
        (
            "suffix: 'example.'",
            "h.example.",
            "condition_failed",
            "allowed",
        ),
        (
            "prefix: 'h.example.'",
            "h.example.",
            "condition_failed",
            "allowed",
        ),
        (
            "contains: 'example.'",
            "h.example.",
            "condition_failed",
            "allowed",
        ),
        (
            "exact: 'h.example.'",
            "h.example.",
            "denied_by_rule",
            "allowed",
        ),
        ("prefix: 'H.'", "h.example", "condition_failed", "allowed"),
        ("suffix: 'mple'", "h.example", "condition_failed", "allowed"),
    ] {
        let header = format!("header: {{ name: ':authority', string_match: {{ {test} }} }}");
        let method = "header: { name: ':method', string_match: { exact: GET } }";
        let permission = format!("and_rules: {{ rules: [{{ {header} }}, {{ {method} }}] }}");
        let rbac = unreadable::rbac(&format!(
            "{{ action: DENY, policies: {{ p: {{ permissions: [{{ {permission} }}], principals: [{{ any: true }}] }} }} }}"
        ));
        let converted = import(&unreadable::manager(&format!(", {rbac}"), "")).await;
        let deciding = converted.deciding().await;
        deciding
            .assert_decides(vec![
                (test, on_host(denied), reason),
                (test, on_host("other.test"), other),
            ])
            .await;
    }
}

/// The original removes a claim header that a client sends, also if no token of the result can set it.
#[tokio::test]
async fn a_claim_header_that_the_result_does_not_set_is_removed_from_requests() {
    let filter = |providers: &str| {
        format!(
            "http_filters:\n- name: envoy.filters.http.jwt_authn\n  typed_config:\n    \
             \"@type\": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication\n    \
             providers: {{ acme: {{ issuer: {ISSUER}, local_jwks: {{ inline_string: 'KEYS' }} }}, {providers} }}\n    \
             rules: [{{ match: {{ prefix: / }}, requires: {{ {OPTIONAL} }} }}]\n"
        )
    };
    let keys = "local_jwks: { inline_string: 'KEYS' }";
    for providers in [
        format!("other: {{ issuer: 'https://other.test', {keys}, forward_payload_header: X-Own }}"),
        format!(
            "other: {{ issuer: {ISSUER}, {keys}, max_lifetime: 60s, claim_to_headers: [{{ header_name: X-Own, claim_name: sub }}] }}"
        ),
        format!(
            "other: {{ {keys}, claim_to_headers: [{{ header_name: X-Own, claim_name: sub }}] }}"
        ),
    ] {
        let converted = import(&filter(&providers)).await;
        let deciding = converted.deciding().await;
        for request in [get("/"), with(get("/"), &token())] {
            let forged = with_header(request, "x-own", "forged");
            let removed = deciding.removed(forged).await;
            assert!(
                removed.contains(&"x-own".to_owned()),
                "{removed:?}: {providers}"
            );
        }
    }
}
