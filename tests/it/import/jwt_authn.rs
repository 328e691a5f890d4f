//! Envoy's `jwt_authn`: providers, requirements, matches and per-route overrides.

use super::common::{ISSUER, get, import, token, with, with_header};
use crate::support::token::Token;

/// A filter with one provider and these members.
fn filter(provider: &str, rules: &str) -> String {
    format!(
        "providers:\n  acme:\n    issuer: {ISSUER}\n    local_jwks: {{ inline_string: 'KEYS' }}\n{provider}rules:\n{rules}"
    )
}

#[tokio::test]
async fn a_rule_of_jwt_authn_becomes_a_rule_and_no_rule_means_open() {
    let converted = import(&filter(
        "    audiences: [api]\n",
        "- match: { prefix: /admin/ }\n  requires: { provider_name: acme }\n\
         - match: { path: /healthz }\n\
         - match: { prefix: /maybe }\n  requires: { requires_any: { requirements: [{ provider_name: acme }, { allow_missing: {} }] } }\n",
    ))
    .await;
    assert_eq!(converted.code, 0, "{}", converted.stderr);
    assert!(
        converted
            .yaml
            .contains("clock_skew: 60s  # the default of jwt_authn")
    );
    assert!(
        converted
            .yaml
            .contains("{ query: access_token }  # the default of jwt_authn")
    );
    assert!(
        converted
            .yaml
            .contains("forward_token: false  # the default of jwt_authn")
    );
    let bad = token().claim("aud", "other");
    converted
        .deciding()
        .await
        .assert_decides(vec![
            ("below the prefix", get("/admin/x"), "missing_token"),
            // accredit does not tell /admin from /admin/, so it requires a token for both.
            ("the prefix itself", get("/admin/"), "missing_token"),
            (
                "the prefix without its slash",
                get("/admin"),
                "missing_token",
            ),
            ("a token", with(get("/admin/x"), &token()), "allowed"),
            (
                "another audience",
                with(get("/admin/x"), &bad),
                "invalid_audience",
            ),
            ("open by a rule", with(get("/healthz"), &bad), "anonymous"),
            ("optional", get("/maybe/x"), "anonymous"),
            (
                "optional, a bad token",
                with(get("/maybex"), &bad),
                "invalid_audience",
            ),
            ("no rule", with(get("/elsewhere"), &bad), "anonymous"),
        ])
        .await;
}

#[tokio::test]
async fn an_open_prefix_does_not_open_the_path_without_its_slash() {
    let converted = import(&filter(
        "",
        "- match: { prefix: /docs/ }\n- match: { prefix: / }\n  requires: { provider_name: acme }\n",
    ))
    .await;
    assert_eq!(converted.code, 0, "{}", converted.stderr);
    converted
        .deciding()
        .await
        .assert_decides(vec![
            ("below", get("/docs/a/b"), "anonymous"),
            ("without its slash", get("/docs"), "missing_token"),
            ("a longer name", get("/docsx"), "missing_token"),
            ("elsewhere", get("/"), "missing_token"),
        ])
        .await;
}

#[tokio::test]
async fn a_path_that_two_providers_decide_differently_is_refused_and_named() {
    let text = format!(
        "providers:\n  one: {{ issuer: {ISSUER}, local_jwks: {{ inline_string: 'KEYS' }} }}\n  \
         two: {{ issuer: https://two.example, local_jwks: {{ inline_string: 'KEYS' }} }}\nrules:\n\
         - match: {{ prefix: /a/ }}\n  requires: {{ provider_name: one }}\n\
         - match: {{ prefix: / }}\n  requires: {{ provider_name: two }}\n"
    );
    let converted = import(&text).await;
    converted.assert_reports("left out: ", &["the path /a is decided differently"]);
    let two = Token::of("https://two.example");
    converted
        .deciding()
        .await
        .assert_decides(vec![
            ("the first, below", with(get("/a/x"), &token()), "allowed"),
            (
                "the second, below",
                with(get("/a/x"), &two),
                "condition_failed",
            ),
            ("the boundary", with(get("/a"), &two), "denied_by_rule"),
            (
                "the first elsewhere",
                with(get("/x"), &token()),
                "condition_failed",
            ),
            ("the second elsewhere", with(get("/x"), &two), "allowed"),
        ])
        .await;
}

