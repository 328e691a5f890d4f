//! Tokens that are bound to a key (RFC 9449): each property of a proof, on a token that is verified and on one that is cached.

use serde_json::{Value, json};

use crate::support::check_request::{ClientRequest, HEADER_FORMS};
use crate::support::keys::{ed25519, p256, p384, rsa};
use crate::support::proof::proof;
use crate::support::service::Service;
use crate::support::token::{Token, now, with_bad_signature};

use super::place::{ISSUER, URL, bound, client_request, configuration, good_proof};

const ALGS: &str = "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA";

#[tokio::test]
async fn a_bound_token_is_admitted_with_a_proof_of_its_key() {
    let service = Service::ready(&configuration("", "")).await;
    let envoy = service.envoy().await;
    for (key, alg) in [
        (p256(0), "ES256"),
        (p384(), "ES384"),
        (rsa(1), "RS256"),
        (rsa(1), "PS512"),
        (ed25519(), "EdDSA"),
    ] {
        let token = bound(key);
        for header_form in HEADER_FORMS {
            let proof = proof(key, alg, ("GET", URL), &token).signed(key);
            let answer = envoy
                .check(client_request(&token, &proof).message_in(header_form))
                .await;
            assert_eq!(answer.reason(), "allowed", "{alg}: {answer:?}");
        }
    }
    let token = bound(p256(0));
    let lower = ClientRequest::plain()
        .header("authorization", format!("dpop {token}"))
        .header("dpop", good_proof(&token).signed(p256(0)));
    assert_eq!(envoy.check(lower).await.reason(), "allowed");
}

#[tokio::test]
async fn each_wrong_property_of_a_proof_refuses_a_fresh_and_a_cached_token() {
    let service = Service::ready(&configuration("", "")).await;
    let envoy = service.envoy().await;
    let mut private = p256(0).jwk(None);
    private["d"] = json!("AQAB");
    let other_token = bound(p256(1));
    type Change = Box<dyn Fn(Token) -> Token>;
    let header = |name: &'static str, value: Value| -> Change {
        Box::new(move |proof| proof.header(name, value.clone()))
    };
    let claim = |name: &'static str, value: Value| -> Change {
        Box::new(move |proof| proof.claim(name, value.clone()))
    };
    let ath = good_proof(&other_token).claims_text();
    let ath: Value = serde_json::from_str(&ath).unwrap();
    let wrong: Vec<(&str, Change)> = vec![
        ("typ", header("typ", json!("JWT"))),
        ("no typ", Box::new(|proof| proof.without_header("typ"))),
        ("alg none", header("alg", json!("none"))),
        ("alg of another key type", header("alg", json!("RS256"))),
        ("a symmetric alg", header("alg", json!("HS256"))),
        ("crit", header("crit", json!(["htm"]))),
        ("no jwk", Box::new(|proof| proof.without_header("jwk"))),
        ("another jwk", header("jwk", p256(1).jwk(None))),
        ("a private jwk", header("jwk", private)),
        (
            "a symmetric jwk",
            header("jwk", json!({ "kty": "oct", "k": "AA" })),
        ),
        ("htm", claim("htm", json!("POST"))),
        ("htm in lower case", claim("htm", json!("get"))),
        ("no htm", Box::new(|proof| proof.without("htm"))),
        (
            "htu of another path",
            claim("htu", json!("https://api.test/other")),
        ),
        (
            "htu of another host",
            claim("htu", json!("https://evil.test/things")),
        ),
        (
            "htu of another scheme",
            claim("htu", json!("http://api.test/things")),
        ),
        (
            "htu of another port",
            claim("htu", json!("https://api.test:8443/things")),
        ),
        ("htu without scheme", claim("htu", json!("/things"))),
        ("no htu", Box::new(|proof| proof.without("htu"))),
        ("iat too old", claim("iat", json!(now() - 100))),
        ("iat ahead", claim("iat", json!(now() + 100))),
        ("iat a text", claim("iat", json!(now().to_string()))),
        ("no iat", Box::new(|proof| proof.without("iat"))),
        ("ath of another token", claim("ath", ath["ath"].clone())),
        ("no ath", Box::new(|proof| proof.without("ath"))),
        ("no jti", Box::new(|proof| proof.without("jti"))),
        ("an empty jti", claim("jti", json!(""))),
        ("a long jti", claim("jti", json!("x".repeat(1025)))),
        ("jti a number", claim("jti", json!(1))),
    ];
    for cached in [false, true] {
        for (thing, change) in &wrong {
            // Only a good proof puts the token into the cache.
            let token = bound(p256(0));
            if cached {
                let good = good_proof(&token).signed(p256(0));
                assert_eq!(
                    envoy.check(client_request(&token, &good)).await.reason(),
                    "allowed"
                );
            }
            let proof = change(good_proof(&token)).signed(p256(0));
            let answer = envoy.check(client_request(&token, &proof)).await;
            assert_eq!(
                answer.reason(),
                "invalid_proof",
                "{thing}, cached: {cached}"
            );
        }
        let token = bound(p256(0));
        let bad = with_bad_signature(&good_proof(&token).signed(p256(0)));
        assert_eq!(
            envoy.check(client_request(&token, &bad)).await.reason(),
            "invalid_proof"
        );
        for bad in ["x", "a.b", "a.b.c.d", "e30.e30.", "..", "a,b"] {
            let answer = envoy.check(client_request(&token, bad)).await;
            assert_eq!(answer.reason(), "invalid_proof", "{bad}");
        }
        let long = "a".repeat(16 * 1024 + 1);
        assert_eq!(
            envoy.check(client_request(&token, &long)).await.reason(),
            "invalid_proof"
        );
        let good = good_proof(&token).signed(p256(0));
        let twice = client_request(&token, &good).header("dpop", good.clone());
        for header_form in HEADER_FORMS {
            let answer = envoy.check(twice.message_in(header_form)).await;
            assert_eq!(answer.reason(), "invalid_proof", "{header_form:?}");
        }
    }
}

