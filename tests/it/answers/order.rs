//! Which of two reasons is said.

use serde_json::json;

use crate::support::check_request::ClientRequest;
use crate::support::issuer::KeyServer;
use crate::support::keys::{rsa, set};
use crate::support::service::{Service, issuer_at};
use crate::support::token::{Token, now};

use super::expected::{DEMANDS, ISSUER, configuration, expected};

/// Two flaws at once, by the earlier of the two in the contract's order.
#[tokio::test]
async fn the_first_failed_step_gives_the_reason() {
    let service = Service::ready(&configuration(DEMANDS, "")).await;
    let envoy = service.envoy().await;
    type Flaw = (&'static str, fn(Token) -> Token);
    let flaws: [Flaw; 13] = [
        ("malformed_token", |token| token.header("crit", json!([]))),
        ("unknown_issuer", |token| {
            token.claim("iss", "https://other.test")
        }),
        ("unsupported_algorithm", |token| token.alg("HS256")),
        ("invalid_type", |token| token.header("typ", "x")),
        ("invalid_signature", |token| token),
        ("unproven_binding", |token| token.claim("cnf", json!({}))),
        ("expired", |token| token.claim("exp", now() - 100)),
        ("not_yet_valid", |token| token.claim("nbf", now() + 100)),
        ("not_yet_valid", |token| token.claim("iat", now() + 100)),
        ("invalid_audience", |token| token.claim("aud", "other")),
        ("missing_claim", |token| token.without("sub")),
        ("lifetime_too_long", |token| {
            token.claim("exp", now() + 90_000)
        }),
        ("invalid_claim", |token| token.claim("tier", "silver")),
    ];
    for (first, (reason, earlier)) in flaws.iter().enumerate() {
        for (other, later) in flaws.iter().skip(first + 1) {
            if (*reason, *other) == ("expired", "lifetime_too_long") {
                continue; // Both are said by `exp`.
            }
            let bad_signature = [*reason, *other].contains(&"invalid_signature");
            let key = if bad_signature { rsa(1) } else { rsa(0) };
            let answer = envoy
                .check(ClientRequest::bearer(
                    &earlier(later(Token::of(ISSUER).claim("tier", "gold"))).signed(key),
                ))
                .await;
            assert_eq!(answer.reason(), *reason, "{reason} and {other}");
        }
    }
}

/// Step 20 comes after the key, unlike the steps 14 to 19 (CONTRACT 4.1.3).
#[tokio::test]
async fn without_a_key_the_values_of_claims_are_not_judged() {
    let service = Service::ready(&configuration(DEMANDS, "")).await;
    let token = Token::of(ISSUER).claim("tier", "silver").kid("retired");
    let answer = service
        .check(ClientRequest::bearer(&token.signed(rsa(1))))
        .await;
    expected("unknown_key").assert(&answer, "api");
}

/// Without a key, what the claims say comes before what is said of keys, and costs no fetch.
#[tokio::test]
async fn without_a_key_the_claims_give_the_reason_and_cause_no_fetch() {
    let server = KeyServer::with_keys(set([rsa(0).jwk("k")])).await;
    let service = Service::ready(&issuer_at(&server, "max_lifetime: 2h")).await;
    let envoy = service.envoy().await;
    let token = || Token::of(&server.url("")).kid("retired");
    let cases = [
        ("expired", token().claim("exp", now() - 100)),
        ("not_yet_valid", token().claim("nbf", now() + 100)),
        ("not_yet_valid", token().claim("iat", now() + 100)),
        ("malformed_token", token().claim("exp", "x")),
        ("missing_claim", token().without("exp")),
        ("invalid_audience", token().claim("aud", "x")),
        ("missing_claim", token().without("sub")),
        ("lifetime_too_long", token().claim("exp", now() + 90_000)),
    ];
    for (reason, token) in cases {
        let answer = envoy
            .check(ClientRequest::bearer(&token.signed(rsa(1))))
            .await;
        expected(reason).assert(&answer, "api");
    }
    assert_eq!(server.count("/keys"), 1, "none of these was worth a fetch");
}
