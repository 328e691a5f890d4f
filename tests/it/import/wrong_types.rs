//! Values that have another type than the other tool requires.

use super::common::{ISSUER, get, import, token, with};
use super::unreadable::{JWT_TYPE, manager, rbac};

/// No default takes the place of a value that cannot be read: an ALLOW in place of an action, or no requirement.
#[tokio::test]
async fn a_value_of_another_type_has_every_request_refused() {
    let filter = |rules: &str| {
        format!(
            "http_filters: [{{ name: jwt, typed_config: {{ '@type': {JWT_TYPE}, \
             providers: {{ acme: {{ issuer: {ISSUER}, payload_in_metadata: payload, local_jwks: {{ inline_string: 'KEYS' }} }} }}, \
             rules: {rules} }} }}]\n"
        )
    };
    let with_rbac = |rules: &str| manager(&format!(", {}", rbac(rules)), "");
    let all = "permissions: [{ any: true }], principals: [{ any: true }]";
    let istio = |spec: &str| {
        format!(
            "apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: {{ name: a, namespace: n }}\n\
             spec: {{ jwtRules: [{{ issuer: '{ISSUER}', jwks: 'KEYS' }}] }}\n---\n\
             apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{ name: p, namespace: n }}\nspec: {spec}\n"
        )
    };
    for (original, says) in [
        (
            filter("[{ match: { prefix: / }, requirement_name: 5 }]"),
            "requirement_name",
        ),
        (
            filter("[{ match: { prefix: / }, requires: none }]"),
            "requires",
        ),
        (filter("[{ match: { prefix: 5 } }]"), "prefix"),
        (
            filter("[{ match: { prefix: /a, case_sensitive: 'no' } }]"),
            "case_sensitive",
        ),
        (filter("{}"), "rules"),
        (
            with_rbac(&format!(
                "{{ action: 7, policies: {{ all: {{ {all} }} }} }}"
            )),
            "action",
        ),
        (
            with_rbac(&format!(
                "{{ action: [DENY], policies: {{ all: {{ {all} }} }} }}"
            )),
            "action",
        ),
        (with_rbac("{ action: DENY, policies: [] }"), "policies"),
        (
            with_rbac(
                "{ action: DENY, policies: { p: { permissions: { any: true }, principals: [{ any: true }] } } }",
            ),
            "permissions",
        ),
        (
            with_rbac(
                "{ policies: { p: { permissions: [{ not_rule: { any: 'yes' } }], principals: [{ any: true }] } } }",
            ),
            "any",
        ),
        (istio("{ action: 1, rules: [{}] }"), "action"),
        (istio("{ action: DENY, rules: { from: [] } }"), "rules"),
        (
            istio("{ selector: { matchLabels: [app] }, action: DENY, rules: [{}] }"),
            "matchLabels",
        ),
    ] {
        let converted = import(&original).await;
        converted.assert_reports(
            "left out: ",
            &[says, "this is not ", "denies every request"],
        );
        converted
            .deciding()
            .await
            .assert_decides(vec![
                (&original, with(get("/x"), &token()), "denied_by_rule"),
                (&original, get("/x"), "denied_by_rule"),
            ])
            .await;
    }
}
