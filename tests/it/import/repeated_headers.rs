//! Conditions on a header that a client sends several times. Envoy tests each value, and its releases without the fix for CVE-2026-26308 test one
//! text in which commas join the values. accredit receives that text only.

use accredit::admin::pb;

use super::common::{ISSUER, get, import, token, with, with_header};
use super::unreadable;

/// A request with this header once for each value.
fn repeated(values: &[&str]) -> pb::ExplainRequest {
    let request = with(get("/x"), &token());
    let add = |request, value: &&str| with_header(request, "x-debug", value);
    values.iter().fold(request, add)
}

/// `jwt_authn`, and `rbac` with a policy of this action for requests with such a header.
fn policy(action: &str, matcher: &str) -> String {
    let rbac = unreadable::rbac(&format!(
        "{{ action: {action}, policies: {{ debug: {{ permissions: [{{ header: {{ name: X-Debug, {matcher} }} }}], principals: [{{ any: true }}] }} }} }}"
    ));
    unreadable::manager(&format!(", {rbac}"), "")
}

/// A value that fulfils the test, and one that does not.
const TESTS: [(&str, &str, &str); 10] = [
    ("string_match: { exact: 'on' }", "on", "one"),
    (
        "string_match: { exact: 'oN', ignore_case: true }",
        "On",
        "one",
    ),
    ("string_match: { prefix: 'on-' }", "on-1", "no-on"),
    ("string_match: { suffix: '-on' }", "1-on", "on-1"),
    ("string_match: { contains: 'debug' }", "a-debug-b", "bug"),
    (
        "string_match: { safe_regex: { regex: 'on|o(ff)?-[0-9]' } }",
        "off-1",
        "off-",
    ),
    (
        "string_match: { safe_regex: { regex: '^on$' } }",
        "on",
        "one",
    ),
    (
        "string_match: { safe_regex: { regex: 'on|^off$' } }",
        "off",
        "one",
    ),
    (
        "string_match: { safe_regex: { regex: '(?m)^on$' } }",
        "on",
        "one",
    ),
    ("string_match: { safe_regex: { regex: '.+' } }", "x", ""),
];

#[tokio::test]
async fn a_denied_value_is_denied_wherever_it_stands() {
    for (matcher, yes, no) in TESTS {
        let converted = import(&policy("DENY", matcher)).await;
        assert_eq!(converted.code, 0, "{}", converted.stderr);
        converted.assert_reports("note: ", &["if a client repeats a header"]);
        let deciding = converted.deciding().await;
        for denied in [&[yes][..], &[yes, no], &[no, yes], &[no, yes, no]] {
            deciding
                .assert_decides(vec![(matcher, repeated(denied), "condition_failed")])
                .await;
        }
        // accredit cannot know where a value ends: two empty values are the text `,`, and an anchor does not match beside a comma.
        let is_unclear = no.is_empty() || matcher.contains(['^', '$']);
        let twice: &[&str] = if is_unclear { &[no] } else { &[no, no] };
        for admitted in [&[][..], &[no], twice] {
            deciding
                .assert_decides(vec![(matcher, repeated(admitted), "allowed")])
                .await;
        }
    }
}

#[tokio::test]
async fn a_required_value_admits_only_where_it_certainly_stands() {
    for (matcher, yes, no) in TESTS {
        let deciding = import(&policy("ALLOW", matcher)).await.deciding().await;
        deciding
            .assert_decides(vec![
                (matcher, repeated(&[yes]), "allowed"),
                (matcher, repeated(&[no]), "condition_failed"),
                (matcher, repeated(&[no, no]), "condition_failed"),
                (matcher, repeated(&[]), "condition_failed"),
            ])
            .await;
    }
    // One value in the text of two: Envoy admits neither.
    for (matcher, values, reason) in [
        (
            "string_match: { exact: 'a,b' }",
            ["a", "b"],
            "denied_by_rule",
        ),
        (
            "string_match: { prefix: 'a,' }",
            ["a", "b"],
            "denied_by_rule",
        ),
        (
            "string_match: { safe_regex: { regex: 'a,?b' } }",
            ["a", "b"],
            "condition_failed",
        ),
        (
            "string_match: { safe_regex: { regex: '.+' } }",
            ["", ""],
            "condition_failed",
        ),
    ] {
        let deciding = import(&policy("ALLOW", matcher)).await.deciding().await;
        deciding
            .assert_decides(vec![(matcher, repeated(&values), reason)])
            .await;
    }
}

/// A request that repeats the header must not reach the rule of the requests without it.
#[tokio::test]
async fn a_repeated_header_does_not_lead_to_the_rule_without_a_token() {
    let rules = "- match: { prefix: /, headers: [{ name: x-debug, string_match: { exact: 'on' } }] }\n\
                 \x20     requires: { provider_name: acme }\n    - match: { prefix: / }";
    let text = format!(
        "http_filters:\n- name: envoy.filters.http.jwt_authn\n  typed_config:\n    \
         \"@type\": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication\n    \
         providers:\n      acme:\n        issuer: {ISSUER}\n        local_jwks: {{ inline_string: 'KEYS' }}\n    \
         rules:\n    {rules}\n"
    );
    let without_token = |values: &[&str]| {
        let mut request = repeated(values);
        request.token = None;
        request
    };
    let deciding = import(&text).await.deciding().await;
    deciding
        .assert_decides(vec![
            ("none", without_token(&[]), "anonymous"),
            ("another", without_token(&["off"]), "anonymous"),
            ("two others", without_token(&["off", "off"]), "anonymous"),
            ("the value", without_token(&["on"]), "condition_failed"),
            ("first", without_token(&["on", "off"]), "condition_failed"),
            ("last", without_token(&["off", "on"]), "condition_failed"),
            ("the value and a token", repeated(&["on"]), "allowed"),
        ])
        .await;
}
