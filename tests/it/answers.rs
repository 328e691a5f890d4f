//! Every reason that is due, with all that its answer says, and the order of reasons where two hold.

use serde_json::json;
use tokio::sync::Semaphore;

use super::support::answer::Answer;
use super::support::check_request::{Ask, TELLINGS};
use super::support::issuer::{Answer as HttpAnswer, KeyServer, Reply};
use super::support::keys::{p256, rsa, set};
use super::support::service::{Service, inline_issuer, issuer_at};
use super::support::token::{Token, now, signed_text};

const ISSUER: &str = "https://issuer.test";

/// One issuer, keys inline: `k` is RSA, `e` is P-256.
fn configuration(lines: &str, more: &str) -> String {
    let keys = set([rsa(0).jwk("k"), p256(0).jwk("e")]);
    format!("issuers:\n{}{more}", inline_issuer(ISSUER, &keys, lines))
}

/// What a refusal has to be, but for its `Retry-After`.
struct Expected {
    reason: &'static str,
    code: i32,
    http: i32,
    error: &'static str,
    challenge: Option<&'static str>,
    details: Option<&'static str>,
}

fn expected(reason: &'static str) -> Expected {
    let (code, http, error, challenge) = match reason {
        "missing_token" => (16, 401, "Missing authorization token", Some("")),
        "invalid_request" => (3, 400, "Invalid request", Some("invalid_request")),
        "keys_unavailable" | "key_pending" | "overloaded" | "internal_error" => {
            (14, 503, "Authorization temporarily unavailable", None)
        }
        _ => (16, 401, "Invalid token", Some("invalid_token")),
    };
    let details = match reason {
        "invalid_request" => Some("the request carries more than one credential"),
        "malformed_token" => Some("the token is not a well-formed JWT"),
        "unknown_issuer" => Some("the token's issuer is not accepted"),
        "unsupported_algorithm" => Some("the token's signature algorithm is not accepted"),
        "invalid_type" => Some("the token's type is not accepted"),
        "unknown_key" => Some("the token's key is unknown"),
        "invalid_signature" => Some("the token's signature is invalid"),
        "unproven_binding" => Some("the token is bound to a proof that was not presented"),
        "expired" => Some("the token has expired"),
        "not_yet_valid" => Some("the token is not valid yet"),
        "invalid_audience" => Some("the token is meant for another audience"),
        "missing_claim" => Some("the token lacks a required claim"),
        "lifetime_too_long" => Some("the token's lifetime is too long"),
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
    fn without_details(self) -> Expected {
        Expected {
            details: None,
            ..self
        }
    }

    fn assert(&self, answer: &Answer, realm: &str) {
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
fn flawed(reason: &str) -> Vec<(&'static str, String)> {
    let good = || Token::of(ISSUER);
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
        _ => panic!("{reason}"),
    }
}

/// The reasons that a token alone can have, in the contract's order.
const REASONS: [&str; 12] = [
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
];

#[tokio::test]
async fn a_token_that_is_good_but_for_one_thing() {
    let service = Service::ready(&configuration("max_lifetime: 2h", "realm: my api\n")).await;
    let envoy = service.envoy().await;
    for reason in REASONS {
        for (thing, token) in flawed(reason) {
            for telling in TELLINGS {
                let answer = envoy.check(Ask::bearer(&token).told(telling)).await;
                eprintln!("{reason}: {thing}");
                expected(reason).assert(&answer, "my api");
            }
        }
    }
    let good = envoy
        .check(Ask::bearer(&Token::of(ISSUER).signed(rsa(0))))
        .await;
    assert!(good.is_admission(), "{good:?}");
}

#[tokio::test]
async fn the_bounds_of_time_belong_to_the_good() {
    let service = Service::ready(&configuration("max_lifetime: 2h", "")).await;
    let envoy = service.envoy().await;
    let good = || Token::of(ISSUER);
    let cases = [
        ("exp within the skew", good().claim("exp", now() - 20)),
        ("nbf within the skew", good().claim("nbf", now() + 20)),
        ("iat within the skew", good().claim("iat", now() + 20)),
        ("nbf null", good().claim("nbf", json!(null))),
        ("nbf absent", good().without("nbf")),
        ("exp a fraction", good().claim("exp", now() as f64 + 0.5)),
        ("the longest lifetime", {
            let start = now() - 60;
            good().claim("iat", start).claim("exp", start + 7200)
        }),
        (
            "aud among others",
            good().claim("aud", json!(["x", "api.test"])),
        ),
        ("typ absent", good().without_header("typ")),
        (
            "typ in another form",
            good().header("typ", "application/AT+jwt"),
        ),
    ];
    for (thing, token) in cases {
        let answer = envoy.check(Ask::bearer(&token.signed(rsa(0)))).await;
        assert!(answer.is_admission(), "{thing}: {answer:?}");
    }
}

#[tokio::test]
async fn requests_without_one_token() {
    let service = Service::ready(&configuration("", "")).await;
    let envoy = service.envoy().await;
    let of = |value: &str| Ask::plain().header("authorization", value);
    for ask in [
        Ask::plain(),
        of(""),
        of("Basic dTpw"),
        of("Bearer"),
        of("Bearer  "),
    ] {
        for telling in TELLINGS {
            expected("missing_token").assert(&envoy.check(ask.told(telling)).await, "api");
        }
    }
    let token = Token::of(ISSUER).signed(rsa(0));
    let twice = Ask::bearer(&token).header("authorization", format!("Bearer {token}"));
    for telling in TELLINGS {
        expected("invalid_request").assert(&envoy.check(twice.told(telling)).await, "api");
    }
}

#[tokio::test]
async fn refusals_can_keep_their_reasons_to_themselves() {
    let more = "error_details: false\n";
    let service = Service::ready(&configuration("max_lifetime: 2h", more)).await;
    let envoy = service.envoy().await;
    for reason in REASONS {
        let (_, token) = flawed(reason).swap_remove(0);
        let answer = envoy.check(Ask::bearer(&token)).await;
        expected(reason).without_details().assert(&answer, "api");
    }
    let several = Ask::plain().header("authorization", "Bearer a,Bearer b");
    let answer = envoy.check(several).await;
    expected("invalid_request")
        .without_details()
        .assert(&answer, "api");
}

#[tokio::test]
async fn issuers_without_keys_ask_for_patience() {
    let server = KeyServer::with_keys(HttpAnswer::of(500, "no")).await;
    let service = Service::start(&issuer_at(&server, ""));
    server.asked("/keys", 1).await;
    let envoy = service.envoy().await;
    let token = Token::of(&server.url(""));
    let answer = envoy.check(Ask::bearer(&token.signed(rsa(0)))).await;
    expected("keys_unavailable").assert(&answer, "api");
    // An old token under a key that nobody has says so.
    let old = token.claim("exp", now() - 100).signed(rsa(0));
    expected("expired").assert(&envoy.check(Ask::bearer(&old)).await, "api");
}

#[tokio::test]
async fn a_key_that_may_be_new_asks_for_patience() {
    let server = KeyServer::with_keys(set([rsa(0).jwk("k")])).await;
    let service = Service::ready(&issuer_at(&server, "")).await;
    let gate = std::sync::Arc::new(Semaphore::new(0));
    let keys = HttpAnswer::of(200, set([rsa(0).jwk("k")]));
    server.serve("/keys", Reply::When(gate.clone(), keys));
    let envoy = service.envoy().await;
    let ask = Ask::bearer(&Token::of(&server.url("")).kid("new").signed(rsa(1)));
    let patience = std::time::Duration::from_secs(2);
    let answer = envoy.check_within(ask, patience).await;
    expected("key_pending").assert(&answer, "api");
    assert!(
        (1..=10).contains(&answer.retry_after().unwrap()),
        "{answer:?}"
    );
    assert_eq!(server.count("/keys"), 2);
    gate.add_permits(9);
}

/// Two flaws at once, by the earlier of the two in the contract's order.
#[tokio::test]
async fn the_first_that_fails_is_the_reason() {
    let service = Service::ready(&configuration("max_lifetime: 2h", "")).await;
    let envoy = service.envoy().await;
    type Flaw = (&'static str, fn(Token) -> Token);
    let flaws: [Flaw; 12] = [
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
    ];
    for (first, (reason, earlier)) in flaws.iter().enumerate() {
        for (other, later) in flaws.iter().skip(first + 1) {
            if (*reason, *other) == ("expired", "lifetime_too_long") {
                continue; // Both are said by `exp`.
            }
            let bad_signature = [*reason, *other].contains(&"invalid_signature");
            let key = if bad_signature { rsa(1) } else { rsa(0) };
            let answer = envoy
                .check(Ask::bearer(&earlier(later(Token::of(ISSUER))).signed(key)))
                .await;
            assert_eq!(answer.reason(), *reason, "{reason} and {other}");
        }
    }
}

/// Without a key, what the claims say comes before what is said of keys, and costs no fetch.
#[tokio::test]
async fn where_no_key_is_found_the_claims_come_first() {
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
        let answer = envoy.check(Ask::bearer(&token.signed(rsa(1)))).await;
        expected(reason).assert(&answer, "api");
    }
    assert_eq!(server.count("/keys"), 1, "none of these was worth a fetch");
}

#[tokio::test]
async fn grpc_clients_get_the_status_that_envoy_would_get_wrong() {
    let service = Service::ready(&configuration("", "")).await;
    let envoy = service.envoy().await;
    let cases = [
        ("application/grpc", Some("3")),
        ("application/grpc+proto", Some("3")),
        ("application/grpc;charset=x", Some("3")),
        ("application/grpc-web", None),
        ("application/grpcx", None),
        ("application/json", None),
    ];
    for (content_type, status) in cases {
        for telling in TELLINGS {
            let several = Ask::plain()
                .header("content-type", content_type)
                .header("authorization", "Bearer a,Bearer b");
            let answer = envoy.check(several.told(telling)).await;
            assert_eq!(
                (answer.http, answer.header("grpc-status")),
                (400, status),
                "{content_type}"
            );
            let none = Ask::plain().header("content-type", content_type);
            let answer = envoy.check(none.told(telling)).await;
            assert_eq!(
                (answer.http, answer.header("grpc-status")),
                (401, None),
                "{content_type}"
            );
        }
    }
}

#[tokio::test]
async fn metadata_tells_of_admissions() {
    let lines = "claim_headers:\n  x-org: oid\n  x-env: custom_claims.environment\n  x-n: n\n  x-big: big\n  x-gone: gone\n  x-scope: scopes\nalgorithms: [RS256, ES256]";
    let service = Service::ready(&configuration(lines, "")).await;
    let expires = now() + 1000;
    let token = Token::of(ISSUER)
        .claim("client_id", "c1")
        .claim("oid", "org_1")
        .claim("custom_claims", json!({ "environment": "prod" }))
        .claim("n", json!([1, 2.5, true, null]))
        .claim("big", 9_007_199_254_740_993_u64)
        .claim("scope", "a b")
        .claim("secret", "kept")
        .claim("exp", expires);
    let answer = service.check(Ask::bearer(&token.signed(rsa(0)))).await;
    assert_eq!(
        answer.metadata(),
        json!({
            "decision": "allow",
            "reason": "allowed",
            "rule": "default",
            "issuer": ISSUER,
            "key_id": "k",
            "subject": "someone",
            "client_id": "c1",
            "scopes": ["a", "b"],
            "expires_at": expires as f64,
            "claims": {
                "oid": "org_1",
                "custom_claims.environment": "prod",
                "n": [1.0, 2.5, true, null],
                "big": "9007199254740993",
                "scopes": "a b",
            },
        })
    );
    let by_other = token.kid("e").alg("ES256").signed(p256(0));
    let answer = service.check(Ask::bearer(&by_other)).await;
    assert_eq!(answer.text("key_id").as_deref(), Some("e"));
}

/// Before its signature has held, a token's words appear only where they are ours too.
#[tokio::test]
async fn metadata_of_refusals_repeats_no_unverified_word() {
    let service = Service::ready(&configuration("", "")).await;
    let envoy = service.envoy().await;
    let good = || Token::of(ISSUER).claim("client_id", "c1");
    let cases = [
        (good().claim("iss", "https://evil.test"), rsa(0), None, None),
        (good().kid("invented"), rsa(0), Some(ISSUER), None),
        (good(), rsa(1), Some(ISSUER), Some("k")),
        (
            good().claim("exp", now() - 100),
            rsa(0),
            Some(ISSUER),
            Some("k"),
        ),
        (good().header("typ", "evil"), rsa(0), Some(ISSUER), None),
    ];
    for (token, key, issuer, key_id) in cases {
        let answer = envoy.check(Ask::bearer(&token.signed(key))).await;
        let mut metadata = json!({
            "decision": "deny",
            "reason": answer.reason(),
            "rule": "default",
        });
        for (name, value) in [("issuer", issuer), ("key_id", key_id)] {
            if let Some(value) = value {
                metadata[name] = value.into();
            }
        }
        assert_eq!(answer.metadata(), metadata);
    }
}
