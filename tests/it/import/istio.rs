//! Istio's RequestAuthentication and AuthorizationPolicy.

use super::common::{ISSUER, get, import, token, with};
use crate::support::token::Token;

pub(super) fn authentication(lines: &str) -> String {
    format!(
        "apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: {{ name: a, namespace: shop }}\n\
         spec:\n  selector: {{ matchLabels: {{ app: api }} }}\n  jwtRules:\n  - issuer: {ISSUER}\n    jwks: 'KEYS'\n{lines}"
    )
}

pub(super) fn policy(name: &str, action: &str, rules: &str) -> String {
    format!(
        "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{ name: {name}, namespace: shop }}\n\
         spec:\n  selector: {{ matchLabels: {{ app: api }} }}\n  action: {action}\n  rules: {rules}\n"
    )
}

#[tokio::test]
async fn without_a_policy_that_demands_a_principal_tokens_are_optional() {
    let converted = import(&authentication(
        "    audiences: [api, https://api.acme.example/]\n",
    ))
    .await;
    assert!(
        converted.yaml.contains("access: optional"),
        "{}",
        converted.yaml
    );
    assert!(
        converted.yaml.contains("required_claims: []"),
        "{}",
        converted.yaml
    );
    converted.assert_reports(
        "left out: ",
        &["https://api.acme.example/", "ends with `/`"],
    );
    converted.assert_reports("note: ", &["tokens without `exp`"]);
    converted
        .deciding()
        .await
        .assert_decides(vec![
            ("none", get("/x"), "anonymous"),
            ("good", with(get("/x"), &token()), "allowed"),
            (
                "no subject",
                with(get("/x"), &token().without("sub")),
                "allowed",
            ),
            (
                "another audience",
                with(get("/x"), &token().claim("aud", "b")),
                "invalid_audience",
            ),
        ])
        .await;
}

#[tokio::test]
async fn denials_come_before_admissions_and_alternatives_add_up() {
    let converted = import(&format!(
        "{}{}{}{}",
        authentication(""),
        policy("closed", "DENY", "[{ to: [{ operation: { paths: [/internal/*], notMethods: [GET] } }] }, { to: [{ operation: { methods: [TRACE] } }] }]"),
        policy("staff", "ALLOW", "[{ from: [{ source: { requestPrincipals: ['*'] } }], when: [{ key: 'request.auth.claims[scope]', values: [staff, ops] }] }]"),
        policy(
            "public",
            "ALLOW",
            "[{ to: [{ operation: { paths: [/public/*], methods: [GET] } }] }, \
             { to: [{ operation: { paths: [/reports/*], notPaths: [/reports/secret] } }], from: [{ source: { requestPrincipals: [\"*\"] } }] }]"
        ),
    ))
    .await;
    assert_eq!(converted.code, 0, "{}", converted.stderr);
    assert!(
        converted.yaml.contains("scope_claims: [scope]"),
        "{}",
        converted.yaml
    );
    assert!(
        converted.yaml.contains("any_scope: [staff, ops]"),
        "{}",
        converted.yaml
    );
    let request = |method: &str, path: &str| accredit::admin::pb::ExplainRequest {
        method: Some(method.to_owned()),
        ..get(path)
    };
    let staff = token().claim("scope", "a staff");
    converted
        .deciding()
        .await
        .assert_decides(vec![
            (
                "denied",
                with(request("POST", "/internal/x"), &staff),
                "condition_failed",
            ),
            (
                "not denied",
                with(request("GET", "/internal/x"), &staff),
                "allowed",
            ),
            (
                "denied by method",
                with(request("TRACE", "/x"), &staff),
                "denied_by_rule",
            ),
            ("open", request("GET", "/public/x"), "anonymous"),
            (
                "the path itself is not open",
                request("GET", "/public"),
                "missing_token",
            ),
            (
                "another method",
                request("POST", "/public/x"),
                "missing_token",
            ),
            (
                "staff everywhere",
                with(request("POST", "/x"), &staff),
                "allowed",
            ),
            (
                "another scope",
                with(request("POST", "/x"), &token().claim("scope", "stafff")),
                "insufficient_scope",
            ),
            (
                "no scope",
                with(request("GET", "/reports/x"), &token()),
                "allowed",
            ),
            (
                "an exception",
                with(request("GET", "/reports/secret"), &token()),
                "condition_failed",
            ),
            (
                "an exception, staff",
                with(request("GET", "/reports/secret"), &staff),
                "allowed",
            ),
        ])
        .await;
}

