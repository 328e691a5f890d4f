//! Tokens that the API server of Kubernetes refuses for the claims that it reads.

use serde_json::{Value, json};

use super::common::{Converted, get, with};
use super::kubernetes::{authenticator, issuer};
use crate::support::token::Token;

/// Asserts the reason for a token with each of these sets of claims.
async fn assert_claims(converted: &Converted, issuer: &str, cases: Vec<(Value, &str)>) {
    let cases: Vec<(String, Token, &str)> = cases
        .into_iter()
        .map(|(claims, reason)| {
            let name = claims.to_string();
            let members = claims.as_object().unwrap().clone();
            let token = Token::of(issuer).claim("aud", "cluster");
            let token = members
                .into_iter()
                .fold(token, |token, (name, value)| token.claim(&name, value));
            (name, token, reason)
        })
        .collect();
    let cases = cases
        .iter()
        .map(|(name, token, reason)| (name.as_str(), with(get("/"), token), *reason));
    let deciding = converted.deciding().await;
    deciding.assert_decides(cases.collect()).await;
}

/// `getUsername`, `getGroups` and `getUID` of the API server's authenticator refuse a claim of another type.
#[tokio::test]
async fn mapped_claims_of_another_type_are_refused_as_by_the_api_server() {
    let (_keys, issuer) = issuer().await;
    let converted = authenticator(
        &issuer,
        "  claimMappings: { username: { claim: user, prefix: '' }, groups: { claim: 'a/groups', prefix: '' }, uid: { claim: uid } }\n",
    )
    .await;
    assert_eq!(converted.code, 0, "{}", converted.stderr);
    assert_claims(
        &converted,
        &issuer,
        vec![
            (json!({ "user": "u", "uid": "1" }), "allowed"),
            (
                json!({ "user": "u", "uid": "1", "a/groups": ["a", null] }),
                "allowed",
            ),
            (
                json!({ "user": "u", "uid": "1", "a/groups": [] }),
                "allowed",
            ),
            (
                json!({ "user": "u", "uid": "1", "a/groups": "a" }),
                "allowed",
            ),
            (
                json!({ "user": "u", "uid": "1", "a/groups": null }),
                "allowed",
            ),
            (
                json!({ "user": "u", "uid": "1", "a/groups": [1, 2] }),
                "condition_failed",
            ),
            (
                json!({ "user": "u", "uid": "1", "a/groups": ["a", ["b"]] }),
                "condition_failed",
            ),
            (
                json!({ "user": "u", "uid": "1", "a/groups": { "a": 1 } }),
                "condition_failed",
            ),
            (
                json!({ "user": "u", "uid": "1", "a/groups": true }),
                "condition_failed",
            ),
            (
                json!({ "user": "u", "uid": "1", "_claim_names": { "a/groups": "src" } }),
                "condition_failed",
            ),
            (json!({ "user": "u" }), "condition_failed"),
            (json!({ "user": "u", "uid": 7 }), "condition_failed"),
            (json!({ "user": ["admin"], "uid": "1" }), "condition_failed"),
            (json!({ "user": 5, "uid": "1" }), "condition_failed"),
            (json!({ "uid": "1" }), "missing_claim"),
        ],
    )
    .await;
}

#[tokio::test]
async fn expressions_for_the_user_have_to_yield_the_type_that_the_api_server_requires() {
    let (_keys, issuer) = issuer().await;
    let converted = authenticator(
        &issuer,
        "  claimMappings:\n    username: { expression: claims.user }\n    groups: { expression: claims.groups }\n    \
         uid: { expression: claims.uid }\n    extra: [{ key: a.example/x, valueExpression: claims.x }]\n",
    )
    .await;
    let good = json!({ "user": "u", "groups": ["a"], "uid": "1", "x": "y" });
    let but = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        (claims, "condition_failed")
    };
    assert_claims(
        &converted,
        &issuer,
        vec![
            (good.clone(), "allowed"),
            but("user", json!(5)),
            but("user", json!("")),
            but("user", json!(["admin"])),
            but("groups", json!([1])),
            but("groups", json!({ "a": 1 })),
            but("uid", json!(7)),
            but("x", json!([7])),
        ],
    )
    .await;
}

