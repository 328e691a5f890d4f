//! Envoy Gateway's SecurityPolicy, with and without the HTTPRoute that it is for.

use super::common::{ISSUER, get, import, token, with};
use accredit::admin::pb::ExplainRequest;

pub(super) fn policy(name: &str, kind: &str, target: &str, rest: &str) -> String {
    format!(
        "---\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: SecurityPolicy\nmetadata: {{ name: {name}, namespace: api }}\nspec:\n  \
         targetRefs: [{{ group: gateway.networking.k8s.io, kind: {kind}, name: {target} }}]\n{rest}"
    )
}

pub(super) fn jwt(more: &str) -> String {
    format!(
        "  jwt:\n    providers:\n    - name: acme\n      issuer: {ISSUER}\n      audiences: [api]\n      \
         localJWKS: {{ type: Inline, inline: 'KEYS' }}\n{more}"
    )
}

pub(super) fn route(name: &str, rules: &str) -> String {
    format!(
        "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{ name: {name}, namespace: api }}\n\
         spec:\n  hostnames: [api.acme.example]\n  rules: {rules}\n"
    )
}

fn in_policy(request: ExplainRequest, policy: &str) -> ExplainRequest {
    ExplainRequest {
        context: [("policy".to_owned(), policy.to_owned())].into(),
        ..request
    }
}

#[tokio::test]
async fn a_policy_without_its_route_is_selected_by_a_context_extension() {
    let converted = import(&policy("p", "HTTPRoute", "r", &jwt(""))).await;
    converted.assert_reports("left out: ", &["contextExtensions", "api/p"]);
    assert!(
        converted
            .yaml
            .contains("contextExtensions: [{ name: policy, type: Value, value: api/p }]")
    );
    converted
        .deciding()
        .await
        .assert_decides(vec![
            (
                "its requests",
                in_policy(get("/"), "api/p"),
                "missing_token",
            ),
            (
                "a token",
                in_policy(with(get("/"), &token()), "api/p"),
                "allowed",
            ),
            ("other requests", with(get("/"), &token()), "denied_by_rule"),
        ])
        .await;
}

#[tokio::test]
async fn a_policy_of_a_route_replaces_that_of_the_gateway() {
    let converted = import(&format!(
        "{}{}{}{}{}{}",
        policy("gateway", "Gateway", "eg", &jwt("")),
        policy("maybe", "HTTPRoute", "later", &jwt("    optional: true\n")),
        policy(
            "cors",
            "HTTPRoute",
            "open",
            "  cors: { allowOrigins: ['*'] }\n"
        ),
        route(
            "later",
            "[{ matches: [{ path: { type: PathPrefix, value: /later } }] }]"
        ),
        route(
            "open",
            "[{ matches: [{ path: { type: Exact, value: /later/open } }] }]"
        ),
        route(
            "all",
            "[{ matches: [{ path: { type: PathPrefix, value: / } }] }]"
        ),
    ))
    .await;
    converted
        .deciding()
        .await
        .assert_decides(vec![
            ("the Gateway's", get("/x"), "missing_token"),
            ("a longer name", get("/laterx"), "missing_token"),
            ("its own", get("/later/x"), "anonymous"),
            (
                "its own, a bad token",
                with(get("/later"), &token().claim("aud", "b")),
                "invalid_audience",
            ),
            (
                "replaced by one without `jwt`",
                with(get("/later/open"), &token().claim("aud", "b")),
                "anonymous",
            ),
            (
                "another host",
                ExplainRequest {
                    host: Some("b.example".to_owned()),
                    ..get("/later/x")
                },
                "missing_token",
            ),
        ])
        .await;
}

#[tokio::test]
async fn a_merged_policy_joins_that_of_the_gateway() {
    let converted = import(&format!(
        "{}{}{}",
        policy("gateway", "Gateway", "eg", &jwt("")),
        policy(
            "cors",
            "HTTPRoute",
            "r",
            "  mergeType: StrategicMerge\n  cors: { allowOrigins: ['*'] }\n"
        ),
        route(
            "r",
            "[{ matches: [{ path: { type: PathPrefix, value: /r } }] }]"
        ),
    ))
    .await;
    assert_eq!(converted.code, 0, "{}", converted.stderr);
    converted
        .deciding()
        .await
        .assert_decides(vec![
            ("merged", get("/r/x"), "missing_token"),
            ("a token", with(get("/r"), &token()), "allowed"),
        ])
        .await;
}

