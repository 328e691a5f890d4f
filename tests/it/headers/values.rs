//! Which values claims have as headers, and which have none.

use serde_json::json;

use crate::support::answer::Answer;
use crate::support::check_request::{ClientRequest, HeaderForm};
use crate::support::keys::{base64url, rsa};
use crate::support::token::Token;

use super::place::{FAILURE_MODE, ISSUER, claims_with, place, token_with};

#[tokio::test]
async fn the_default_claim_headers_are_those_of_the_contract() {
    let place = place("", "").await;
    let token = Token::of(ISSUER)
        .claim("client_id", "c1")
        .claim("oid", "org_1")
        .claim("scopes", json!(["a", "b:c"]))
        .claim("custom_claims", json!({ "x": 1 }));
    let answer = place
        .admitted(
            ClientRequest::bearer(&token.signed(rsa(0))),
            HeaderForm::Headers,
        )
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
async fn claims_of_every_type_become_header_values() {
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
async fn claims_are_found_by_every_kind_of_name() {
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

/// CONTRACT 3.7.6
#[tokio::test]
async fn expressions_and_json_text_give_header_values() {
    let lines = r#"claim_headers:
  x-tenant: { expression: '"tenant-" + claims.oid' }
  x-first: { expression: 'has(claims.client_id) ? claims.client_id : claims.sub' }
  x-roles: { expression: 'claims.roles.filter(r, r.startsWith("shop-"))' }
  x-issuer: { expression: 'issuer' }
  x-scopes: { expression: 'scopes.join("|")' }
  x-limits: { claim: limits, as: json_text }
  x-limits-scopes: { claim: scopes, as: json_text }"#;
    let place = place(lines, "").await;
    let members = r#""oid":"org_1","roles":["shop-a","pay-b","shop-c"],"limits":{"r\u00e4te" : 5, "x":"ü"},"scope":"a b""#;
    // The first check verifies the token, and the second one finds it in the token cache.
    let token = token_with(members);
    for lookup in ["miss", "hit"] {
        let answer = place
            .admitted(ClientRequest::bearer(&token), HeaderForm::Headers)
            .await;
        for (name, expected) in [
            ("x-tenant", "tenant-org_1"),
            ("x-first", "someone"),
            ("x-roles", "shop-a,shop-c"),
            ("x-issuer", ISSUER),
            ("x-scopes", "a|b"),
            ("x-limits", r#"{"r\u00e4te":5,"x":"\u00fc"}"#),
            ("x-limits-scopes", r#""a b""#),
        ] {
            assert_eq!(answer.header(name), Some(expected), "{name} at a {lookup}");
        }
    }
    // A client's own header never stands in for an expression without a value.
    let spoofed = ClientRequest::bearer(&token_with(r#""oid":5,"roles":[]"#))
        .header("x-tenant", "tenant-evil")
        .header("x_roles", "shop-evil");
    let answer = place.admitted(spoofed, HeaderForm::HeaderMap).await;
    for name in ["x-tenant", "x-roles", "x_roles", "x-limits"] {
        assert_eq!(answer.header(name), None, "{name}");
        assert!(answer.removes(name), "{name}");
    }
}

#[tokio::test]
async fn scopes_of_every_scope_claim_become_one_header() {
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
async fn the_payload_header_is_the_payload_segment_of_the_token() {
    let place = place("", "payload_header: X-Payload\n").await;
    let token = token_with(r#""odd" : { "a":1.0 }"#);
    let answer = place
        .admitted(ClientRequest::bearer(&token), HeaderForm::Headers)
        .await;
    assert_eq!(answer.header("x-payload"), token.split('.').nth(1));
    let spoofed = ClientRequest::bearer(&token)
        .header("x_payload", "evil")
        .header("x-payload", "evil");
    let answer = place.admitted(spoofed, HeaderForm::HeaderMap).await;
    assert!(answer.removes("x_payload"));
}

#[tokio::test]
async fn a_claim_header_value_beyond_its_limit_is_left_out() {
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
async fn the_payload_header_is_left_out_beyond_the_total_limit() {
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

/// The second answer comes from the token cache, sets the same headers, and removes those of its own request.
#[tokio::test]
async fn a_cached_token_gives_the_same_headers() {
    for more in ["", "token_cache: 0\n"] {
        let place = place("claim_headers: { x-c: c, x-s: sub }", more).await;
        let token = token_with(r#""c":["a","b"]"#);
        for (name, times) in [("x_c", 2), ("x.s", 2)] {
            for _ in 0..times {
                let request = ClientRequest::bearer(&token).header(name, "evil");
                let answer = place.admitted(request, HeaderForm::HeaderMap).await;
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
