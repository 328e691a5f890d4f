//! What each issuer demands of its tokens.

use serde_json::{Value, json};

use crate::support::check_request::ClientRequest;
use crate::support::keys::{rsa, set};
use crate::support::service::{Service, inline_issuer};
use crate::support::token::{Token, now};

use super::common::{ONE, OTHER, reason};

#[tokio::test]
async fn a_token_needs_an_audience_of_its_issuer_entry() {
    let keys = set([rsa(0).jwk("k")]);
    let list =
        inline_issuer("https://list.test", &keys, "").replace("[api.test]", "[api.test, second]");
    let accept = inline_issuer("https://accept.test", &keys, "audience_absent: accept");
    let any = inline_issuer("https://any.test", &keys, "").replace("[api.test]", "any");
    let service = Service::ready(&format!("issuers:\n{list}{accept}{any}")).await;
    let envoy = service.envoy().await;
    let cases = [
        (Some(json!("api.test")), [true, true, true]),
        (Some(json!("second")), [true, false, true]),
        (Some(json!(["x", "second"])), [true, false, true]),
        (Some(json!(["x", "api.test", "y"])), [true, true, true]),
        (Some(json!("API.test")), [false, false, true]),
        (Some(json!("api.test ")), [false, false, true]),
        (Some(json!("api.test second")), [false, false, true]),
        (Some(json!("other")), [false, false, true]),
        (Some(json!("any")), [false, false, true]),
        (Some(json!(["", "other"])), [false, false, true]),
        (Some(json!([])), [false, true, true]),
        (Some(json!("")), [false, true, true]),
        (Some(json!([""])), [false, true, true]),
        (Some(json!(null)), [false, true, true]),
        (None, [false, true, true]),
    ];
    let issuers = [
        "https://list.test",
        "https://accept.test",
        "https://any.test",
    ];
    for (audience, admitted) in cases {
        for (issuer, admitted) in issuers.iter().zip(admitted) {
            let token = match &audience {
                Some(audience) => Token::of(issuer).claim("aud", audience.clone()),
                None => Token::of(issuer).without("aud"),
            };
            let expected = if admitted {
                "allowed"
            } else {
                "invalid_audience"
            };
            assert_eq!(
                reason(&envoy, &token.signed(rsa(0))).await,
                expected,
                "{audience:?} at {issuer}"
            );
        }
    }
}

/// CONTRACT 3.5.3, 3.7.4: Cognito's access tokens have `client_id`, Keycloak's `azp` and `realm_access.roles`.
#[tokio::test]
async fn configured_claims_carry_the_audience_and_the_scopes() {
    let keys = set([rsa(0).jwk("k")]);
    let lines = "audience_claims: [client_id, [\"https://a.test/aud\"]]\nscope_claims: [realm_access.roles]";
    let one = inline_issuer(ONE, &keys, lines);
    let rules = "rules:\n  - match: { paths: [/roles] }\n    scopes: [admin]\n  - match: { paths: [/audience] }\n    audiences: [second]\n";
    let service = Service::ready(&format!("issuers:\n{one}{rules}")).await;
    let token = || Token::of(ONE).without("aud");
    let of_client = || token().claim("client_id", "api.test").claim("aud", "other");
    let roles = |roles: Value| of_client().claim("realm_access", json!({ "roles": roles }));
    for (token, path, expected) in [
        (of_client(), "/", "allowed"),
        (token().claim("aud", "api.test"), "/", "invalid_audience"),
        (
            token()
                .claim("client_id", "other")
                .claim("https://a.test/aud", "api.test"),
            "/",
            "invalid_audience",
        ),
        (
            token().claim("https://a.test/aud", "api.test"),
            "/",
            "allowed",
        ),
        (of_client(), "/audience", "invalid_audience"),
        (
            of_client().claim("client_id", json!(["api.test", "second"])),
            "/audience",
            "allowed",
        ),
        (roles(json!(["admin"])), "/roles", "allowed"),
        (roles(json!("user admin")), "/roles", "allowed"),
        (roles(json!(["user"])), "/roles", "insufficient_scope"),
        (
            of_client().claim("scope", "admin"),
            "/roles",
            "insufficient_scope",
        ),
    ] {
        let request = ClientRequest::bearer(&token.signed(rsa(0))).path(path);
        assert_eq!(service.check(request).await.reason(), expected, "{path}");
    }
}

#[tokio::test]
async fn requirements_apply_to_the_tokens_of_their_issuer_only() {
    let keys = set([rsa(0).jwk("k")]);
    let strict = "clock_skew: 0s
token_types: [application/Special]
required_claims: [custom.environment, [\"a.b\"]]
binding: ignore";
    let one = inline_issuer(ONE, &keys, strict);
    let service = Service::ready(&format!(
        "issuers:\n{one}{}",
        inline_issuer(OTHER, &keys, "")
    ))
    .await;
    let envoy = service.envoy().await;
    let good = || {
        let token = Token::of(ONE).claim("custom", json!({ "environment": "x" }));
        token.claim("a.b", 0).header("typ", "special")
    };
    for (thing, token, expected) in [
        ("good", good(), "allowed"),
        ("no sub is required", good().without("sub"), "allowed"),
        ("false is there", good().claim("a.b", false), "allowed"),
        ("typ", good().header("typ", "JWT"), "invalid_type"),
        ("no typ", good().without_header("typ"), "allowed"),
        ("exp", good().claim("exp", now() - 2), "expired"),
        ("nbf", good().claim("nbf", now() + 20), "not_yet_valid"),
        ("nested", good().claim("custom", json!({})), "missing_claim"),
        (
            "nested in none",
            good().claim("custom", "x"),
            "missing_claim",
        ),
        (
            "nested empty",
            good().claim("custom", json!({ "environment": "" })),
            "missing_claim",
        ),
        (
            "nested null",
            good().claim("custom", json!({ "environment": null })),
            "missing_claim",
        ),
        (
            "literal",
            good().without("a.b").claim("a", json!({ "b": 1 })),
            "missing_claim",
        ),
        (
            "bound",
            good().claim("cnf", json!({ "jkt": "x" })),
            "allowed",
        ),
        (
            "the other's typ",
            Token::of(OTHER).header("typ", "special"),
            "invalid_type",
        ),
        (
            "the other's skew",
            Token::of(OTHER).claim("exp", now() - 2),
            "allowed",
        ),
    ] {
        assert_eq!(
            reason(&envoy, &token.signed(rsa(0))).await,
            expected,
            "{thing}"
        );
    }
}
