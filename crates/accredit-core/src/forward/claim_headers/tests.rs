//! Claims of every JSON type, and what is left out.

use super::{ClaimForm, ClaimHeader, MappedClaim};
use crate::forward::header_name::HeaderName;
use crate::jose::base64url;
use crate::token::claim_name::ClaimName;
use crate::token::claims::Claims;

fn value_of(claim: &str, form: ClaimForm, claims: &str) -> Option<String> {
    let claim = match claim {
        "scopes" => MappedClaim::Scopes,
        name => MappedClaim::Named(ClaimName::dotted(name).expect("is a name")),
    };
    let header = ClaimHeader {
        name: HeaderName::parse("x-a").expect("is a name"),
        claim,
        form,
    };
    let scope_claims = ["scopes", "scp", "scope"].map(str::to_owned);
    header.value(
        &Claims::parse(claims.as_bytes()).expect("are claims"),
        &scope_claims,
    )
}

#[test]
fn every_type_as_text() {
    let cases: &[(&str, Option<&str>)] = &[
        (r#""plain text""#, Some("plain text")),
        (r#""grüße""#, Some("grüße")),
        ("12345678901234567890.50", Some("12345678901234567890.50")),
        ("-0", Some("-0")),
        ("1E3", Some("1E3")),
        ("true", Some("true")),
        ("false", Some("false")),
        ("null", None),
        (r#""""#, None),
        ("[]", None),
        (r#"["a","b"]"#, Some("a,b")),
        (r#"["a",1,true]"#, Some("a,1,true")),
        (r#"["a b"]"#, Some("a b")),
        (r#"["a,b"]"#, None),
        (r#"["a",""]"#, None),
        (r#"["a",null]"#, None),
        (r#"["a",["b"]]"#, None),
        (r#"["a",{}]"#, None),
        (r#""a\r\nx-admin: 1""#, None),
        (r#""a\tb""#, None),
        (r#""a\u0000b""#, None),
        (r#""a\u007fb""#, None),
        (r#""a\u0085b""#, None),
        (r#"" a""#, None),
        (r#""a ""#, None),
        (r#"["a","b\n"]"#, None),
    ];
    for (value, expected) in cases {
        assert_eq!(
            value_of("c", ClaimForm::Text, &format!(r#"{{"c":{value}}}"#)).as_deref(),
            *expected,
            "{value}"
        );
    }
    assert_eq!(value_of("c", ClaimForm::Text, "{}"), None);
}

#[test]
fn objects_and_the_json_form_are_the_tokens_own_bytes() {
    let claims = r#"{"c":{"a" : [1.0, "x"]},"l":["a", {"b":2}],"e":[],"n":null}"#;
    assert_eq!(
        value_of("c", ClaimForm::Text, claims),
        Some(base64url::encode(br#"{"a" : [1.0, "x"]}"#))
    );
    assert_eq!(
        value_of("l", ClaimForm::Json, claims),
        Some(base64url::encode(br#"["a", {"b":2}]"#))
    );
    assert_eq!(
        value_of("e", ClaimForm::Json, claims),
        Some(base64url::encode(b"[]"))
    );
    assert_eq!(value_of("n", ClaimForm::Json, claims), None);
}

#[test]
fn scopes_are_joined_by_a_space_whichever_claim_carries_them() {
    let cases: &[(&str, &str, Option<&str>)] = &[
        ("scopes", r#"{"scopes":["a","b"]}"#, Some("a b")),
        ("scopes", r#"{"scope":"a b"}"#, Some("a b")),
        ("scopes", r#"{"scp":["a"],"scope":"z"}"#, Some("a")),
        ("scp", r#"{"scp":["a","b"]}"#, Some("a b")),
        ("scopes", r#"{"scopes":["a b"]}"#, None),
        ("scopes", r#"{"scopes":["admin",5],"scope":"z"}"#, None),
        ("scopes", r#"{"scopes":true}"#, None),
        ("scopes", r#"{"scopes":{"a":"b"}}"#, None),
        ("scp", r#"{"scp":["a",5]}"#, Some("a 5")),
        ("scopes", r#"{"scopes":[]}"#, None),
        ("scopes", "{}", None),
    ];
    for (claim, claims, expected) in cases {
        assert_eq!(
            value_of(claim, ClaimForm::Text, claims).as_deref(),
            *expected,
            "{claim} of {claims}"
        );
    }
}

#[test]
fn a_value_has_a_limit() {
    let of = |length: usize| {
        value_of(
            "c",
            ClaimForm::Text,
            &format!(r#"{{"c":"{}"}}"#, "a".repeat(length)),
        )
    };
    assert_eq!(of(8192).map(|value| value.len()), Some(8192));
    assert_eq!(of(8193), None);
}
