//! The changes of an admission to the headers of its request.

use accredit_test_support::keys::{rsa, set};
use accredit_test_support::token::Token;
use serde_json::json;

use crate::fake_envoy::FakeEnvoy;

const CONTINUE: u32 = 0;

const ISSUER: &str = "https://changes.test";

/// A configuration whose issuers have these claim headers.
fn envoy(issuers: &[(&str, String)]) -> FakeEnvoy {
    let keys = set([rsa(0).jwk("k")]);
    let issuers = issuers.iter().map(|(issuer, headers)| {
        format!("  - issuer: {issuer}\n    audiences: [api.test]\n    jwks: {{ inline: '{keys}' }}\n    claim_headers: {{ {headers} }}\n")
    });
    FakeEnvoy::start(&format!("issuers:\n{}", issuers.collect::<String>())).unwrap()
}

fn bearer(token: &Token) -> String {
    format!("Bearer {}", token.signed(rsa(0)))
}

/// Envoy's first removal or replacement of a header costs more than adding five.
#[test]
fn only_headers_that_the_request_has_are_replaced_or_removed() {
    let headers = "x-jwt-sub: sub, x-jwt-org: org, x-jwt-env: env, x-jwt-none: none";
    let envoy = envoy(&[(ISSUER, headers.to_owned())]);
    let token = Token::of(ISSUER)
        .claim("org", json!("one"))
        .claim("env", json!(""));
    let authorization = bearer(&token);
    let claims = [("x-jwt-sub", "someone"), ("x-jwt-org", "one")];
    for (sent, replaced) in [
        (&[][..], &[][..]),
        (
            &[("x-jwt-org", "admin"), ("x-jwt-org", "root")],
            &["x-jwt-org"],
        ),
        (&[("x-jwt-none", "admin")], &["x-jwt-none"]),
        (&[("x_jwt_sub", "admin")], &["x_jwt_sub"]),
        (
            &[("x-envoy-auth-failure-mode-allowed", "true")],
            &["x-envoy-auth-failure-mode-allowed"],
        ),
    ] {
        let authorized = [("authorization", &*authorization), ("accept", "*/*")];
        let headers: Vec<_> = authorized.into_iter().chain(sent.iter().copied()).collect();
        let stream = envoy.stream(&headers);
        assert_eq!(stream.request_headers(), CONTINUE);
        for (name, value) in claims {
            assert_eq!(stream.header(name), [value], "{sent:?}");
        }
        for (name, _) in sent {
            assert!(claims.iter().any(|(own, _)| own == name) || stream.header(name).is_empty());
        }
        let ended = stream.end();
        // Not every version of Envoy adds an empty value.
        let without_empty: Vec<_> = ended
            .replaced
            .iter()
            .filter(|name| *name != "x-jwt-env")
            .collect();
        assert_eq!(without_empty, replaced, "{sent:?}");
    }
}

/// The module knows of a limited number of headers whether the request has them.
#[test]
fn any_number_of_claim_headers_is_set_and_removed() {
    let names: Vec<String> = (0..100).map(|number| format!("x-jwt-n{number}")).collect();
    let (unset, own) = names.split_at(50);
    let of_subject = |names: &[String]| {
        let headers: Vec<_> = names.iter().map(|name| format!("{name}: sub")).collect();
        headers.join(", ")
    };
    let other = ("https://other.test", of_subject(unset));
    let envoy = envoy(&[(ISSUER, of_subject(own)), other]);
    let authorization = bearer(&Token::of(ISSUER));
    let headers = names.iter().map(|name| (&**name, "admin"));
    for sends_all in [true, false] {
        let sent = headers.clone().take(if sends_all { 100 } else { 0 });
        let headers: Vec<_> = sent.chain([("authorization", &*authorization)]).collect();
        let stream = envoy.stream(&headers);
        assert_eq!(stream.request_headers(), CONTINUE);
        for name in unset {
            assert_eq!(stream.header(name), [""; 0], "{name}");
        }
        for name in own {
            assert_eq!(stream.header(name), ["someone"], "{name}");
        }
        stream.end();
    }
}
