//! `when`: what an expression can read, and that a failed evaluation refuses.

use serde_json::json;

use crate::support::check_request::{ClientRequest, HeaderForm};

use super::place::{service, token, with};

/// One rule for `/c` with that condition.
fn rule(access: &str, when: &str) -> String {
    format!(
        "rules:\n  - {{ name: c, match: {{ paths: [/c/**] }}, access: {access}, when: {when} }}\n"
    )
}

fn quoted(expression: &str) -> String {
    json!(expression).to_string()
}

#[tokio::test]
async fn a_condition_sees_claims_request_source_context_and_time() {
    let holds = [
        "claims.custom_claims.environment == 'production_us' && claims.aud == ['api.test']",
        "request.method == 'POST' && request.host == 'api.test' && request.path == '/c/a b' && request.query == 'x=1'",
        "request.headers['x-a'] == '1,2' && !(':method' in request.headers)",
        "source.address == '10.1.2.3' && source.principal == 'spiffe://a/b'",
        "context.tier == 'gold' && now > timestamp('2024-01-01T00:00:00Z')",
        "'read' in scopes && size(scopes) == 1",
    ];
    let service = service(&rule(
        "token",
        &quoted(&holds.map(|one| format!("({one})")).join(" && ")),
    ))
    .await;
    let envoy = service.envoy().await;
    let client_request = |environment: &str| {
        with(
            token()
                .claim("custom_claims", json!({ "environment": environment }))
                .claim("scopes", json!(["read"])),
        )
        .to("POST", "/c/a%20b?x=1")
        .header("X-A", "1")
        .header("x-a", "2")
        .from("10.1.2.3", "spiffe://a/b")
        .on_route("tier", "gold")
        .message_in(HeaderForm::HeaderMap)
    };
    assert_eq!(
        envoy.check(client_request("production_us")).await.reason(),
        "allowed"
    );
    assert_eq!(
        envoy.check(client_request("staging")).await.reason(),
        "condition_failed"
    );
}

#[tokio::test]
async fn a_condition_that_fails_or_gives_no_boolean_refuses() {
    for expression in [
        "claims.absent == 1",
        "claims.sub",
        "1 / 0 == 1",
        "claims.list.all(x, x < 1000)",
    ] {
        let service = service(&rule("token", &quoted(expression))).await;
        let list: Vec<u32> = (0..300).collect();
        let answer = service
            .check(with(token().claim("list", json!(list))).to("GET", "/c"))
            .await;
        assert_eq!(
            (answer.reason().as_str(), answer.http),
            ("condition_failed", 403),
            "{expression}"
        );
        assert_eq!(answer.body, r#"{"error":"Forbidden"}"#);
    }
}

#[tokio::test]
async fn a_refusal_by_a_condition_shows_only_the_configured_message() {
    let when = "{ expression: 'claims.level > 3', message: 'only levels over 3' }";
    let service = service(&rule("token", when)).await;
    let envoy = service.envoy().await;
    let refused = envoy
        .check(with(token().claim("level", 1)).to("GET", "/c"))
        .await;
    assert_eq!(
        refused.body,
        r#"{"error":"Forbidden","details":"only levels over 3"}"#
    );
    assert_eq!(
        envoy
            .check(with(token().claim("level", 4)).to("GET", "/c"))
            .await
            .reason(),
        "allowed"
    );
}

#[tokio::test]
async fn without_a_token_the_claims_are_empty() {
    for access in ["anonymous", "optional"] {
        let service = service(&rule(
            access,
            &quoted("!has(claims.sub) && size(scopes) == 0 && request.method == 'GET'"),
        ))
        .await;
        let envoy = service.envoy().await;
        assert_eq!(
            envoy
                .check(ClientRequest::plain().to("GET", "/c"))
                .await
                .reason(),
            "anonymous"
        );
        assert_eq!(
            envoy
                .check(ClientRequest::plain().to("POST", "/c"))
                .await
                .reason(),
            "condition_failed"
        );
        let with_token = envoy.check(with(token()).to("GET", "/c")).await.reason();
        assert_eq!(
            with_token,
            if access == "anonymous" {
                "anonymous"
            } else {
                "condition_failed"
            }
        );
    }
}

#[tokio::test]
async fn a_condition_on_host_or_path_refuses_ambiguous_ones() {
    let service = service(
        "rules:\n  - { name: c, when: 'request.path != \"/x\" && request.host != \"x\"' }\n",
    )
    .await;
    let envoy = service.envoy().await;
    assert_eq!(
        envoy.check(with(token()).to("GET", "/a")).await.reason(),
        "allowed"
    );
    assert_eq!(
        envoy.check(with(token()).to("GET", "/a/..")).await.reason(),
        "invalid_request"
    );
    assert_eq!(
        envoy.check(with(token()).at("user@a")).await.reason(),
        "invalid_request"
    );
}

#[tokio::test]
async fn a_condition_on_the_method_refuses_methods_with_lower_case_letters() {
    for expression in [
        "request.method != \"DELETE\"",
        "[request].all(r, r.method != \"DELETE\")",
    ] {
        let service = service(&format!(
            "rules:\n  - {{ name: c, when: '{expression}' }}\n"
        ))
        .await;
        let envoy = service.envoy().await;
        let reason =
            async |method: &str| envoy.check(with(token()).to(method, "/a")).await.reason();
        assert_eq!(reason("GET").await, "allowed");
        assert_eq!(reason("DELETE").await, "condition_failed");
        assert_eq!(reason("delete").await, "invalid_request");
    }
    let without_method = service("rules:\n  - { name: c, when: 'request.path != \"\"' }\n").await;
    let answer = without_method.check(with(token()).to("delete", "/a")).await;
    assert_eq!(answer.reason(), "allowed");
}
