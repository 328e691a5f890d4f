//! Headers and claims that two readers could read differently.

use serde_json::{Value, json};

use crate::support::keys::rsa;
use crate::support::token::signed_text;

use super::place::place;

#[tokio::test]
async fn token_headers_that_readers_interpret_differently_are_refused() {
    let place = place("").await;
    let claims = place.token().claims_text();
    let good = r#"{"alg":"RS256","kid":"k"}"#;
    let deep = |depth: usize| {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"alg":"RS256","kid":"k","x":{nested}}}"#)
    };
    let cases: Vec<(&str, String, &str)> = vec![
        ("good", good.into(), "allowed"),
        ("white space", format!(" \n{good}\t"), "allowed"),
        (
            "escapes",
            r#"{"\u0061lg":"RS25\u0036","kid":"k"}"#.into(),
            "allowed",
        ),
        (
            "crit",
            r#"{"alg":"RS256","kid":"k","crit":["exp"],"exp":1}"#.into(),
            "malformed_token",
        ),
        (
            "empty crit",
            r#"{"alg":"RS256","kid":"k","crit":[]}"#.into(),
            "malformed_token",
        ),
        (
            "b64 false",
            r#"{"alg":"RS256","kid":"k","b64":false}"#.into(),
            "malformed_token",
        ),
        (
            "b64 true",
            r#"{"alg":"RS256","kid":"k","b64":true}"#.into(),
            "malformed_token",
        ),
        (
            "alg twice",
            r#"{"alg":"RS256","alg":"RS256","kid":"k"}"#.into(),
            "malformed_token",
        ),
        (
            "alg twice, escaped",
            r#"{"alg":"RS256","\u0061lg":"none","kid":"k"}"#.into(),
            "malformed_token",
        ),
        (
            "kid twice",
            r#"{"alg":"RS256","kid":"k","kid":"z"}"#.into(),
            "malformed_token",
        ),
        (
            "twice below",
            r#"{"alg":"RS256","kid":"k","x":[{"y":{"a":1,"a":1}}]}"#.into(),
            "malformed_token",
        ),
        (
            "alg no string",
            r#"{"alg":["RS256"],"kid":"k"}"#.into(),
            "malformed_token",
        ),
        ("no alg", r#"{"kid":"k"}"#.into(), "malformed_token"),
        (
            "kid a number",
            r#"{"alg":"RS256","kid":1}"#.into(),
            "malformed_token",
        ),
        (
            "kid null",
            r#"{"alg":"RS256","kid":null,"typ":null}"#.into(),
            "allowed",
        ),
        ("kid empty", r#"{"alg":"RS256","kid":""}"#.into(), "allowed"),
        (
            "alg null",
            r#"{"alg":null,"kid":"k"}"#.into(),
            "malformed_token",
        ),
        (
            "crit null",
            r#"{"alg":"RS256","kid":"k","crit":null}"#.into(),
            "malformed_token",
        ),
        (
            "b64 null",
            r#"{"alg":"RS256","kid":"k","b64":null}"#.into(),
            "malformed_token",
        ),
        (
            "typ a number",
            r#"{"alg":"RS256","kid":"k","typ":1}"#.into(),
            "malformed_token",
        ),
        ("a mark", format!("\u{feff}{good}"), "malformed_token"),
        ("bytes after", format!("{good}x"), "malformed_token"),
        ("two objects", format!("{good}{good}"), "malformed_token"),
        ("NUL after", format!("{good}\0"), "malformed_token"),
        ("a comment", format!("/**/{good}"), "malformed_token"),
        ("single quotes", good.replace('"', "'"), "malformed_token"),
        (
            "a final comma",
            r#"{"alg":"RS256","kid":"k",}"#.into(),
            "malformed_token",
        ),
        ("an array", "[]".into(), "malformed_token"),
        ("empty", String::new(), "malformed_token"),
        ("deep", deep(63), "allowed"),
        ("too deep", deep(64), "malformed_token"),
        ("far too deep", deep(5_000), "malformed_token"),
    ];
    for (thing, header, reason) in cases {
        place
            .assert(
                &signed_text(header, &claims, rsa(0), "RS256"),
                reason,
                thing,
            )
            .await;
    }
    let latin = [&br#"{"alg":"RS256","kid":"k","x":""#[..], b"\xe9\"}"].concat();
    place
        .assert(
            &signed_text(latin, &claims, rsa(0), "RS256"),
            "malformed_token",
            "not UTF-8",
        )
        .await;
}

#[tokio::test]
async fn claims_that_readers_interpret_differently_are_refused() {
    let place = place("").await;
    let header = r#"{"alg":"RS256","kid":"k"}"#;
    let good = place.token().claims_text();
    let with = |more: &str| format!("{},{more}}}", good.strip_suffix('}').unwrap());
    let instead = |name: &str, value: Value| place.token().claim(name, value).claims_text();
    let cases: Vec<(&str, String, &str)> = vec![
        ("good", good.clone(), "allowed"),
        ("sub twice", with(r#""sub":"admin""#), "malformed_token"),
        (
            "sub twice, escaped",
            with(r#""s\u0075b":"admin""#),
            "malformed_token",
        ),
        (
            "twice below",
            with(r#""x":{"y":[{"z":1,"z":2}]}"#),
            "malformed_token",
        ),
        (
            "twice deep below",
            with(&format!(
                r#""x":{}{{"z":1,"z":2}}{}"#,
                "[".repeat(40),
                "]".repeat(40)
            )),
            "malformed_token",
        ),
        (
            "the same at two depths",
            with(r#""x":{"sub":"y"}"#),
            "allowed",
        ),
        ("a mark", format!("\u{feff}{good}"), "malformed_token"),
        ("bytes after", format!("{good} x"), "malformed_token"),
        ("two objects", format!("{good}{{}}"), "malformed_token"),
        ("NaN", with(r#""x":NaN"#), "malformed_token"),
        ("a leading zero", with(r#""x":01"#), "malformed_token"),
        (
            "half a surrogate",
            with(r#""x":"\ud800""#),
            "malformed_token",
        ),
        (
            "a plain line break",
            with("\"x\":\"a\nb\""),
            "malformed_token",
        ),
        (
            "iss a list",
            instead("iss", json!(["a"])),
            "malformed_token",
        ),
        ("iss null", instead("iss", json!(null)), "unknown_issuer"),
        ("aud a number", instead("aud", json!(1)), "malformed_token"),
        ("aud null", instead("aud", json!(null)), "invalid_audience"),
        (
            "aud with a number",
            instead("aud", json!(["api.test", 1])),
            "malformed_token",
        ),
        (
            "aud an object",
            instead("aud", json!({})),
            "malformed_token",
        ),
        ("cnf null", instead("cnf", json!(null)), "allowed"),
        (
            "cnf a string",
            instead("cnf", json!("x")),
            "malformed_token",
        ),
        (
            "exp text",
            instead("exp", json!("9999999999")),
            "malformed_token",
        ),
        (
            "exp beyond",
            with(r#""x":1"#).replace(r#""exp":"#, r#""exp":1e400,"was":"#),
            "malformed_token",
        ),
        (
            "exp past 9999",
            instead("exp", json!(253_402_300_800_u64)),
            "malformed_token",
        ),
        (
            "exp at the last",
            instead("exp", json!(253_402_300_799_u64)),
            "allowed",
        ),
        ("exp negative", instead("exp", json!(-1)), "malformed_token"),
        ("a string", "\"x\"".into(), "malformed_token"),
        ("empty", String::new(), "malformed_token"),
        (
            "too deep",
            with(&format!(r#""x":{}{}"#, "[".repeat(64), "]".repeat(64))),
            "malformed_token",
        ),
    ];
    for (thing, claims, reason) in cases {
        place
            .assert(&signed_text(header, claims, rsa(0), "RS256"), reason, thing)
            .await;
    }
}
