//! `claims` of a rule and of an issuer entry, and the peers that `match` names.

use serde_json::{Value, json};

use crate::support::check_request::ClientRequest;
use crate::support::keys::{rsa, set};
use crate::support::service::{Service, inline_issuer};
use crate::support::token::Token;

use super::place::{ISSUER, service, token, with};

const RULES: &str = r#"
rules:
  - name: groups
    match: { paths: [/groups] }
    claims: { groups: [admin, ops], realm_access.roles: viewer, email_verified: true, level: [2, 9007199254740993] }
  - name: listed
    match: { paths: [/listed] }
    claims: [{ claim: ["https://a.test/roles"], any_of: [admin, 1.5] }, { claim: a.b, any_of: [x] }]
  - { name: maybe, match: { paths: [/maybe] }, access: optional, claims: { groups: admin } }
  - { name: order, match: { paths: [/order] }, scopes: [a], claims: { groups: admin }, when: 'claims.level == 2' }
"#;

#[tokio::test]
async fn a_rule_requires_values_of_claims() {
    let service = service(RULES).await;
    let envoy = service.envoy().await;
    let good = || {
        let token = token().claim("groups", json!(["x", "ops"]));
        let token = token.claim("realm_access", json!({ "roles": ["viewer"] }));
        token.claim("email_verified", true).claim("level", 2)
    };
    let listed = |role: Value| {
        let token = token().claim("https://a.test/roles", role);
        token.claim("a", json!({ "b": "x" }))
    };
    let cases = [
        (good(), "/groups", "allowed"),
        (good().claim("groups", "admin"), "/groups", "allowed"),
        (good().claim("level", 2.0), "/groups", "allowed"),
        (
            good().claim("level", 9_007_199_254_740_993_u64),
            "/groups",
            "allowed",
        ),
        (
            good().claim("level", 9_007_199_254_740_992_u64),
            "/groups",
            "claim_mismatch",
        ),
        (good().claim("level", "2"), "/groups", "claim_mismatch"),
        (good().claim("groups", "Admin"), "/groups", "claim_mismatch"),
        (
            good().claim("groups", "admin ops"),
            "/groups",
            "claim_mismatch",
        ),
        (
            good().claim("groups", json!([["admin"]])),
            "/groups",
            "claim_mismatch",
        ),
        (
            good().claim("groups", json!(null)),
            "/groups",
            "claim_mismatch",
        ),
        (good().without("groups"), "/groups", "claim_mismatch"),
        (
            good().claim("realm_access", "viewer"),
            "/groups",
            "claim_mismatch",
        ),
        (
            good().claim("email_verified", "true"),
            "/groups",
            "claim_mismatch",
        ),
        (
            good().claim("email_verified", false),
            "/groups",
            "claim_mismatch",
        ),
        (listed(json!("admin")), "/listed", "allowed"),
        (listed(json!([3, 1.5])), "/listed", "allowed"),
        (listed(json!([])), "/listed", "claim_mismatch"),
        (
            listed(json!("admin")).claim("a.b", "x").without("a"),
            "/listed",
            "claim_mismatch",
        ),
        (token().claim("groups", "admin"), "/maybe", "allowed"),
        (token(), "/maybe", "claim_mismatch"),
        // The steps 24, 26 and 27, in this order.
        (token().claim("level", 1), "/order", "insufficient_scope"),
        (
            token().claim("scope", "a").claim("level", 1),
            "/order",
            "claim_mismatch",
        ),
        (
            token()
                .claim("scope", "a")
                .claim("groups", "admin")
                .claim("level", 1),
            "/order",
            "condition_failed",
        ),
    ];
    for (token, path, reason) in cases {
        let shown = token.claims_text();
        // The second answer is about the cached token.
        for _ in 0..2 {
            let answer = envoy.check(with(token.clone()).to("GET", path)).await;
            assert_eq!(answer.reason(), reason, "{path} {shown}");
        }
    }
    let without_token = envoy
        .check(ClientRequest::plain().to("GET", "/maybe"))
        .await;
    assert_eq!(without_token.reason(), "anonymous");
}

#[tokio::test]
async fn a_refusal_because_of_a_claim_is_403_and_names_no_claim() {
    let service = service(RULES).await;
    let answer = service.check(with(token()).to("GET", "/groups")).await;
    assert_eq!(
        (answer.code, answer.http, answer.body.as_str()),
        (7, 403, r#"{"error":"Forbidden"}"#)
    );
    assert_eq!(answer.header("www-authenticate"), None);
    assert_eq!(answer.text("issuer").as_deref(), Some(ISSUER));
}

/// Each issuer entry has values of its own, also if both entries have the same keys.
#[tokio::test]
async fn an_issuer_entry_requires_values_of_claims_of_its_own_tokens_only() {
    let keys = set([rsa(0).jwk("k")]);
    let one = inline_issuer(ISSUER, &keys, "claims: { tid: [t1, t2] }");
    let other = inline_issuer("https://other.test", &keys, "");
    let service = Service::ready(&format!("issuers:\n{one}{other}")).await;
    let envoy = service.envoy().await;
    let of = |issuer: &str, tenant: &str| Token::of(issuer).claim("tid", tenant);
    for (token, reason) in [
        (of(ISSUER, "t1"), "allowed"),
        (of(ISSUER, "t3"), "invalid_claim"),
        (of("https://other.test", "t3"), "allowed"),
    ] {
        for _ in 0..2 {
            let answer = envoy.check(with(token.clone())).await;
            assert_eq!(answer.reason(), reason);
        }
    }
    let refused = envoy.check(with(of(ISSUER, "t3"))).await;
    assert_eq!((refused.code, refused.http), (16, 401));
    assert!(
        refused.text("subject").is_some(),
        "the signature was verified: {refused:?}"
    );
}

#[tokio::test]
async fn a_rule_matches_by_the_principal_and_the_address_of_the_peer() {
    let service = service(
        r#"
rules:
  - { name: job, match: { principals: [spiffe://a/job] }, access: anonymous }
  - { name: jobs, match: { principals: ["spiffe://a/ns/jobs/*"], addresses: [10.0.0.0/8] }, access: anonymous }
  - { name: block, match: { addresses: [192.0.2.0/24, "2001:db8::/32", "fe80::/10"] }, access: deny }
"#,
    )
    .await;
    let envoy = service.envoy().await;
    for (address, principal, rule) in [
        ("198.51.100.1", "spiffe://a/job", "job"),
        ("198.51.100.1", "spiffe://a/job2", "default"),
        ("10.1.2.3", "spiffe://a/ns/jobs/x", "jobs"),
        ("::ffff:10.1.2.3", "spiffe://a/ns/jobs/x", "jobs"),
        ("10.1.2.3", "spiffe://a/ns/jobs", "default"),
        ("10.1.2.3", "", "default"),
        ("11.1.2.3", "spiffe://a/ns/jobs/x", "default"),
        ("192.0.2.9", "", "block"),
        ("::ffff:192.0.2.9", "spiffe://a/x", "block"),
        ("2001:db8::1", "", "block"),
        ("2001:db9::1", "", "default"),
        // Envoy appends the zone of a link-local address.
        ("fe80::1%2", "", "block"),
    ] {
        let answer = envoy
            .check(ClientRequest::plain().from(address, principal))
            .await;
        assert_eq!(
            answer.text("rule").as_deref(),
            Some(rule),
            "{address} {principal}"
        );
    }
    let unknown = envoy.check(ClientRequest::plain()).await;
    assert_eq!(
        unknown.text("rule").as_deref(),
        Some("default"),
        "no peer is named"
    );
}