#[tokio::test]
async fn audiences_of_a_requirement_replace_those_of_the_provider() {
    let converted = import(&filter(
        "    audiences: [api]\n",
        "- match: { prefix: /billing }\n  requires: { provider_and_audiences: { provider_name: acme, audiences: [billing] } }\n\
         - match: { prefix: / }\n  requires: { provider_name: acme }\n",
    ))
    .await;
    let billing = token().claim("aud", "billing");
    converted
        .deciding()
        .await
        .assert_decides(vec![
            ("its own", with(get("/x"), &token()), "allowed"),
            (
                "the other's elsewhere",
                with(get("/x"), &billing),
                "invalid_audience",
            ),
            ("replaced", with(get("/billing"), &billing), "allowed"),
            (
                "its own there",
                with(get("/billing"), &token()),
                "invalid_audience",
            ),
        ])
        .await;
}

#[tokio::test]
async fn a_match_with_headers_becomes_a_condition() {
    let converted = import(&filter(
        "",
        "- match: { prefix: /, headers: [{ name: x-internal, string_match: { exact: 'yes' } }] }\n\
         - match: { safe_regex: { regex: '/v[0-9]+/status' } }\n\
         - match: { prefix: / }\n  requires: { provider_name: acme }\n",
    ))
    .await;
    let internal = |request| with_header(request, "x-internal", "yes");
    converted
        .deciding()
        .await
        .assert_decides(vec![
            ("the header", internal(get("/x")), "anonymous"),
            (
                "another value",
                with_header(get("/x"), "x-internal", "no"),
                "condition_failed",
            ),
            ("the expression", get("/v12/status"), "anonymous"),
            (
                "a part of the expression",
                get("/v12/status/x"),
                "condition_failed",
            ),
            ("a token", with(get("/x"), &token()), "allowed"),
        ])
        .await;
}

#[tokio::test]
async fn per_route_overrides_choose_the_requirement_of_their_route() {
    let converted = import(&format!(
        r#"{{"configs":[{{"@type":"type.googleapis.com/envoy.admin.v3.ListenersConfigDump","dynamicListeners":[{{"activeState":{{"listener":{{
        "filterChains":[{{"filters":[{{"typedConfig":{{"httpFilters":[{{"name":"jwt","typedConfig":{{
          "@type":"type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
          "providers":{{"acme":{{"issuer":"{ISSUER}","localJwks":{{"inlineString":{keys}}}}}}},
          "requirementMap":{{"needed":{{"providerName":"acme"}}}},
          "rules":[{{"match":{{"prefix":"/v1/"}},"requires":{{"providerName":"acme"}}}}]}}}}],
        "rds":{{"routeConfigName":"main"}}}}}}]}}]}}}}}}]}},
        {{"@type":"type.googleapis.com/envoy.admin.v3.RoutesConfigDump","dynamicRouteConfigs":[{{"routeConfig":{{"name":"main","virtualHosts":[
          {{"name":"api","domains":["api.acme.example"],"routes":[
            {{"match":{{"prefix":"/open"}},"typedPerFilterConfig":{{"jwt":{{"disabled":true}}}}}},
            {{"match":{{"pathSeparatedPrefix":"/closed"}},"typedPerFilterConfig":{{"jwt":{{"requirementName":"needed"}}}}}},
            {{"match":{{"prefix":"/broken"}},"typedPerFilterConfig":{{"jwt":{{"requirementName":"none"}}}}}},
            {{"match":{{"prefix":"/"}}}}]}}]}}}}]}}]}}"#,
        keys = serde_json::Value::from(super::common::keys()),
    ))
    .await;
    converted.assert_reports("left out: ", &["there is no requirement none"]);
    converted
        .deciding()
        .await
        .assert_decides(vec![
            ("disabled", get("/open/x"), "anonymous"),
            ("named", get("/closed"), "missing_token"),
            ("named, below", get("/closed/x"), "missing_token"),
            ("a longer name", get("/closedx"), "anonymous"),
            ("a token", with(get("/closed/x"), &token()), "allowed"),
            (
                "a name that is not there",
                with(get("/broken"), &token()),
                "denied_by_rule",
            ),
            ("the filter's own rule", get("/v1/x"), "missing_token"),
            ("no rule", get("/"), "anonymous"),
        ])
        .await;
}

