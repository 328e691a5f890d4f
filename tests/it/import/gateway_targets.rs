//! Which SecurityPolicy of Envoy Gateway decides about which requests.

use super::common::{ISSUER, get, import, token, with, with_header};
use accredit::admin::pb::ExplainRequest;

/// A policy in the namespace `api` that admits tokens with this role.
fn policy(name: &str, target: &str, role: &str) -> String {
    format!(
        "---\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: SecurityPolicy\nmetadata: {{ name: {name}, namespace: api }}\nspec:\n  \
         {target}\n  jwt:\n    providers:\n    - name: acme\n      issuer: {ISSUER}\n      audiences: [api]\n      \
         localJWKS: {{ type: Inline, inline: 'KEYS' }}\n  authorization:\n    defaultAction: Deny\n    rules:\n    \
         - {{ name: role, action: Allow, principal: {{ jwt: {{ provider: acme, claims: [{{ name: role, values: [{role}] }}] }} }} }}\n"
    )
}

fn route(namespace: &str) -> String {
    format!(
        "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{ name: r, namespace: {namespace} }}\nspec:\n  \
         hostnames: [api.acme.example]\n  rules:\n  \
         - {{ name: admin, matches: [{{ path: {{ type: PathPrefix, value: /admin }} }}] }}\n  \
         - {{ matches: [{{ path: {{ type: PathPrefix, value: / }} }}] }}\n"
    )
}

const WHOLE: &str = "targetRefs: [{ kind: HTTPRoute, name: r }]";
const ADMIN: &str = "targetRefs: [{ kind: HTTPRoute, name: r, sectionName: admin }]";
const GATEWAY: &str = "targetRefs: [{ kind: Gateway, name: eg }]";

fn role(path: &str, role: &str) -> ExplainRequest {
    with(get(path), &token().claim("role", role))
}

fn in_policy(request: ExplainRequest, policy: &str) -> ExplainRequest {
    ExplainRequest {
        context: [("policy".to_owned(), policy.to_owned())].into(),
        ..request
    }
}

#[tokio::test]
async fn a_policy_of_a_section_decides_before_that_of_the_route_in_each_order() {
    let (section, whole) = (
        policy("section", ADMIN, "admin"),
        policy("whole", WHOLE, "user"),
    );
    for policies in [format!("{section}{whole}"), format!("{whole}{section}")] {
        let converted = import(&format!("{policies}{}", route("api"))).await;
        converted
            .deciding()
            .await
            .assert_decides(vec![
                ("the section's", role("/admin", "admin"), "allowed"),
                (
                    "the route's, in the section",
                    role("/admin", "user"),
                    "condition_failed",
                ),
                ("the route's", role("/x", "user"), "allowed"),
                (
                    "the section's, elsewhere",
                    role("/x", "admin"),
                    "condition_failed",
                ),
            ])
            .await;
    }
}

#[tokio::test]
async fn two_policies_of_one_target_are_both_required() {
    for target in [WHOLE, ADMIN] {
        let converted = import(&format!(
            "{}{}{}",
            policy("one", target, "admin"),
            policy("two", target, "user"),
            route("api")
        ))
        .await;
        converted.assert_reports(
            "left out: ",
            &["api/one", "api/two is for the same requests"],
        );
        converted
            .deciding()
            .await
            .assert_decides(vec![
                ("the first", role("/admin", "admin"), "condition_failed"),
                ("the second", role("/admin", "user"), "condition_failed"),
            ])
            .await;
    }
}

#[tokio::test]
async fn a_policy_that_has_no_requests_in_the_input_is_selected_by_a_context_extension() {
    let other_section = ADMIN.replace("admin", "other");
    for (target, namespace) in [(WHOLE, "b"), (ADMIN, "b"), (other_section.as_str(), "api")] {
        let converted = import(&format!(
            "{}{}{}",
            policy("gateway", GATEWAY, "user"),
            policy("p", target, "admin"),
            route(namespace)
        ))
        .await;
        converted.assert_reports("left out: ", &["api/p", "contextExtensions"]);
        converted
            .deciding()
            .await
            .assert_decides(vec![
                (target, in_policy(role("/x", "admin"), "api/p"), "allowed"),
                (
                    "the Gateway's, there",
                    in_policy(role("/x", "user"), "api/p"),
                    "condition_failed",
                ),
                ("the Gateway's", role("/x", "user"), "allowed"),
            ])
            .await;
    }
}

#[tokio::test]
async fn a_route_whose_inherited_policy_is_not_known_is_refused() {
    let selected = policy("s", "targetSelectors: [{ kind: HTTPRoute }]", "user");
    let gateways = [
        policy("one", GATEWAY, "user"),
        policy("two", &GATEWAY.replace("eg", "other"), "user"),
    ]
    .concat();
    for policies in [selected, gateways] {
        let converted = import(&format!("{policies}{}", route("api"))).await;
        converted.assert_reports("left out: ", &["have no", "policy"]);
        converted
            .deciding()
            .await
            .assert_decides(vec![
                ("a token", role("/x", "user"), "denied_by_rule"),
                ("none", get("/x"), "denied_by_rule"),
            ])
            .await;
    }
}

#[tokio::test]
async fn a_condition_of_a_gateway_on_an_audience_is_refused() {
    for kind in ["", ", valueType: StringArray"] {
        let text = policy("p", WHOLE, "x").replace(
            "defaultAction: Deny\n    rules:\n",
            &format!(
                "defaultAction: Allow\n    rules:\n    \
                 - {{ name: aud, action: Deny, principal: {{ jwt: {{ provider: acme, claims: [{{ name: aud, values: [api]{kind} }}] }} }} }}\n"
            ),
        );
        let converted = import(&format!("{text}{}", route("api"))).await;
        converted.assert_reports("left out: ", &["the claim `aud` is always a list"]);
        converted
            .deciding()
            .await
            .assert_decides(vec![("denied", role("/x", "x"), "denied_by_rule")])
            .await;
    }
}

/// A regular expression is put into parentheses: what is none by itself could match more than the whole text.
#[tokio::test]
async fn a_regular_expression_that_accredit_does_not_accept_is_left_out() {
    for pattern in ["a)|(?:b", "a\\", "(?x)a #", "[a", "(a{900}){900}"] {
        let quoted = pattern.replace('\'', "''");
        let route = format!(
            "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{ name: r, namespace: api }}\nspec:\n  \
             hostnames: [api.acme.example]\n  rules:\n  \
             - matches: [{{ headers: [{{ name: x-a, type: RegularExpression, value: '{quoted}' }}] }}]\n  \
             - matches: [{{ path: {{ type: PathPrefix, value: /x }} }}]\n"
        );
        let converted = import(&format!("{}{route}", policy("p", WHOLE, "user"))).await;
        converted.assert_reports("left out: ", &["no equivalent in accredit"]);
        converted
            .deciding()
            .await
            .assert_decides(vec![
                (
                    "the header",
                    with_header(role("/y", "user"), "x-a", "b"),
                    "denied_by_rule",
                ),
                ("the other route", role("/x", "user"), "allowed"),
            ])
            .await;
    }
}