#[tokio::test]
async fn challenges_name_the_scheme_and_whether_the_proof_is_at_fault() {
    let service = Service::ready(&configuration("", "")).await;
    let envoy = service.envoy().await;
    let token = bound(p256(0));
    let challenge = |error: &str, description: &str| {
        format!(
            "DPoP realm=\"api\", error=\"{error}\", error_description=\"{description}\", algs=\"{ALGS}\""
        )
    };
    let dpop =
        |token: &str| ClientRequest::plain().header("authorization", format!("DPoP {token}"));
    let unbound = Token::of(ISSUER);
    let expired = unbound.clone().claim("exp", now() - 100);
    for (client_request, reason, expected) in [
        (
            dpop(&token),
            "missing_proof",
            challenge("invalid_dpop_proof", "the request has no DPoP proof"),
        ),
        (
            client_request(&token, "x"),
            "invalid_proof",
            challenge(
                "invalid_dpop_proof",
                "the proof of possession of the token's key is invalid",
            ),
        ),
        (
            ClientRequest::bearer(&token),
            "unproven_binding",
            format!(
                "Bearer realm=\"api\", error=\"invalid_token\", error_description=\"the token is bound to a key, and \
                 possession of that key was not proven\", DPoP algs=\"{ALGS}\""
            ),
        ),
        (
            dpop(&unbound.signed(rsa(1))),
            "invalid_signature",
            challenge("invalid_token", "the token's signature is invalid"),
        ),
        (
            dpop(&unbound.signed(rsa(0))),
            "invalid_proof",
            challenge(
                "invalid_dpop_proof",
                "the proof of possession of the token's key is invalid",
            ),
        ),
        (
            ClientRequest::bearer(&expired.signed(rsa(0))),
            "expired",
            "Bearer realm=\"api\", error=\"invalid_token\", error_description=\"the token has expired\""
                .to_owned(),
        ),
    ] {
        let answer = envoy.check(client_request).await;
        assert_eq!((answer.reason().as_str(), answer.http), (reason, 401));
        assert_eq!(answer.header("www-authenticate"), Some(expected.as_str()));
    }
}

/// The proof does not help a token in another place: a thief of the token could have sent it there too.
#[tokio::test]
async fn a_bound_token_outside_the_dpop_scheme_is_unproven() {
    let more = "token_sources:\n  - { header: authorization, scheme: Bearer }\n  - { header: x-api-token }\n  - { cookie: session }\n";
    let service = Service::ready(&configuration("", more)).await;
    let token = bound(p256(0));
    let good = good_proof(&token).signed(p256(0));
    for (name, value) in [
        ("authorization", format!("Bearer {token}")),
        ("x-api-token", token.clone()),
        ("cookie", format!("session={token}")),
    ] {
        let client_request = ClientRequest::plain()
            .header(name, value)
            .header("dpop", good.clone());
        assert_eq!(
            service.check(client_request).await.reason(),
            "unproven_binding",
            "{name}"
        );
    }
    // Two schemes are two credentials.
    let both =
        ClientRequest::plain().header("authorization", format!("DPoP {token},Bearer {token}"));
    assert_eq!(service.check(both).await.reason(), "invalid_request");
}

#[tokio::test]
async fn a_configuration_without_bearer_reads_no_dpop() {
    let more = "token_sources: [{ header: x-api-token }]\n";
    let service = Service::ready(&configuration("", more)).await;
    let token = bound(p256(0));
    let good = good_proof(&token).signed(p256(0));
    assert_eq!(
        service.check(client_request(&token, &good)).await.reason(),
        "missing_token"
    );
}

#[tokio::test]
async fn binding_ignore_admits_a_bound_token_in_every_scheme() {
    let service = Service::ready(&configuration("binding: ignore", "")).await;
    let token = bound(p256(0));
    assert_eq!(
        service.check(ClientRequest::bearer(&token)).await.reason(),
        "allowed"
    );
    assert_eq!(
        service.check(client_request(&token, "x")).await.reason(),
        "allowed"
    );
}

#[tokio::test]
async fn a_confirmation_that_cannot_be_checked_stays_unproven() {
    let service = Service::ready(&configuration("", "")).await;
    for cnf in [
        json!({}),
        json!({ "kid": "k" }),
        json!({ "jwk": p256(0).jwk(None) }),
        json!({ "jkt": "short" }),
    ] {
        let token = Token::of(ISSUER).claim("cnf", cnf.clone()).signed(rsa(0));
        let good = good_proof(&token).signed(p256(0));
        for client_request in [client_request(&token, &good), ClientRequest::bearer(&token)] {
            assert_eq!(
                service.check(client_request).await.reason(),
                "unproven_binding",
                "{cnf}"
            );
        }
    }
}

#[tokio::test]
async fn the_token_of_a_dpop_request_can_be_removed() {
    let service = Service::ready(&configuration("", "forward_token: false\n")).await;
    let token = bound(p256(0));
    let good = good_proof(&token).signed(p256(0));
    let answer = service.check(client_request(&token, &good)).await;
    assert_eq!(answer.reason(), "allowed");
    assert!(answer.removes("authorization"), "{answer:?}");
}
