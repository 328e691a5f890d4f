//! What a SecurityPolicy denies stays denied: across merged policies, for both claims with scopes, and in the order of Envoy Gateway's routes.

use serde_json::json;

use super::common::{get, import, token, with, with_header};
use super::envoy_gateway::{jwt, policy, route};

/// `authorization` with one rule, beside which everything is allowed.
fn denying(rule: &str) -> String {
    format!("  authorization:\n    defaultAction: Allow\n    rules: [{{ action: Deny, {rule} }}]\n")
}

const BANNED: &str =
    "principal: { jwt: { provider: acme, claims: [{ name: state, values: [banned] }] } }";

#[tokio::test]
async fn a_merged_policy_denies_tokens_of_a_provider_of_the_gateway() {
    let merged = format!("  mergeType: StrategicMerge\n{}", denying(BANNED));
    let converted = import(&format!(
        "{}{}{}",
        policy("gateway", "Gateway", "eg", &jwt("")),
        policy("own", "HTTPRoute", "r", &merged),
        route("r", "[{}]"),
    ))
    .await;
    assert_eq!(converted.code, 0, "{}", converted.stderr);
    let banned = token().claim("state", "banned");
    let deciding = converted.deciding().await;
    deciding
        .assert_decides(vec![
            ("banned", with(get("/"), &banned), "condition_failed"),
            ("another", with(get("/"), &token()), "allowed"),
            ("none", get("/"), "missing_token"),
        ])
        .await;
}

#[tokio::test]
async fn a_denial_that_names_an_unknown_provider_denies_the_tokens_of_every_provider() {
    let rest = format!("{}{}", jwt(""), denying(&BANNED.replace("acme", "other")));
    let converted = import(&format!(
        "{}{}",
        policy("p", "HTTPRoute", "r", &rest),
        route("r", "[{}]")
    ))
    .await;
    converted.assert_reports("left out: ", &["a provider that the policy does not have"]);
    let deciding = converted.deciding().await;
    deciding
        .assert_decides(vec![
            ("another", with(get("/"), &token()), "allowed"),
            (
                "banned",
                with(get("/"), &token().claim("state", "banned")),
                "condition_failed",
            ),
        ])
        .await;
}

#[tokio::test]
async fn a_denied_scope_is_denied_in_each_claim_that_can_carry_it() {
    let rule = "principal: { jwt: { provider: acme, scopes: [a, b] } }";
    let rest = format!("{}{}", jwt(""), denying(rule));
    let converted = import(&format!(
        "{}{}",
        policy("p", "HTTPRoute", "r", &rest),
        route("r", "[{}]")
    ))
    .await;
    assert_eq!(converted.code, 0, "{}", converted.stderr);
    let deciding = converted.deciding().await;
    for (scope, scp, reason) in [
        (json!("a b"), json!(null), "condition_failed"),
        (json!(null), json!(["b", "a"]), "condition_failed"),
        (json!("x"), json!("b a"), "condition_failed"),
        (json!("a"), json!("b"), "condition_failed"),
        (json!("a"), json!("x"), "allowed"),
        (json!("x"), json!(null), "allowed"),
        (json!(null), json!(null), "allowed"),
    ] {
        let name = format!("{scope} {scp}");
        let token = token().claim("scope", scope).claim("scp", scp);
        deciding
            .assert_decides(vec![(&name, with(get("/"), &token), reason)])
            .await;
    }
}

#[tokio::test]
async fn an_operation_without_methods_denies_what_depends_on_it() {
    for operation in ["operation: {}", "operation: { methods: [] }"] {
        let rest = format!("{}{}", jwt(""), denying(operation));
        let converted = import(&format!(
            "{}{}",
            policy("p", "HTTPRoute", "r", &rest),
            route("r", "[{}]")
        ))
        .await;
        converted.assert_reports("left out: ", &["an operation without methods"]);
        let deciding = converted.deciding().await;
        deciding
            .assert_decides(vec![(
                operation,
                with(get("/"), &token()),
                "denied_by_rule",
            )])
            .await;
    }
}

/// Envoy Gateway writes a method as one more match of a header, and prefers the match with most of them.
#[tokio::test]
async fn a_match_with_more_headers_comes_before_one_with_a_method() {
    let path = "path: { type: PathPrefix, value: / }";
    let headers = "headers: [{ name: x, value: '1' }, { name: y, value: '1' }]";
    let converted = import(&format!(
        "{}{}{}",
        policy("p", "HTTPRoute", "guarded", &jwt("")),
        route(
            "guarded",
            &format!("[{{ matches: [{{ {path}, {headers} }}] }}]")
        ),
        route(
            "open",
            &format!("[{{ matches: [{{ {path}, method: GET }}] }}]")
        ),
    ))
    .await;
    let guarded = || with_header(with_header(get("/"), "x", "1"), "y", "1");
    let deciding = converted.deciding().await;
    deciding
        .assert_decides(vec![
            ("no token", guarded(), "condition_failed"),
            ("a token", with(guarded(), &token()), "allowed"),
        ])
        .await;
}

/// The match with more headers is preferred, then the one with more exact ones, and then that with more query parameters.
#[tokio::test]
async fn matches_of_one_path_are_ranked_by_all_their_parts() {
    let path = "path: { type: PathPrefix, value: / }";
    let header = "{ name: x, value: '1' }";
    let any_header = "{ name: x, type: RegularExpression, value: '.*' }";
    let query = "queryParams: [{ name: q, value: '1' }]";
    let any_query = "queryParams: [{ name: q, type: RegularExpression, value: '.*' }]";
    let of = |headers: &str| format!("headers: [{headers}]");
    for (guarded, open, reason) in [
        // The method counts as one header.
        (
            format!("method: GET, {}", of(header)),
            of(header),
            "missing_token",
        ),
        (of(header), of(any_header), "condition_failed"),
        (query.to_owned(), String::new(), "denied_by_rule"),
        (query.to_owned(), any_query.to_owned(), "denied_by_rule"),
    ] {
        let matched = |own: &str| format!("[{{ matches: [{{ {path}, {own} }}] }}]");
        let converted = import(&format!(
            "{}{}{}",
            policy("p", "HTTPRoute", "guarded", &jwt("")),
            route("open", &matched(&open)),
            route("guarded", &matched(&guarded)),
        ))
        .await;
        let deciding = converted.deciding().await;
        let request = with_header(get("/?q=1"), "x", "1");
        deciding
            .assert_decides(vec![(&guarded, request, reason)])
            .await;
    }
}
