//! Parts of Envoy's configuration that `import` cannot read: they are named, and what depends on them is refused.

use super::common::{ISSUER, get, import, import_files, token, with};

pub(super) const JWT_TYPE: &str =
    "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication";
const RBAC_TYPE: &str = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC";

/// A filter `jwt_authn` that demands a token for every path.
fn jwt_authn() -> String {
    format!(
        "{{ name: jwt, typed_config: {{ '@type': {JWT_TYPE}, \
         providers: {{ acme: {{ issuer: {ISSUER}, payload_in_metadata: payload, local_jwks: {{ inline_string: 'KEYS' }} }} }}, \
         requirement_map: {{ needed: {{ provider_name: acme }} }}, \
         rules: [{{ match: {{ prefix: / }}, requires: {{ provider_name: acme }} }}] }} }}"
    )
}

pub(super) fn rbac(rules: &str) -> String {
    format!("{{ name: rbac, typed_config: {{ '@type': {RBAC_TYPE}, rules: {rules} }} }}")
}

/// A connection manager with `jwt_authn` before these filters, and these routes.
pub(super) fn manager(filters: &str, routes: &str) -> String {
    format!("http_filters: [{}{filters}]\n{routes}", jwt_authn())
}

/// The result denies every request, and a line of standard error contains this text.
async fn is_refused_and_reported(original: &str, expected: &str) {
    let converted = import(original).await;
    converted.assert_reports("left out: ", &[expected, "denies every request"]);
    let request = with(get("/x"), &token());
    let deciding = converted.deciding().await;
    deciding
        .assert_decides(vec![(expected, request, "denied_by_rule")])
        .await;
}

#[tokio::test]
async fn routes_that_cannot_be_read_have_every_request_refused() {
    for (routes, expected) in [
        (
            "scoped_routes: { name: s }",
            "scopes of route configurations",
        ),
        (
            "rds: { route_config_name: main }",
            "the route configuration main is not in the input",
        ),
        (
            "rds: { config_source: { ads: {} } }",
            "the route configuration without a name",
        ),
        (
            "route_config: { name: r, vhds: { config_source: { ads: {} } } }",
            "fetches virtual hosts",
        ),
        (
            "route_config: { virtual_hosts: [{ name: v, domains: ['*'], matcher: {} }] }",
            "the tree `matcher` of a virtual host",
        ),
    ] {
        is_refused_and_reported(&manager("", routes), expected).await;
    }
}

#[tokio::test]
async fn a_filter_in_another_wrapping_has_every_request_refused() {
    let rbac_type = RBAC_TYPE;
    let inner = format!("{{ '@type': {RBAC_TYPE}, rules: {{ action: DENY }} }}");
    for (filter, expected) in [
        (
            format!("{{ name: a, config_discovery: {{ config_source: {{ ads: {{}} }}, type_urls: [{rbac_type}] }} }}"),
            "http_filters[1] (a)",
        ),
        ("{ name: b, config_discovery: { config_source: { ads: {} } } }".to_owned(), "http_filters[1] (b)"),
        (
            format!(
                "{{ name: c, typed_config: {{ '@type': type.googleapis.com/xds.type.v3.TypedStruct, type_url: {rbac_type}, value: {{}} }} }}"
            ),
            "http_filters[1] (c)",
        ),
        (
            format!(
                "{{ name: d, typed_config: {{ '@type': type.googleapis.com/envoy.extensions.common.matching.v3.ExtensionWithMatcher, \
                 extension_config: {{ name: rbac, typed_config: {inner} }} }} }}"
            ),
            "http_filters[1] (d)",
        ),
        ("{ name: envoy.filters.http.rbac }".to_owned(), "http_filters[1] (envoy.filters.http.rbac)"),
        (
            "{ name: envoy.filters.http.rbac, typed_config: { '@type': type.googleapis.com/udpa.type.v1.TypedStruct, value: {} } }"
                .to_owned(),
            "http_filters[1] (envoy.filters.http.rbac)",
        ),
        (jwt_authn(), "it has 2 filters jwt_authn"),
    ] {
        is_refused_and_reported(&manager(&format!(", {filter}"), ""), expected).await;
    }
}

#[tokio::test]
async fn a_discovered_jwt_authn_is_not_taken_for_a_filter_without_a_chain() {
    let dump = format!(
        "configs:\n- http_filters: [{{ name: jwt, config_discovery: {{ type_urls: [{JWT_TYPE}] }} }}, {}]\n- ecds_filters: [{}]\n",
        rbac(
            "{ action: DENY, policies: { all: { permissions: [{ any: true }], principals: [{ any: true }] } } }"
        ),
        jwt_authn(),
    );
    let ended = import_files(&[&dump]).await;
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(2), ""),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("http_filters[0] (jwt)"),
        "{}",
        ended.stderr
    );
}

#[tokio::test]
async fn other_filters_that_decide_are_named() {
    for filter in [
        "basic_auth.v3.BasicAuth",
        "api_key_auth.v3.ApiKeyAuth",
        "oauth2.v3.OAuth2",
        "ext_authz.v3.ExtAuthz",
        "lua.v3.Lua",
        "wasm.v3.Wasm",
        "ext_proc.v3.ExternalProcessor",
    ] {
        let converted = import(&manager(
            &format!(", {{ name: other, typed_config: {{ '@type': type.googleapis.com/envoy.extensions.filters.http.{filter} }} }}"),
            "",
        ))
        .await;
        converted.assert_reports(
            "left out: ",
            &["http_filters[1] (other)", "keep it in Envoy"],
        );
        converted
            .deciding()
            .await
            .assert_decides(vec![(filter, with(get("/x"), &token()), "allowed")])
            .await;
    }
}

