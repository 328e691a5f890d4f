//! What the upstream is told of a token, and what nobody else may tell it.

use serde_json::json;

use super::support::answer::Answer;
use super::support::check_request::{Ask, TELLINGS, Telling};
use super::support::keys::{base64url, rsa, set};
use super::support::service::{Envoy, Service, inline_issuer};
use super::support::token::{Token, signed_text};

const ISSUER: &str = "https://issuer.test";
const HEADER: &str = r#"{"alg":"RS256","kid":"k"}"#;

/// The header that Envoy sets where it admits by itself.
const FAILURE_MODE: &str = "x-envoy-auth-failure-mode-allowed";

struct Place {
    envoy: Envoy,
    _service: Service,
}

async fn place(lines: &str, more: &str) -> Place {
    let keys = set([rsa(0).jwk("k")]);
    let entry = inline_issuer(ISSUER, &keys, lines);
    let service = Service::ready(&format!("issuers:\n{entry}{more}")).await;
    Place {
        envoy: service.envoy().await,
        _service: service,
    }
}

impl Place {
    async fn admitted(&self, ask: Ask, telling: Telling) -> Answer {
        let answer = self.envoy.check(ask.told(telling)).await;
        assert!(answer.is_admission(), "{answer:?}");
        answer
    }

    /// The answer to a token with these further members among its claims, as they stand.
    async fn with_claims(&self, members: &str) -> Answer {
        self.admitted(Ask::bearer(&token_with(members)), Telling::Headers)
            .await
    }
}

fn token_with(members: &str) -> String {
    signed_text(HEADER, claims_with(members), rsa(0), "RS256")
}

fn claims_with(members: &str) -> String {
    let claims = Token::of(ISSUER).claims_text();
    let claims = claims.strip_suffix('}').unwrap();
    format!(
        "{claims}{}{members}}}",
        if members.is_empty() { "" } else { "," }
    )
}

#[tokio::test]
async fn the_default_headers_are_the_contracts() {
    let place = place("", "").await;
    let token = Token::of(ISSUER)
        .claim("client_id", "c1")
        .claim("oid", "org_1")
        .claim("scopes", json!(["a", "b:c"]))
        .claim("custom_claims", json!({ "x": 1 }));
    let answer = place
        .admitted(Ask::bearer(&token.signed(rsa(0))), Telling::Headers)
        .await;
    let set: Vec<_> = answer
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        set,
        [
            ("x-jwt-sub", "someone"),
            ("x-jwt-client-id", "c1"),
            ("x-jwt-org", "org_1"),
            ("x-jwt-scope", "a b:c"),
        ]
    );
    assert_eq!(answer.removed, [FAILURE_MODE]);
    // What the token lacks is removed, whether or not the client has sent it.
    let answer = place.with_claims("").await;
    assert_eq!(answer.headers.len(), 1);
    for name in ["x-jwt-client-id", "x-jwt-org", "x-jwt-scope", FAILURE_MODE] {
        assert!(answer.removes(name), "{name}");
    }
}