#[tokio::test]
async fn principals_claims_headers_and_peers_are_carried_over() {
    let converted = import(&format!(
        "{}{}",
        authentication("    spaceDelimitedClaims: [groups]\n"),
        policy(
            "p",
            "ALLOW",
            &format!(
                "[{{ to: [{{ operation: {{ paths: [/one] }} }}], from: [{{ source: {{ requestPrincipals: ['{ISSUER}/alice'] }} }}] }}, \
                 {{ to: [{{ operation: {{ paths: [/words] }} }}], when: [{{ key: 'request.auth.claims[groups]', values: [ops] }}] }}, \
                 {{ to: [{{ operation: {{ paths: [/nested] }} }}], when: [{{ key: 'request.auth.claims[realm][roles]', values: ['adm*'] }}] }}, \
                 {{ to: [{{ operation: {{ paths: [/header] }} }}], when: [{{ key: 'request.headers[X-Tier]', values: [gold] }}] }}, \
                 {{ to: [{{ operation: {{ paths: [/peer] }} }}], from: [{{ source: {{ principals: [cluster.local/ns/a/sa/b] }} }}] }}, \
                 {{ to: [{{ operation: {{ paths: [/address] }} }}], from: [{{ source: {{ ipBlocks: [10.1.2.3/8], notIpBlocks: [10.9.0.0/16] }} }}] }}, \
                 {{ to: [{{ operation: {{ paths: ['/files/{{*}}/raw/{{**}}'] }} }}] }}, \
                 {{ to: [{{ operation: {{ hosts: ['*.acme.example', 'x.example:8443'], paths: [/host] }} }}] }}, \
                 {{ to: [{{ operation: {{ paths: [/proxied] }} }}], from: [{{ source: {{ remoteIpBlocks: [10.0.0.0/8] }} }}] }}]"
            ),
        ),
    ))
    .await;
    converted.assert_reports("left out: ", &["x.example:8443", "without the port"]);
    converted.assert_reports("left out: ", &["remoteIpBlocks", "behind a proxy"]);
    let peer = |path: &str, address: &str, principal: &str| accredit::admin::pb::ExplainRequest {
        source_address: address.to_owned(),
        source_principal: principal.to_owned(),
        ..get(path)
    };
    let at = |host: &str| accredit::admin::pb::ExplainRequest {
        host: Some(host.to_owned()),
        ..get("/host")
    };
    converted
        .deciding()
        .await
        .assert_decides(vec![
            (
                "the subject",
                with(get("/one"), &token().claim("sub", "alice")),
                "allowed",
            ),
            (
                "another subject",
                with(get("/one"), &token()),
                "claim_mismatch",
            ),
            (
                "a word",
                with(get("/words"), &token().claim("groups", "a ops b")),
                "allowed",
            ),
            (
                "an element",
                with(get("/words"), &token().claim("groups", vec!["ops"])),
                "allowed",
            ),
            (
                "a part of a word",
                with(get("/words"), &token().claim("groups", "devops")),
                "condition_failed",
            ),
            (
                "nested",
                with(
                    get("/nested"),
                    &token().claim("realm", serde_json::json!({ "roles": ["x", "admin"] })),
                ),
                "allowed",
            ),
            (
                "nested, another type",
                with(get("/nested"), &token().claim("realm", "roles")),
                "condition_failed",
            ),
            (
                "a header",
                super::common::with_header(get("/header"), "x-tier", "gold"),
                "anonymous",
            ),
            (
                "another value of it",
                super::common::with_header(get("/header"), "x-tier", "golden"),
                "condition_failed",
            ),
            (
                "a peer",
                peer("/peer", "", "spiffe://cluster.local/ns/a/sa/b"),
                "anonymous",
            ),
            (
                "another peer",
                peer("/peer", "", "spiffe://cluster.local/ns/a/sa/c"),
                "denied_by_rule",
            ),
            (
                "an address",
                peer("/address", "10.200.0.1", ""),
                "anonymous",
            ),
            (
                "an excepted address",
                peer("/address", "10.9.0.1", ""),
                "condition_failed",
            ),
            (
                "another address",
                peer("/address", "11.0.0.1", ""),
                "denied_by_rule",
            ),
            ("a template", get("/files/a/raw/b/c"), "anonymous"),
            (
                "a template without its end",
                get("/files/a/raw"),
                "denied_by_rule",
            ),
            ("a host", at("a.acme.example"), "anonymous"),
            (
                "a host without the port of the pattern",
                at("x.example"),
                "anonymous",
            ),
            ("another host", at("acme.example"), "denied_by_rule"),
            (
                "a client behind a proxy",
                peer("/proxied", "10.0.0.1", ""),
                "denied_by_rule",
            ),
        ])
        .await;
}