#[tokio::test]
async fn a_filter_for_connections_is_named() {
    let network = "filters: [{ name: envoy.filters.network.rbac, typed_config: { '@type': \
                   type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC } }]\n";
    let converted = import(&format!("{network}{}", manager("", ""))).await;
    converted.assert_reports(
        "left out: ",
        &["envoy.filters.network.rbac", "keep it in Envoy"],
    );
}

#[tokio::test]
async fn an_override_of_another_type_has_its_route_refused() {
    let off = rbac("{ action: DENY, policies: {} }");
    for filter in ["jwt", "rbac"] {
        let routes = format!(
            "route_config: {{ virtual_hosts: [{{ name: v, domains: ['*'], routes: [\
             {{ match: {{ prefix: /a }}, typed_per_filter_config: {{ {filter}: \
             {{ '@type': type.googleapis.com/xds.type.v3.TypedStruct, type_url: x, value: {{}} }} }} }}, {{ match: {{ prefix: / }} }}] }}] }}"
        );
        let converted = import(&manager(&format!(", {off}"), &routes)).await;
        converted.assert_reports("left out: ", &["an override of this type"]);
        converted
            .deciding()
            .await
            .assert_decides(vec![
                (filter, with(get("/a"), &token()), "denied_by_rule"),
                ("elsewhere", with(get("/x"), &token()), "allowed"),
            ])
            .await;
    }
}

/// accredit has every audience in a list, and so cannot tell a text from a list.
#[tokio::test]
async fn a_condition_on_an_audience_of_one_shape_is_refused_in_both_polarities() {
    let condition = |value: &str| {
        format!(
            "{{ metadata: {{ filter: envoy.filters.http.jwt_authn, path: [{{ key: payload }}, {{ key: aud }}], value: {value} }} }}"
        )
    };
    let rules = |action: &str, principal: &str| {
        manager(
            &format!(
                ", {}",
                rbac(&format!(
                    "{{ action: {action}, policies: {{ p: {{ permissions: [{{ any: true }}], principals: [{principal}] }} }} }}"
                ))
            ),
            "",
        )
    };
    let text = condition("{ string_match: { exact: api } }");
    let list = condition("{ list_match: { one_of: { string_match: { exact: api } } } }");
    let negated = |inner: &str| format!("{{ not_id: {inner} }}");
    for (action, principal) in [
        ("DENY", text.clone()),
        ("DENY", list.clone()),
        ("DENY", negated(&text)),
        ("ALLOW", text.clone()),
        ("ALLOW", list.clone()),
        ("ALLOW", negated(&list)),
    ] {
        let converted = import(&rules(action, &principal)).await;
        converted.assert_reports("left out: ", &["the claim `aud` is always a list"]);
        let name = format!("{action} {principal}");
        converted
            .deciding()
            .await
            .assert_decides(vec![
                (&name, with(get("/x"), &token()), "denied_by_rule"),
                (
                    &name,
                    with(get("/x"), &token().claim("aud", "other")),
                    "denied_by_rule",
                ),
            ])
            .await;
    }
    let either = format!("{{ or_ids: {{ ids: [{text}, {list}] }} }}");
    let converted = import(&rules("DENY", &either)).await;
    assert_eq!(converted.code, 0, "{}", converted.stderr);
    converted
        .deciding()
        .await
        .assert_decides(vec![
            ("denied", with(get("/x"), &token()), "condition_failed"),
            (
                "another audience",
                with(get("/x"), &token().claim("aud", "other")),
                "allowed",
            ),
        ])
        .await;
}

#[tokio::test]
async fn a_denial_whose_expression_can_match_a_part_of_an_escape_denies_every_path() {
    let denial = |regex: &str| {
        manager(
            &format!(
                ", {}",
                rbac(&format!(
                    "{{ action: DENY, policies: {{ p: {{ permissions: [{{ url_path: {{ path: {{ safe_regex: {{ regex: '{regex}' }} }} }} }}], \
                     principals: [{{ any: true }}] }} }} }}"
                ))
            ),
            "",
        )
    };
    for regex in ["/a/.{3}", "/a/[^x]{3}", "/a/..."] {
        let converted = import(&denial(regex)).await;
        converted.assert_reports("left out: ", &["no equivalent"]);
        converted
            .deciding()
            .await
            .assert_decides(vec![(
                regex,
                with(get("/a/%61"), &token()),
                "denied_by_rule",
            )])
            .await;
    }
    for regex in ["/a/.*", "/a/[^/]+", "/a/[0-9]+|/a/[^/]+"] {
        let converted = import(&denial(regex)).await;
        converted
            .deciding()
            .await
            .assert_decides(vec![
                (regex, with(get("/a/%61"), &token()), "condition_failed"),
                ("elsewhere", with(get("/x"), &token()), "allowed"),
            ])
            .await;
    }
}