#[tokio::test]
async fn the_first_rule_of_an_authorization_that_applies_decides() {
    let converted = import(&format!(
        "{}{}",
        policy(
            "p",
            "HTTPRoute",
            "r",
            &format!(
                "{}  authorization:\n    rules:\n    \
                 - {{ name: banned, action: Deny, principal: {{ jwt: {{ provider: acme, claims: [{{ name: state, values: [banned] }}] }} }} }}\n    \
                 - {{ name: office, action: Allow, principal: {{ clientCIDRs: [192.0.2.0/24] }} }}\n    \
                 - {{ name: never-delete, action: Deny, operation: {{ methods: [DELETE] }}, principal: {{ clientCIDRs: [0.0.0.0/0] }} }}\n    \
                 - name: deployers\n      action: Allow\n      principal:\n        jwt:\n          provider: acme\n          \
                 scopes: [deploy, apps]\n          claims: [{{ name: a.groups, valueType: StringArray, values: [ops, dev] }}]\n",
                jwt("")
            )
        ),
        route("r", "[{}]"),
    ))
    .await;
    let from = |request: ExplainRequest, address: &str| ExplainRequest {
        source_address: address.to_owned(),
        ..request
    };
    let method = |method: &str| ExplainRequest {
        method: Some(method.to_owned()),
        ..get("/")
    };
    let deployer = || {
        token()
            .claim("scp", "apps deploy")
            .claim("a", serde_json::json!({ "groups": ["dev"] }))
    };
    let outside = "203.0.113.1";
    converted
        .deciding()
        .await
        .assert_decides(vec![
            ("no token", from(get("/"), "192.0.2.1"), "missing_token"),
            (
                "the office",
                from(with(get("/"), &token()), "192.0.2.1"),
                "allowed",
            ),
            (
                "the office may delete",
                from(with(method("DELETE"), &token()), "192.0.2.1"),
                "allowed",
            ),
            (
                "banned in the office",
                from(
                    with(get("/"), &token().claim("state", "banned")),
                    "192.0.2.1",
                ),
                "condition_failed",
            ),
            (
                "a deployer",
                from(with(get("/"), &deployer()), outside),
                "allowed",
            ),
            (
                "a deployer may not delete",
                from(with(method("DELETE"), &deployer()), outside),
                "condition_failed",
            ),
            (
                "one scope is not enough",
                from(with(get("/"), &deployer().claim("scp", "deploy")), outside),
                "insufficient_scope",
            ),
            (
                "a text is no list",
                from(
                    with(
                        get("/"),
                        &deployer().claim("a", serde_json::json!({ "groups": "dev" })),
                    ),
                    outside,
                ),
                "condition_failed",
            ),
            (
                "another client",
                from(with(get("/"), &token()), outside),
                "insufficient_scope",
            ),
        ])
        .await;
}

/// CONTRACT 2.8.7: what has to be named.
#[tokio::test]
async fn what_accredit_does_not_do_for_a_gateway_is_named() {
    let converted = import(&format!(
        "{}{}",
        policy(
            "p",
            "HTTPRoute",
            "r",
            &format!(
                "{}    - name: any\n      remoteJWKS: {{ uri: 'https://keys.example/k', backendRefs: [{{ name: b }}] }}\n      recomputeRoute: true\n    \
                 failOpen: true\n  basicAuth: {{ users: {{ name: u }} }}\n",
                jwt("")
            )
        ),
        route("r", "[{}]"),
    ))
    .await;
    for expected in [
        "without `issuer`",
        "failOpen",
        "recomputeRoute",
        "backendRefs",
        "basicAuth",
    ] {
        converted.assert_reports("left out: ", &[expected]);
    }
    let bad = token().claim("aud", "b");
    converted
        .deciding()
        .await
        .assert_decides(vec![
            ("a bad token", with(get("/"), &bad), "invalid_audience"),
            ("none", get("/"), "anonymous"),
        ])
        .await;
}