#[tokio::test]
async fn claims_of_every_type() {
    let place = place("claim_headers: { x-c: c }", "").await;
    let object = |text: &str| Some(base64url(text));
    let cases: Vec<(&str, Option<String>)> = vec![
        (r#""plain""#, Some("plain".into())),
        (r#""in ner""#, Some("in ner".into())),
        (r#""a\"b\\c,d;e=f""#, Some("a\"b\\c,d;e=f".into())),
        (r#""gr\u00fc\u00dfe""#, Some("grüße".into())),
        ("\"日本\"", Some("日本".into())),
        (r#""\ud83d\ude00""#, Some("😀".into())),
        ("0", Some("0".into())),
        ("-0", Some("-0".into())),
        (
            "12345678901234567890123",
            Some("12345678901234567890123".into()),
        ),
        ("1.10", Some("1.10".into())),
        ("1E+3", Some("1E+3".into())),
        ("true", Some("true".into())),
        ("false", Some("false".into())),
        (r#"["a","b"]"#, Some("a,b".into())),
        (r#"["a",1.0,true]"#, Some("a,1.0,true".into())),
        (r#"["a b","c"]"#, Some("a b,c".into())),
        (r#"["only"]"#, Some("only".into())),
        (r#"{"a" : [1.0, "x"]}"#, object(r#"{"a" : [1.0, "x"]}"#)),
        ("{}", object("{}")),
        // What is no header's value, or another one's.
        ("null", None),
        (r#""""#, None),
        ("[]", None),
        (r#"["a",""]"#, None),
        (r#"["a",null]"#, None),
        (r#"["a",["b"]]"#, None),
        (r#"["a",{}]"#, None),
        (r#"["a,b"]"#, None),
        (r#""a\r\nx-admin: 1""#, None),
        (r#""a\rb""#, None),
        (r#""a\nb""#, None),
        (r#""a\u0000b""#, None),
        (r#""a\tb""#, None),
        (r#""\ta""#, None),
        (r#""a\u007fb""#, None),
        (r#""a\u001bb""#, None),
        (r#"" a""#, None),
        (r#""a ""#, None),
        (r#"["a","b\nc"]"#, None),
        (r#"["a","b "]"#, None),
    ];
    for (value, expected) in cases {
        let answer = place.with_claims(&format!(r#""c":{value}"#)).await;
        assert_eq!(answer.header("x-c"), expected.as_deref(), "{value}");
        assert_eq!(answer.removes("x-c"), expected.is_none(), "{value}");
    }
    let answer = place.with_claims("").await;
    assert!(answer.removes("x-c"));
}

#[tokio::test]
async fn claims_by_every_kind_of_name() {
    let lines = r#"claim_headers:
  x-dotted: custom.environment
  x-deep: a.b.c
  x-literal: ["https://acme.test/roles"]
  x-literal-path: ["https://acme.test/app", "ro.le"]
  x-json: { claim: groups, as: json }
  x-json-text: { claim: sub, as: json }
  x-json-dotted: { claim: custom.list, as: json }
  x-json-literal: { claim: ["g.h"], as: json }
  x-json-null: { claim: nothing, as: json }
  x-scope: scopes"#;
    let place = place(lines, "").await;
    let members = r#""custom":{"environment":"prod","list":[ 1 ]},"a":{"b":{"c":7}},"a.b.c":8,
        "https://acme.test/roles":["r1","r2"],"https://acme.test/app":{"ro.le":"x"},
        "groups":["g1",{"g":2}],"g.h":true,"nothing":null,"scp":["s1","s2"],"scope":"ignored""#;
    let answer = place.with_claims(members).await;
    for (name, expected) in [
        ("x-dotted", Some("prod".to_owned())),
        ("x-deep", Some("7".to_owned())),
        ("x-literal", Some("r1,r2".to_owned())),
        ("x-literal-path", Some("x".to_owned())),
        ("x-json", Some(base64url(r#"["g1",{"g":2}]"#))),
        ("x-json-text", Some(base64url(r#""someone""#))),
        ("x-json-dotted", Some(base64url("[ 1 ]"))),
        ("x-json-literal", Some(base64url("true"))),
        ("x-json-null", None),
        ("x-scope", Some("s1 s2".to_owned())),
    ] {
        assert_eq!(answer.header(name), expected.as_deref(), "{name}");
    }
    assert_eq!(
        answer.header("x-jwt-sub"),
        None,
        "the defaults are replaced"
    );
}

#[tokio::test]
async fn scopes_whichever_claim_carries_them() {
    let place = place("claim_headers: { x-s: scopes }", "").await;
    let cases = [
        (r#""scopes":["a","b"]"#, Some("a b")),
        (r#""scope":"a b""#, Some("a b")),
        (r#""scp":"a""#, Some("a")),
        (r#""scopes":["a"],"scp":"z","scope":"y""#, Some("a")),
        (r#""scopes":null,"scope":"y""#, Some("y")),
        (r#""scopes":[],"scope":"y""#, None),
        (r#""scopes":["a b","c"]"#, None),
        ("", None),
    ];
    for (members, expected) in cases {
        let answer = place.with_claims(members).await;
        assert_eq!(answer.header("x-s"), expected, "{members}");
    }
}

#[tokio::test]
async fn the_payload_is_the_tokens_own_segment() {
    let place = place("", "payload_header: X-Payload\n").await;
    let token = token_with(r#""odd" : { "a":1.0 }"#);
    let answer = place.admitted(Ask::bearer(&token), Telling::Headers).await;
    assert_eq!(answer.header("x-payload"), token.split('.').nth(1));
    let spoofed = Ask::bearer(&token)
        .header("x_payload", "evil")
        .header("x-payload", "evil");
    let answer = place.admitted(spoofed, Telling::HeaderMap).await;
    assert!(answer.removes("x_payload"));
}

#[tokio::test]
async fn a_value_has_a_limit() {
    let place = place("claim_headers: { x-a: a, x-b: b }", "").await;
    let text = |length: usize| "v".repeat(length);
    let sized = |a: usize, b: usize| format!(r#""a":"{}","b":"{}""#, text(a), text(b));
    let length = |answer: &Answer, name: &str| answer.header(name).map(str::len);

    let answer = place.with_claims(&sized(8192, 0)).await;
    assert_eq!(length(&answer, "x-a"), Some(8192));
    let answer = place.with_claims(&sized(8193, 1)).await;
    assert_eq!(
        (length(&answer, "x-a"), length(&answer, "x-b")),
        (None, Some(1))
    );
    assert!(answer.removes("x-a"));
}

#[tokio::test]
async fn beyond_the_sum_the_payload_is_left_out() {
    let lines = "claim_headers: { x-a: a, x-b: a, x-c: b }";
    let place = place(lines, "payload_header: x-payload\n").await;
    let members = |b: usize| format!(r#""a":"{}","b":"{}""#, "v".repeat(7000), "w".repeat(b));
    let sum = |b: usize| 2 * 7000 + b + base64url(claims_with(&members(b))).len();
    let limit = 24 * 1024;
    let fits = (1..2000).rev().find(|b| sum(*b) <= limit).unwrap();
    for (b, carried) in [(fits, true), (fits + 1, false)] {
        let answer = place.with_claims(&members(b)).await;
        for name in ["x-a", "x-b", "x-c"] {
            assert!(answer.header(name).is_some(), "{name} with {b}");
        }
        assert_eq!(answer.header("x-payload").is_some(), carried, "{}", sum(b));
        assert_eq!(answer.removes("x-payload"), !carried);
    }
}

/// Five spellings of each name that a server behind CGI would take for the same.
#[tokio::test]
async fn no_client_speaks_for_a_claim_in_any_spelling() {
    let lines = "claim_headers: { x-jwt-sub: sub, x-acme-org: oid }";
    let more = "strip_headers: [\"x-jwt-*\", x-internal-user]\npayload_header: x-the-payload\n";
    let place = place(lines, more).await;
    let names = [
        ("x-jwt-sub", true),
        ("x-acme-org", false),
        ("x-the-payload", true),
        ("x-internal-user", false),
        ("x-jwt-anything-else", false),
        (FAILURE_MODE, false),
    ];
    let spellings = |name: &str| {
        let mixed = name.replacen('-', "_", 1);
        [
            name.to_owned(),
            name.replace('-', "_"),
            mixed,
            name.replace('-', "."),
            name.replace('-', "~"),
            name.to_uppercase(),
        ]
    };
    let token = Token::of(ISSUER).signed(rsa(0));
    for telling in TELLINGS {
        let mut ask = Ask::bearer(&token)
            .header("accept", "*/*")
            .header("x-jwt", "1")
            .header("xjwtsub", "1")
            .header("x-jwts", "1");
        for (name, _) in names {
            for spelling in spellings(name) {
                ask = ask.header(&spelling, "evil");
            }
        }
        let answer = place.admitted(ask, telling).await;
        for (name, is_set) in names {
            for spelling in spellings(name) {
                let lower = spelling.to_lowercase();
                let overwritten = is_set && lower == name;
                assert_eq!(
                    answer.removes(&lower),
                    !overwritten,
                    "{telling:?} {spelling}: {answer:?}"
                );
                assert_eq!(
                    answer.header(&lower).is_some(),
                    overwritten,
                    "{telling:?} {spelling}"
                );
            }
        }
        for innocent in [
            "accept",
            "authorization",
            "x-jwt",
            "xjwtsub",
            "x-jwts",
            ":path",
            ":method",
        ] {
            assert!(!answer.removes(innocent), "{innocent}");
        }
        let removed: std::collections::HashSet<_> = answer.removed.iter().collect();
        assert_eq!(
            removed.len(),
            answer.removed.len(),
            "twice: {:?}",
            answer.removed
        );
    }
}

/// What another issuer's tokens may set, this one's tokens do not, and the client neither.
#[tokio::test]
async fn headers_of_other_issuers_are_removed_too() {
    let keys = set([rsa(0).jwk("k")]);
    let first = inline_issuer(ISSUER, &keys, "claim_headers: { x-a: sub }");
    let second = inline_issuer("https://other.test", &keys, "claim_headers: { x-b: sub }");
    let service = Service::ready(&format!("issuers:\n{first}{second}strip_headers: []\n")).await;
    for (issuer, set, removed) in [(ISSUER, "x-a", "x-b"), ("https://other.test", "x-b", "x-a")] {
        let ask = Ask::bearer(&Token::of(issuer).signed(rsa(0)))
            .header("x_b", "1")
            .header("x.a", "1");
        let answer = service.check(ask.told(Telling::HeaderMap)).await;
        assert_eq!(answer.header(set), Some("someone"));
        assert_eq!(answer.headers.len(), 1);
        for name in [removed, "x_b", "x.a", FAILURE_MODE] {
            assert!(answer.removes(name), "{name}");
        }
    }
}

#[tokio::test]
async fn the_token_can_be_kept_from_the_upstream() {
    for (line, removed) in [
        ("", false),
        ("forward_token: true\n", false),
        ("forward_token: false\n", true),
    ] {
        let place = place("", line).await;
        let token = Token::of(ISSUER).signed(rsa(0));
        for telling in TELLINGS {
            let answer = place.admitted(Ask::bearer(&token), telling).await;
            assert_eq!(answer.removes("authorization"), removed, "{line}");
        }
    }
}

/// The second answer comes from memory, and says the same, for the headers of its own request.
#[tokio::test]
async fn a_remembered_token_tells_the_same() {
    for more in ["", "token_cache: 0\n"] {
        let place = place("claim_headers: { x-c: c, x-s: sub }", more).await;
        let token = token_with(r#""c":["a","b"]"#);
        for (name, times) in [("x_c", 2), ("x.s", 2)] {
            for _ in 0..times {
                let ask = Ask::bearer(&token).header(name, "evil");
                let answer = place.admitted(ask, Telling::HeaderMap).await;
                assert_eq!(answer.header("x-c"), Some("a,b"));
                assert_eq!(answer.header("x-s"), Some("someone"));
                assert_eq!(answer.removed, [FAILURE_MODE, name]);
                assert_eq!(
                    answer.metadata()["claims"],
                    json!({ "c": ["a", "b"], "sub": "someone" })
                );
            }
        }
    }
}

#[tokio::test]
async fn settings_that_name_a_dangerous_header_are_no_settings() {
    use accredit::config::{load, resolve};
    let refused = |text: &str| {
        let (document, locations) = load::read(text, &|_| None).expect("is well-formed");
        resolve::resolve(&document, locations).is_err()
    };
    let base = format!(
        "issuers:\n{}",
        inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "")
    );
    let dangerous = [
        "host",
        "authorization",
        "cookie",
        "content-length",
        "content_type",
        "transfer-encoding",
        "connection",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "keep-alive",
        "proxy-authorization",
        "forwarded",
        "x-forwarded-for",
        "x_forwarded_for",
        "x-envoy-original-path",
        "x-request-id",
        "traceparent",
        "tracestate",
        "\":path\"",
        "\"a b\"",
    ];
    assert!(!refused(&base));
    for name in dangerous {
        assert!(
            refused(&format!("{base}payload_header: {name}\n")),
            "{name}"
        );
        assert!(
            refused(&format!("{base}strip_headers: [{name}]\n")),
            "{name}"
        );
        assert!(
            refused(&format!("{base}    claim_headers: {{ {name}: sub }}\n")),
            "{name}"
        );
    }
    for prefix in [
        "*",
        "x-*",
        "x-f*",
        "x-forwarded-*",
        "c*",
        "auth*",
        "x_envoy_*",
        "trace*",
    ] {
        assert!(
            refused(&format!("{base}strip_headers: [\"{prefix}\"]\n")),
            "{prefix}"
        );
    }
}
