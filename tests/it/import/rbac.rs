//! Envoy's `rbac` behind `jwt_authn`, and the configurations that istiod generated (tests/fixtures/mesh).

use super::common::{Deciding, ISSUER, get, import, keys, token, with};
use crate::support::process::root;
use crate::support::token::Token;

/// A connection manager with `jwt_authn`, which admits requests without a token, and `rbac` with these rules.
fn manager(rbac: &str) -> String {
    format!(
        "http_filters:\n\
         - name: envoy.filters.http.jwt_authn\n  typed_config:\n    \
         \"@type\": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication\n    \
         providers:\n      acme:\n        issuer: {ISSUER}\n        local_jwks: {{ inline_string: 'KEYS' }}\n        payload_in_metadata: payload\n    \
         rules: [{{ match: {{ prefix: / }}, requires: {{ allow_missing: {{}} }} }}]\n\
         - name: envoy.filters.http.rbac\n  typed_config:\n    \
         \"@type\": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC\n    rules: {rbac}\n"
    )
}

#[tokio::test]
async fn rbac_policies_over_claims_paths_and_methods_are_carried_over() {
    let claim = |claim: &str, value: &str| {
        format!(
            "{{ metadata: {{ filter: envoy.filters.http.jwt_authn, path: [{{ key: payload }}, {{ key: {claim} }}], value: {value} }} }}"
        )
    };
    let converted = import(&manager(&format!(
        "{{ policies: {{ \
         admins: {{ permissions: [{{ url_path: {{ path: {{ prefix: /admin/ }} }} }}], principals: [{}] }}, \
         readers: {{ permissions: [{{ and_rules: {{ rules: [{{ header: {{ name: ':method', string_match: {{ exact: GET }} }} }}, \
         {{ not_rule: {{ url_path: {{ path: {{ prefix: /admin/ }} }} }} }}] }} }}], principals: [{{ any: true }}] }} }} }}",
        claim("role", "{ string_match: { exact: admin } }"),
    )))
    .await;
    let admin = token().claim("role", "admin");
    let listed = token().claim("role", vec!["admin"]);
    let mut post = get("/x");
    post.method = Some("POST".to_owned());
    converted
        .deciding()
        .await
        .assert_decides(vec![
            ("an administrator", with(get("/admin/x"), &admin), "allowed"),
            (
                "a list is no text",
                with(get("/admin/x"), &listed),
                "condition_failed",
            ),
            ("no token", get("/admin/x"), "missing_token"),
            ("a reader", get("/x"), "anonymous"),
            (
                "the prefix without its slash",
                get("/admin"),
                "condition_failed",
            ),
            ("another method", with(post, &admin), "denied_by_rule"),
        ])
        .await;
}

/// JSON of protocol buffers has an enumerator as its name or as its number.
#[tokio::test]
async fn an_action_is_read_by_its_number_too() {
    let all = "policies: { all: { permissions: [{ any: true }], principals: [{ any: true }] } }";
    for (action, reason) in [
        ("0", "anonymous"),
        ("ALLOW", "anonymous"),
        ("1", "denied_by_rule"),
        ("'1'", "denied_by_rule"),
        ("DENY", "denied_by_rule"),
        ("2", "anonymous"),
    ] {
        let converted = import(&manager(&format!("{{ action: {action}, {all} }}"))).await;
        assert_eq!(converted.code, 0, "{}", converted.stderr);
        converted
            .deciding()
            .await
            .assert_decides(vec![(action, get("/x"), reason)])
            .await;
    }
}

#[tokio::test]
async fn a_denial_denies_more_where_accredit_does_not_know_all_of_it() {
    let converted = import(&manager(
        "{ action: DENY, policies: { port: { permissions: [{ and_rules: { rules: [{ destination_port: 9000 }, \
         { url_path: { path: { prefix: /internal/ } } }] } }], principals: [{ any: true }] } } }",
    ))
    .await;
    converted.assert_reports("left out: ", &["no equivalent for this permission"]);
    converted
        .deciding()
        .await
        .assert_decides(vec![
            ("denied on every port", get("/internal/x"), "denied_by_rule"),
            (
                "the prefix without its slash",
                get("/internal"),
                "denied_by_rule",
            ),
            ("elsewhere", get("/x"), "anonymous"),
        ])
        .await;
}