#[tokio::test]
async fn preflights_and_tokens_in_other_places_are_carried_over() {
    let converted = import(&format!(
        "{}bypass_cors_preflight: true\nstrip_failure_response: true\n",
        filter(
            "    from_headers: [{ name: X-Token }, { name: authorization, value_prefix: 'Bearer ' }, { name: x-odd, value_prefix: 'jwt=' }]\n    \
             from_cookies: [session]\n    forward: true\n    forward_payload_header: x-payload\n    clock_skew_seconds: 10\n    \
             claim_to_headers: [{ header_name: x-tenant, claim_name: org.id }, { header_name: host, claim_name: sub }]\n",
            "- match: { prefix: / }\n  requires: { provider_name: acme }\n",
        )
    ))
    .await;
    for text in [
        "  - { header: x-token }\n  - { header: authorization, scheme: Bearer }\n  - { cookie: session }\n",
        "forward_token: true\npayload_header: x-payload\nerror_details: false\n",
        "clock_skew: 10s\n",
        "x-tenant: org.id\n",
    ] {
        assert!(
            converted.yaml.contains(text),
            "{text} is not in\n{}",
            converted.yaml
        );
    }
    converted.assert_reports("left out: ", &["\"jwt=\" before the token", "scheme"]);
    converted.assert_reports("left out: ", &["cannot set the header host"]);
    let mut preflight = with_header(get("/x"), "origin", "https://app.example");
    preflight = with_header(preflight, "access-control-request-method", "PUT");
    preflight.method = Some("OPTIONS".to_owned());
    converted
        .deciding()
        .await
        .assert_decides(vec![
            ("a preflight", preflight, "anonymous"),
            ("another request", get("/x"), "missing_token"),
        ])
        .await;
}

/// What accredit does not have is refused and named.
#[tokio::test]
async fn what_accredit_does_not_have_is_refused_and_named() {
    let prefix = "- match: { prefix: / }\n  requires: ";
    for (provider, rules, expected, reason) in [
        ("", format!("{prefix}{{ allow_missing_or_failed: {{}} }}\n"), "whose token fails", "invalid_signature"),
        ("", format!("{prefix}{{ provider_name: other }}\n"), "there is no provider other", "denied_by_rule"),
        ("    surprise: 1\n", format!("{prefix}{{ provider_name: acme }}\n"), "does not know this field", "invalid_signature"),
        (
            "",
            "- match: { prefix: /, query_parameters: [{ name: a }] }\n- match: { prefix: / }\n  requires: { provider_name: acme }\n".to_owned(),
            "no equivalent for this condition",
            "invalid_signature",
        ),
    ] {
        let converted = import(&filter(provider, &rules)).await;
        converted.assert_reports("left out: ", &[expected]);
        assert_eq!(converted.code, 3);
        let mut forged = get("/x");
        forged.token = Some(token().signed(crate::support::keys::rsa(1)));
        converted.deciding().await.assert_decides(vec![(expected, forged, reason)]).await;
    }
}

#[tokio::test]
async fn providers_that_accredit_cannot_use_leave_nothing_to_import() {
    for provider in [
        "  acme: { local_jwks: { inline_string: 'KEYS' } }\n",
        "  acme: { issuer: https://a.example }\n",
        "  acme: { issuer: https://a.example, local_jwks: { inline_string: 'no keys' } }\n",
        "  acme: { issuer: '${HOME}', local_jwks: { inline_string: 'KEYS' } }\n",
    ] {
        let text = format!("providers:\n{provider}rules: []\n");
        let ended = super::common::import_files(&[&text]).await;
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(2), ""),
            "{provider}{}",
            ended.stderr
        );
        assert!(
            ended.stderr.contains("no issuer is left"),
            "{}",
            ended.stderr
        );
    }
}

/// A key for HS256 is a secret that every verifier shares; accredit has no such keys.
#[tokio::test]
async fn a_key_that_accredit_does_not_use_is_named() {
    let secret =
        r#"{"kty":"oct","kid":"s","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0","alg":"HS256"}"#;
    let keys = super::common::keys().replace("[{", &format!("[{secret},{{"));
    let text = format!(
        "providers:\n  acme: {{ issuer: {ISSUER}, local_jwks: {{ inline_string: '{keys}' }} }}\nrules: [{{ match: {{ prefix: / }} }}]\n"
    );
    let converted = import(&text).await;
    converted.assert_reports("left out: ", &["does not use a key", "asymmetric"]);
}
