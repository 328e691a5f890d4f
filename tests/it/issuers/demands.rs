//! What each issuer demands of its tokens.

use serde_json::json;

use crate::support::keys::{rsa, set};
use crate::support::service::{Service, inline_issuer};
use crate::support::token::{Token, now};

use super::common::{ONE, OTHER, reason};

#[tokio::test]
async fn audiences() {
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
        (Some(json!([])), [false, false, true]),
        (Some(json!("")), [false, false, true]),
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

#[tokio::test]
async fn further_demands_are_each_issuers_own() {
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
        ("no sub is asked for", good().without("sub"), "allowed"),
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
