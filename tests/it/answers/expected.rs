//! What a refusal has to be, and tokens that are good but for one thing.

use serde_json::json;

use crate::support::answer::Answer;
use crate::support::keys::{p256, rsa, set};
use crate::support::service::inline_issuer;
use crate::support::token::{Token, now, signed_text};

pub(super) const ISSUER: &str = "https://issuer.test";

/// One issuer, keys inline: `k` is RSA, `e` is P-256.
pub(super) fn configuration(lines: &str, more: &str) -> String {
    let keys = set([rsa(0).jwk("k"), p256(0).jwk("e")]);
    format!("issuers:\n{}{more}", inline_issuer(ISSUER, &keys, lines))
}

/// Requirements of the issuer entry that `flawed` tokens do not meet.
pub(super) const DEMANDS: &str = "max_lifetime: 2h\nclaims: { tier: [gold, platinum] }";

/// What a refusal has to be, but for its `Retry-After`.
pub(super) struct Expected {
    pub(super) reason: &'static str,
    pub(super) code: i32,
    pub(super) http: i32,
    pub(super) error: &'static str,
    pub(super) challenge: Option<&'static str>,
    pub(super) details: Option<&'static str>,
}

pub(super) fn expected(reason: &'static str) -> Expected {
    let (code, http, error, challenge) = match reason {
        "missing_token" => (16, 401, "Missing authorization token", Some("")),
        "invalid_request" => (3, 400, "Invalid request", Some("invalid_request")),
        "keys_unavailable" | "key_pending" | "overloaded" | "internal_error" => {
            (14, 503, "Authorization temporarily unavailable", None)
        }
        _ => (16, 401, "Invalid token", Some("invalid_token")),
    };
    let details = match reason {
        "invalid_request" => {
            Some("the request has more than one credential, or its credential is ambiguous")
        }
        "malformed_token" => Some("the token is not a well-formed JWT"),
        "unknown_issuer" => Some("the token's issuer is not accepted"),
        "unsupported_algorithm" => Some("the token's signature algorithm is not accepted"),
        "invalid_type" => Some("the token's type is not accepted"),
        "unknown_key" => Some("the token's signing key is unknown"),
        "invalid_signature" => Some("the token's signature is invalid"),
        "unproven_binding" => {
            Some("the token is bound to a key, and possession of that key was not proven")
        }
        "expired" => Some("the token has expired"),
        "not_yet_valid" => Some("the token is not valid yet"),
        "invalid_audience" => Some("the token's audience is not accepted"),
        "missing_claim" => Some("the token lacks a required claim"),
        "lifetime_too_long" => Some("the token's lifetime is too long"),
        "invalid_claim" => Some("a claim of the token has none of the accepted values"),
        _ => None,
    };
    Expected {
        reason,
        code,
        http,
        error,
        challenge,
        details,
    }
}

impl Expected {
    pub(super) fn without_details(self) -> Expected {
        Expected {
            details: None,
            ..self
        }
    }