/// The bootstrap that istiod generated, with the tests' issuer and keys.
async fn generated(name: &str) -> Deciding {
    let file = root().join(format!("tests/fixtures/mesh/istio/{name}.json"));
    let mut root: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let filters = root
        .pointer_mut(
            "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters",
        )
        .unwrap();
    for filter in filters.as_array_mut().unwrap() {
        if let Some(provider) = filter.pointer_mut("/typed_config/providers/origins-0") {
            provider["local_jwks"] = serde_json::json!({ "inline_string": keys() });
        }
    }
    let dump = serde_json::json!({ "configs": [{ "dynamic_listeners": [{ "active_state": { "listener":
        root["static_resources"]["listeners"][0] } }] }] });
    import(&dump.to_string()).await.deciding().await
}

/// The issuer in the files of istiod.
const GENERATED: &str = "http://127.0.0.1:9193";

#[tokio::test]
async fn a_dump_of_what_istiod_generated_decides_as_envoy_was_observed() {
    let good = || Token::of(GENERATED);
    let claims = generated("ra-3-claims").await;
    let with_claim = |path: &str, name: &str, value: serde_json::Value| {
        with(get(path), &good().claim(name, value))
    };
    claims
        .assert_decides(vec![
            (
                "list admins",
                with_claim("/groups", "groups", vec!["admins"].into()),
                "allowed",
            ),
            (
                "string admins",
                with_claim("/groups", "groups", "admins".into()),
                "allowed",
            ),
            (
                "list ops-eu",
                with_claim("/groups", "groups", vec!["x", "ops-eu"].into()),
                "allowed",
            ),
            (
                "string x admins",
                with_claim("/groups", "groups", "x admins".into()),
                "condition_failed",
            ),
            ("none", get("/groups"), "missing_token"),
            (
                "scope string",
                with_claim("/scope", "scope", "a orders:read".into()),
                "allowed",
            ),
            (
                "scope list",
                with_claim("/scope", "scope", vec!["a", "orders:read"].into()),
                "allowed",
            ),
            (
                "roles string",
                with_claim("/roles", "roles", "a reader".into()),
                "claim_mismatch",
            ),
            (
                "banned",
                with_claim("/not", "groups", vec!["banned"].into()),
                "condition_failed",
            ),
            ("not, none", get("/not"), "anonymous"),
            (
                "present, number",
                with_claim("/present", "level", 5.into()),
                "condition_failed",
            ),
            (
                "present, empty",
                with_claim("/present", "level", "".into()),
                "condition_failed",
            ),
            (
                "number",
                with_claim("/number", "level", 5.into()),
                "claim_mismatch",
            ),
            (
                "number as a text",
                with_claim("/number", "level", "5".into()),
                "allowed",
            ),
            (
                "suffix",
                with_claim("/suffix", "sub", "user-1".into()),
                "allowed",
            ),
            (
                "suffix, another",
                with_claim("/suffix", "sub", "evil/user-1".into()),
                "condition_failed",
            ),
            (
                "elsewhere",
                with(get("/elsewhere"), &good()),
                "denied_by_rule",
            ),
        ])
        .await;
    let missing = generated("ra-4-deny-missing").await;
    missing
        .assert_decides(vec![
            ("none /x", get("/x"), "missing_token"),
            ("none /healthz", get("/healthz"), "anonymous"),
            ("none /docs/a", get("/docs/a"), "anonymous"),
            ("none /docs", get("/docs"), "missing_token"),
            ("good", with(get("/x"), &good()), "allowed"),
            (
                "no sub",
                with(get("/x"), &good().without("sub")),
                "condition_failed",
            ),
        ])
        .await;
}

/// Envoy finds the configuration of a cluster by the filter's own name.
#[tokio::test]
async fn a_weighted_cluster_that_overrides_a_filter_of_any_name_has_its_route_refused() {
    let filter = super::unreadable::rbac(&format!(
        "{{ policies: {{ all: {{ {} }} }} }}",
        "permissions: [{ any: true }], principals: [{ any: true }]"
    ));
    for name in ["rbac", "jwt"] {
        let overridden = format!(
            "{{ match: {{ prefix: /w }}, route: {{ weighted_clusters: {{ clusters: [{{ name: a, weight: 1, \
             typed_per_filter_config: {{ {name}: {{ '@type': type.googleapis.com/x.Any }} }} }}] }} }} }}"
        );
        let routes = format!(
            "route_config: {{ virtual_hosts: [{{ name: v, domains: ['*'], routes: [{overridden}, {{ match: {{ prefix: / }} }}] }}] }}"
        );
        let converted = import(&super::unreadable::manager(&format!(", {filter}"), &routes)).await;
        converted.assert_reports("left out: ", &["weighted cluster", "denies these requests"]);
        converted
            .deciding()
            .await
            .assert_decides(vec![
                ("the route", with(get("/w/x"), &token()), "denied_by_rule"),
                ("another route", with(get("/x"), &token()), "allowed"),
            ])
            .await;
    }
}
