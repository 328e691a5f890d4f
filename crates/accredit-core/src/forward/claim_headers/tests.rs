//! Claims of every JSON type, and the causes for which a header is left out.

use std::borrow::Cow;

use super::{ClaimForm, ClaimHeader, ClaimHeaders, HeaderContent, LeftOut, MappedClaim};
use crate::forward::header_name::HeaderName;
use crate::jose::base64url;
use crate::token::claim_name::ClaimName;
use crate::token::claims::Claims;

fn value_of(claim: &str, form: ClaimForm, claims: &str) -> Option<String> {
    value_or_cause(claim, form, claims).ok()
}

fn scope_claims() -> Vec<ClaimName> {
    ["scopes", "scp", "scope", "realm_access.roles"]
        .map(|name| ClaimName::dotted(name).expect("is a name"))
        .into()
}

fn header(name: &str, claim: &str, form: ClaimForm) -> ClaimHeader {
    let claim = match claim {
        "scopes" => MappedClaim::Scopes,
        name => MappedClaim::Named(ClaimName::dotted(name).expect("is a name")),
    };
    ClaimHeader {
        name: HeaderName::parse(name).expect("is a name"),
        value: HeaderContent::Claim(claim, form),
    }
}

fn claims(text: &str) -> Claims {
    Claims::parse(text.as_bytes()).expect("are claims")
}

fn value_or_cause(claim: &str, form: ClaimForm, text: &str) -> Result<String, LeftOut> {
    header("x-a", claim, form)
        .value
        .text(&claims(text), &scope_claims())
        .map(Cow::into_owned)
}

#[test]
fn claims_of_every_type_are_rendered_as_text() {
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
fn objects_and_claims_in_json_form_keep_their_original_bytes() {
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
fn scopes_of_any_claim_are_joined_by_a_space() {
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
        (
            "scopes",
            r#"{"realm_access":{"roles":["a","b"]}}"#,
            Some("a b"),
        ),
        (
            "realm_access.roles",
            r#"{"realm_access":{"roles":["a","b"]}}"#,
            Some("a b"),
        ),
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
fn a_claim_header_value_has_at_most_8_kib() {
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

/// CONTRACT 2.5.6, 4.10.2
#[test]
fn an_omitted_claim_header_has_a_cause() {
    let long = "a".repeat(8193);
    for (value, cause) in [
        ("null", LeftOut::NotInToken),
        (r#""""#, LeftOut::Empty),
        ("[]", LeftOut::Empty),
        (r#""a\tb""#, LeftOut::ControlCharacter),
        (r#""a\u0085""#, LeftOut::ControlCharacter),
        (r#"" a""#, LeftOut::OuterSpace),
        (r#"["a","b,c"]"#, LeftOut::SeparatorInElement(',')),
        (r#"["a",""]"#, LeftOut::EmptyElement),
        (r#"["a",null]"#, LeftOut::NestedElement),
        (r#"["a",{}]"#, LeftOut::NestedElement),
        (&format!("\"{long}\""), LeftOut::TooLong(8193)),
    ] {
        let text = format!(r#"{{"c":{value}}}"#);
        assert_eq!(
            value_or_cause("c", ClaimForm::Text, &text),
            Err(cause),
            "{value}"
        );
    }
    for (text, cause) in [
        ("{}", LeftOut::NotInToken),
        (r#"{"scope":["a b"]}"#, LeftOut::SeparatorInElement(' ')),
        (r#"{"scopes":5,"scope":"a"}"#, LeftOut::NotScopes),
    ] {
        assert_eq!(
            value_or_cause("scopes", ClaimForm::Text, text),
            Err(cause),
            "{text}"
        );
    }
}

/// CONTRACT 4.10.4
#[test]
fn claim_headers_beyond_the_total_limit_are_omitted_with_a_cause() {
    let text = |length: usize| "a".repeat(length);
    let claims = claims(&format!(
        r#"{{"a":"{}","b":"{}","c":"{}","d":"{}","e":"x"}}"#,
        text(8192),
        text(8192),
        text(8000),
        text(8192)
    ));
    let names = ["a", "b", "c", "d", "e"];
    let headers = names.map(|name| header(&format!("x-{name}"), name, ClaimForm::Text));
    let payload = HeaderName::parse("x-payload").expect("is a name");
    let left_out = ClaimHeaders::new(headers.into()).left_out(&claims, &[], Some(&payload));
    let left_out: Vec<_> = left_out
        .iter()
        .map(|header| (header.name.as_str(), header.cause.clone()))
        .collect();
    assert_eq!(
        left_out,
        [("x-d", LeftOut::NoRoom), ("x-payload", LeftOut::NoRoom)]
    );
}

/// CONTRACT 4.10.2
#[test]
fn each_rendered_value_keeps_the_name_of_its_header() {
    let rendered = |text: &str, payload: Option<&HeaderName>| -> Vec<(String, String)> {
        let claims = claims(text);
        let headers =
            ["a", "b", "c"].map(|name| header(&format!("x-{name}"), name, ClaimForm::Text));
        let headers = ClaimHeaders::new(headers.into());
        let rendered = headers.render(&claims, &[], payload);
        let set: Vec<_> = rendered
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.to_owned()))
            .collect();
        for name in ["x-a", "x-b", "x-c", "x-payload", "x-d", ""] {
            let is_set = set.iter().any(|(own, _)| own == name);
            assert_eq!(rendered.contains(name), is_set, "{name}");
        }
        set
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let payload = HeaderName::parse("x-payload").expect("is a name");
    let text = r#"{"a":"grüße","b":"","c":["1","ö"]}"#;
    let (first, last) = (pair("x-a", "grüße"), pair("x-c", "1,ö"));
    assert_eq!(rendered(text, None), [first.clone(), last.clone()]);
    let encoded = pair("x-payload", &base64url::encode(text.as_bytes()));
    assert_eq!(rendered(text, Some(&payload)), [first, last, encoded]);
    assert_eq!(rendered("{}", None), []);
    let long = format!(
        r#"{{"b":"{}","c":"{}","d":"{}"}}"#,
        "b".repeat(8192),
        "c".repeat(8192),
        "d".repeat(8192)
    );
    let names: Vec<_> = rendered(&long, Some(&payload))
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["x-b", "x-c"], "the payload has no room");
}

/// CONTRACT 3.7.6
#[test]
fn a_claim_in_the_form_json_text_is_ascii_json() {
    let claims = r#"{"c":{"a" : [1.0, "grüße"],
        "b":null},"l":["a", 12345678901234567890],"s":"x","n":null}"#;
    for (claim, expected) in [
        (
            "c",
            Some(r#"{"a":[1.0,"gr\u00fc\u00dfe"],"b":null}"#.to_owned()),
        ),
        ("l", Some(r#"["a",12345678901234567890]"#.to_owned())),
        ("s", Some(r#""x""#.to_owned())),
        ("n", None),
    ] {
        assert_eq!(
            value_of(claim, ClaimForm::JsonText, claims),
            expected,
            "{claim}"
        );
    }
}