#[tokio::test]
async fn resources_for_one_workload_are_joined_and_others_are_left_out() {
    let second = authentication("")
        .replace(ISSUER, "https://two.example")
        .replace("name: a,", "name: b,");
    let mesh = authentication("")
        .replace(ISSUER, "https://mesh.example")
        .replace("namespace: shop", "namespace: istio-system")
        .replace("  selector: { matchLabels: { app: api } }\n", "");
    let other = authentication("")
        .replace(ISSUER, "https://other.example")
        .replace("app: api", "app: web");
    let converted = import(&format!(
        "{}---\n{second}---\n{mesh}---\n{other}{}",
        authentication(""),
        policy(
            "p",
            "ALLOW",
            &format!("[{{ from: [{{ source: {{ requestPrincipals: ['{ISSUER}/*', '*two.example/someone'] }} }}] }}]")
        ),
    ))
    .await;
    converted.assert_reports("left out: ", &["selects another workload"]);
    assert!(
        !converted.yaml.contains("other.example"),
        "{}",
        converted.yaml
    );
    converted
        .deciding()
        .await
        .assert_decides(vec![
            (
                "the first",
                with(get("/"), &token().claim("sub", "x")),
                "allowed",
            ),
            (
                "the second",
                with(get("/"), &Token::of("https://two.example")),
                "allowed",
            ),
            (
                "another subject of it",
                with(
                    get("/"),
                    &Token::of("https://two.example").claim("sub", "x"),
                ),
                "condition_failed",
            ),
            (
                "that of the mesh",
                with(get("/"), &Token::of("https://mesh.example")),
                "condition_failed",
            ),
            (
                "that of another workload",
                with(get("/"), &Token::of("https://other.example")),
                "unknown_issuer",
            ),
        ])
        .await;
}

/// CONTRACT 2.8.6: what standard error has to name.
#[tokio::test]
async fn what_istio_does_silently_is_named() {
    let converted = import(&format!(
        "{}{}{}{}",
        authentication(""),
        policy("n", "ALLOW", "[{ when: [{ key: 'request.auth.claims[g]', notValues: [x] }, { key: 'request.auth.claims[level]', values: ['5'] }] }]"),
        policy("c", "CUSTOM", "[{}]").replace("action: CUSTOM", "action: CUSTOM\n  provider: { name: other }"),
        policy("t", "AUDIT", "[{}]"),
    ))
    .await;
    converted.assert_reports(
        "left out: ",
        &[
            "`notValues` of request.auth.claims[g] without `values`",
            "without a token",
        ],
    );
    converted.assert_reports("note: ", &["\"5\" is a text"]);
    converted.assert_reports(
        "left out: ",
        &["AuthorizationPolicy c", "external authorizer"],
    );
    converted.assert_reports("note: ", &["AuthorizationPolicy t", "audits"]);
}