    pub(super) fn assert(&self, answer: &Answer, realm: &str) {
        let shown = format!("{}: {answer:?}", self.reason);
        assert_eq!(answer.reason(), self.reason, "{shown}");
        assert_eq!(
            (answer.code, answer.http),
            (self.code, self.http),
            "{shown}"
        );
        let body = match self.details {
            Some(details) => format!(r#"{{"error":"{}","details":"{details}"}}"#, self.error),
            None => format!(r#"{{"error":"{}"}}"#, self.error),
        };
        // The members' order is ours to choose; what they say is not.
        let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("is JSON");
        assert_eq!(parse(&answer.body), parse(&body), "{shown}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/json"),
            "{shown}"
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{shown}");
        let challenge = self.challenge.map(|error| match (error, self.details) {
            ("", _) => format!("Bearer realm=\"{realm}\""),
            (error, None) => format!("Bearer realm=\"{realm}\", error=\"{error}\""),
            (error, Some(details)) => format!(
                "Bearer realm=\"{realm}\", error=\"{error}\", error_description=\"{details}\""
            ),
        });
        assert_eq!(
            answer.header("www-authenticate"),
            challenge.as_deref(),
            "{shown}"
        );
        assert_eq!(answer.retry_after().is_some(), self.http == 503, "{shown}");
        assert!(
            answer.retry_after().is_none_or(|seconds| seconds >= 1),
            "{shown}"
        );
        assert_eq!(answer.header("grpc-status"), None, "{shown}");
    }
}

/// A token that is good but for one thing.
pub(super) fn flawed(reason: &str) -> Vec<(&'static str, String)> {
    let good = || Token::of(ISSUER).claim("tier", "gold");
    let by = rsa(0);
    match reason {
        "malformed_token" => vec![
            ("no JWT", "abc".to_owned()),
            ("no JWS", "a.b.c.d.e".to_owned()),
            ("no JSON", signed_text("{", "{}", by, "RS256")),
            ("crit", good().header("crit", json!(["exp"])).signed(by)),
            ("exp no date", good().claim("exp", "tomorrow").signed(by)),
            ("nbf no date", good().claim("nbf", -1).signed(by)),
            ("iat no date", good().claim("iat", json!([])).signed(by)),
        ],
        "unknown_issuer" => vec![
            ("another", Token::of("https://other.test").signed(by)),
            ("none", good().without("iss").signed(by)),
            (
                "a final slash",
                Token::of("https://issuer.test/").signed(by),
            ),
            ("another case", Token::of("https://ISSUER.test").signed(by)),
        ],
        "unsupported_algorithm" => vec![
            ("not the issuer's", good().alg("RS512").signed(by)),
            ("the kid is of another type", good().kid("e").signed(by)),
        ],
        "invalid_type" => vec![
            ("another", good().header("typ", "dpop+jwt").signed(by)),
            ("empty", good().header("typ", "").signed(by)),
        ],
        "unknown_key" => vec![("kid", good().kid("z").signed(by))],
        "invalid_signature" => vec![
            ("another key's", good().signed(rsa(1))),
            ("of other claims", {
                let (one, other) = (good().signed(by), good().claim("sub", "x").signed(by));
                let (input, _) = one.rsplit_once('.').unwrap();
                let (_, signature) = other.rsplit_once('.').unwrap();
                format!("{input}.{signature}")
            }),
            ("none", {
                let token = good().signed(by);
                format!("{}.", token.rsplit_once('.').unwrap().0)
            }),
        ],
        "unproven_binding" => vec![
            ("jkt", good().claim("cnf", json!({ "jkt": "x" })).signed(by)),
            ("empty", good().claim("cnf", json!({})).signed(by)),
        ],
        "expired" => vec![("exp", good().claim("exp", now() - 31).signed(by))],
        "not_yet_valid" => vec![
            ("nbf", good().claim("nbf", now() + 90).signed(by)),
            ("iat", good().claim("iat", now() + 90).signed(by)),
        ],
        "invalid_audience" => vec![
            ("another", good().claim("aud", "other").signed(by)),
            ("others", good().claim("aud", json!(["a", "b"])).signed(by)),
            ("empty", good().claim("aud", json!([])).signed(by)),
            ("empty text", good().claim("aud", "").signed(by)),
            ("absent", good().without("aud").signed(by)),
        ],
        "missing_claim" => vec![
            ("exp", good().without("exp").signed(by)),
            ("exp null", good().claim("exp", json!(null)).signed(by)),
            ("sub", good().without("sub").signed(by)),
            ("sub null", good().claim("sub", json!(null)).signed(by)),
            ("sub empty", good().claim("sub", "").signed(by)),
            ("iat, for the lifetime", good().without("iat").signed(by)),
        ],
        "lifetime_too_long" => vec![("by a second", {
            let start = now() - 60;
            good()
                .claim("iat", start)
                .claim("exp", start + 7201)
                .signed(by)
        })],
        "invalid_claim" => vec![
            ("another value", good().claim("tier", "silver").signed(by)),
            ("another case", good().claim("tier", "Gold").signed(by)),
            (
                "an array of others",
                good().claim("tier", json!(["silver"])).signed(by),
            ),
            (
                "an object",
                good().claim("tier", json!({ "gold": 1 })).signed(by),
            ),
            ("null", good().claim("tier", json!(null)).signed(by)),
            ("absent", good().without("tier").signed(by)),
        ],
        _ => panic!("{reason}"),
    }
}

/// The reasons that a token alone can have, in the contract's order.
pub(super) const REASONS: [&str; 13] = [
    "malformed_token",
    "unknown_issuer",
    "unsupported_algorithm",
    "invalid_type",
    "unknown_key",
    "invalid_signature",
    "unproven_binding",
    "expired",
    "not_yet_valid",
    "invalid_audience",
    "missing_claim",
    "lifetime_too_long",
    "invalid_claim",
];