/// To the API server a claim that is null is there.
#[tokio::test]
async fn a_claim_that_is_null_admits_no_token_that_the_api_server_refuses() {
    for (lines, says, cases) in [
        (
            "  claimMappings: { username: { claim: email, prefix: '' } }\n",
            Some("without `email_verified`"),
            vec![
                (json!({ "email": "a@b", "email_verified": true }), "allowed"),
                (
                    json!({ "email": "a@b", "email_verified": null }),
                    "condition_failed",
                ),
                (
                    json!({ "email": "a@b", "email_verified": false }),
                    "condition_failed",
                ),
                (
                    json!({ "email": "a@b", "email_verified": "true" }),
                    "condition_failed",
                ),
            ],
        ),
        (
            "  claimValidationRules: [{ expression: '!has(claims.blocked)' }]\n",
            Some("without blocked"),
            vec![(json!({ "blocked": null }), "condition_failed")],
        ),
        (
            "  claimValidationRules: [{ expression: \"!has(claims.hd) || claims.hd == 'a'\" }]\n",
            Some("without hd"),
            vec![
                (json!({ "hd": "a" }), "allowed"),
                (json!({ "hd": null }), "condition_failed"),
            ],
        ),
        (
            "  claimValidationRules: [{ expression: 'size(claims) < 9' }]\n",
            Some("this expression uses all of them"),
            vec![(json!({}), "denied_by_rule")],
        ),
        (
            "  claimValidationRules: [{ expression: \"has(claims.hd) && claims.hd != 'b'\" }]\n",
            None,
            vec![
                (json!({ "hd": "a" }), "allowed"),
                (json!({ "hd": null }), "condition_failed"),
            ],
        ),
    ] {
        let (_keys, issuer) = issuer().await;
        let converted = authenticator(&issuer, lines).await;
        match says {
            Some(says) => converted.assert_reports("left out: ", &[says]),
            None => assert_eq!(converted.code, 0, "{}", converted.stderr),
        }
        assert_claims(&converted, &issuer, cases).await;
    }
}

/// What `import` puts after the expression would be a part of the comment.
#[tokio::test]
async fn an_expression_can_end_with_a_comment() {
    let (_keys, issuer) = issuer().await;
    let converted = authenticator(
        &issuer,
        "  claimValidationRules:\n  - expression: 'claims.tier == \"gold\" // only \"gold\"'\n  - expression: |\n      // the environment\n      has(claims.env) && // and\n      claims.env != \"https://prod\" // not )\n  \
         claimMappings:\n    username: { expression: 'claims.sub // the subject' }\n    \
         extra: [{ key: a.example/x, valueExpression: 'claims.x // text' }]\n",
    )
    .await;
    assert_eq!(converted.code, 3, "{}", converted.stderr);
    let token = || {
        Token::of(&issuer)
            .claim("aud", "cluster")
            .claim("sub", "ann")
            .claim("x", "y")
    };
    let case = |tier: &str, env: &str| {
        let token = token().claim("tier", tier).claim("env", env);
        with(get("/"), &token)
    };
    converted
        .deciding()
        .await
        .assert_decides(vec![
            ("all hold", case("gold", "test"), "allowed"),
            ("the first fails", case("iron", "test"), "condition_failed"),
            (
                "the second fails",
                case("gold", "https://prod"),
                "condition_failed",
            ),
        ])
        .await;
}

/// In the parentheses that `import` writes, it would become an expression that holds for every token.
#[tokio::test]
async fn a_text_that_is_an_expression_only_in_parentheses_is_left_out() {
    let (_keys, issuer) = issuer().await;
    for lines in [
        "  claimValidationRules: [{ expression: 'claims.x == 1) || (true' }]\n",
        "  claimMappings: { username: { expression: 'claims.x) == string || (true' } }\n",
        "  claimMappings: { username: { claim: sub, prefix: '' }, extra: [{ key: a.example/x, valueExpression: 'claims.x) == int || type(1' }] }\n",
    ] {
        let converted = authenticator(&issuer, lines).await;
        converted.assert_reports("left out: ", &["cannot compile this expression"]);
        let token = Token::of(&issuer)
            .claim("aud", "cluster")
            .claim("sub", "ann");
        converted
            .deciding()
            .await
            .assert_decides(vec![(lines, with(get("/"), &token), "denied_by_rule")])
            .await;
    }
}
