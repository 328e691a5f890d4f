//! Values of every type, and expressions without a value.

use std::collections::BTreeMap;

use crate::expression::Expression;
use crate::expression::variables::{VariableSet, Variables};
use crate::forward::expression_value;
use crate::forward::left_out::LeftOut;
use crate::jose::base64url;
use crate::token::claims::Claims;

const CLAIMS: &str = r#"{"iss":"https://acme.example","sub":"m2m_1","n":5,"f":1.50,"huge":12345678901234567890,
    "t":true,"null":null,"l":["a",1.0,false],"ids":[12345678901234567890],"o":{"x" : 1},"nested":[["a"]],"comma":["a,b"],
    "roles":["shop-admin","shop-reader","pay-admin"]}"#;

fn value(expression: &str) -> Result<String, LeftOut> {
    let claims = Claims::parse(CLAIMS.as_bytes()).expect("are claims");
    let env = BTreeMap::from([("REGION".to_owned(), "eu".to_owned())]);
    let expression = Expression::parse(expression, VariableSet::Token, &env)
        .unwrap_or_else(|error| panic!("{expression}: {error}"));
    let variables = Variables {
        request: None,
        claims: Some(&claims),
        scopes: vec!["read", "write"],
        issuer: "https://acme.example",
    };
    expression_value::text(&expression.evaluate(&variables)?)
}

/// CONTRACT 3.7.6, 4.10.1
#[test]
fn an_expression_of_a_token_gives_a_value_by_its_type() {
    for (expression, expected) in [
        ("'tenant-' + claims.sub", "tenant-m2m_1"),
        ("'constant'", "constant"),
        ("issuer + '#' + claims.sub", "https://acme.example#m2m_1"),
        ("has(claims.email) ? claims.email : claims.sub", "m2m_1"),
        ("env.REGION", "eu"),
        ("claims.n", "5"),
        ("claims.n + 1", "6"),
        ("5u", "5"),
        ("claims.f", "1.5"),
        ("claims.t && claims.n == 5", "true"),
        ("claims.l", "a,1.0,false"),
        ("claims.ids", "12345678901234567890"),
        ("scopes", "read,write"),
        ("scopes.join(' ')", "read write"),
        (
            "claims.roles.filter(r, r.startsWith('shop-')).map(r, r.substring(5))",
            "admin,reader",
        ),
        ("string(duration('90s'))", "90s"),
    ] {
        assert_eq!(value(expression).as_deref(), Ok(expected), "{expression}");
    }
    for (expression, json) in [
        ("claims.o", r#"{"x" : 1}"#),
        ("claims", CLAIMS),
        ("{}", "{}"),
        (
            r#"{"a": claims.ids, "b": [claims.o, null, 1.5, true], "\"": {}}"#,
            r#"{"a":[12345678901234567890],"b":[{"x" : 1},null,1.5,true],"\"":{}}"#,
        ),
        ("env", r#"{"REGION":"eu"}"#),
    ] {
        let expected = base64url::encode(json.as_bytes());
        assert_eq!(value(expression), Ok(expected), "{expression}");
    }
}

#[test]
fn an_expression_without_a_value_for_a_header_has_a_cause() {
    for (expression, cause) in [
        ("null", LeftOut::Null),
        ("claims.o.x == 2 ? 'a' : null", LeftOut::Null),
        ("claims.huge", LeftOut::InexactNumber),
        ("1.0 / 0.0", LeftOut::InexactNumber),
        ("claims.nested", LeftOut::NestedElement),
        ("[null]", LeftOut::NestedElement),
        ("['']", LeftOut::EmptyElement),
        ("claims.comma", LeftOut::SeparatorInElement(',')),
        ("['a,b']", LeftOut::SeparatorInElement(',')),
        ("b'a'", LeftOut::NoForm("bytes")),
        ("type(1)", LeftOut::NoForm("type")),
        (
            "{1: 2}",
            LeftOut::NoForm("a map with keys that are no strings"),
        ),
        ("{'a': b'x'}", LeftOut::NoForm("bytes")),
    ] {
        assert_eq!(value(expression), Err(cause), "{expression}");
    }
    for expression in [
        "claims.absent",
        "claims['null']",
        "claims.n + 'a'",
        "claims.sub.split('').map(x, claims.sub.split('').map(y, claims.sub))[99]",
    ] {
        let cause = value(expression).expect_err(expression);
        assert!(
            matches!(cause, LeftOut::Expression(_)),
            "{expression}: {cause}"
        );
    }
}

/// A value that is part of itself many times takes little memory, and its text would take all of it.
#[test]
fn the_text_of_a_value_that_repeats_a_part_is_bounded() {
    let doubled = ".map(x, [x, x])".repeat(40);
    assert_eq!(
        value(&format!("{{'a': [claims.sub]{doubled}}}")),
        Err(LeftOut::JsonTooLong)
    );
    let list = format!("[{}]", vec!["x"; 200].join(","));
    let repeated = format!("[claims.sub + '{}'].map(x, {list})[0]", "a".repeat(2_000));
    assert!(matches!(value(&repeated), Err(LeftOut::TooLong(_))));
}

/// CONTRACT 3.7.6
#[test]
fn an_expression_of_a_token_cannot_name_the_request_or_the_time() {
    for name in ["request", "source", "context", "now"] {
        let text = format!("string({name})");
        let error = Expression::parse(&text, VariableSet::Token, &BTreeMap::new());
        let error = error.expect_err(name).to_string();
        assert_eq!(
            error,
            format!("`{name}` is not a variable; the variables are claims, scopes, issuer, env")
        );
    }
    let error = Expression::parse("request.host", VariableSet::Token, &BTreeMap::new());
    assert!(error.is_err());
    assert!(Expression::parse("issuer == ''", VariableSet::Request, &BTreeMap::new()).is_err());
}

#[test]
fn expressions_are_equal_if_they_give_equal_values() {
    let parse = |text, region: &str| {
        let env = BTreeMap::from([("REGION".to_owned(), region.to_owned())]);
        Expression::parse(text, VariableSet::Token, &env).expect(text)
    };
    assert_eq!(parse("env.REGION", "eu"), parse("env.REGION", "eu"));
    assert_ne!(parse("env.REGION", "eu"), parse("env.REGION", "us"));
    assert_ne!(parse("issuer", "eu"), parse("claims.iss", "eu"));
}
