//! Expressions that are refused when the configuration is read, and what an expression reads.

use std::collections::BTreeMap;

use super::{Expression, ExpressionError, MAX_LENGTH};
use crate::expression::variables::VariableSet;

mod adversarial;
mod differential;
mod evaluation;
mod size;
mod subject;

fn parse(text: &str) -> Result<Expression, ExpressionError> {
    let env = [("REGION".to_owned(), "eu".to_owned())];
    Expression::parse(text, VariableSet::Request, &BTreeMap::from(env))
}

fn error(text: &str) -> ExpressionError {
    match parse(text) {
        Err(error) => error,
        Ok(expression) => panic!("accepted {text}: {expression:?}"),
    }
}

#[test]
fn names_are_checked_against_what_is_declared() {
    for text in [
        "claims.a == 1",
        "'ops' in scopes",
        "claims.roles.exists(r, r.startsWith('x'))",
        "claims.a.map(request, request.foo).size() > 0",
        "has(claims.a) && claims.a.matches('^x+$')",
        "now < timestamp('2030-01-01T00:00:00Z')",
        "type(claims.n) == int",
        "source.address == '10.0.0.1' || context.tier == 'x'",
        "request.headers['x-a'] == 'b' ? true : false",
        "{'a': 1}[claims.k] == 1",
        "-claims.n < 5 && !claims.b",
    ] {
        assert!(parse(text).is_ok(), "{text}: {:?}", error(text));
    }
    let undeclared =
        |name: &str| ExpressionError::UndeclaredName(name.into(), VariableSet::Request);
    assert_eq!(error("claim.a == 1"), undeclared("claim"));
    assert_eq!(error("claims.a.exists(r, s == 1)"), undeclared("s"));
    assert_eq!(
        error("claims.a.exists(r, r == 1) && r == 1"),
        undeclared("r")
    );
    assert_eq!(error("int.a == 1"), undeclared("int"));
    assert_eq!(
        error("request.pth == ''"),
        ExpressionError::UndeclaredMember("request.pth".into())
    );
    assert_eq!(
        error("source.port == 1"),
        ExpressionError::UndeclaredMember("source.port".into())
    );
    // An index by a literal text is another form of the same.
    assert_eq!(
        error("request['pth'] == ''"),
        ExpressionError::UndeclaredMember("request.pth".into())
    );
    assert_eq!(
        error("source['port'] == 1"),
        ExpressionError::UndeclaredMember("source.port".into())
    );
    assert_eq!(
        error("env['ZONE'] == 'a'"),
        ExpressionError::UndeclaredEnv("ZONE".into())
    );
    assert_eq!(
        error("claims.a.lower() == 'a'"),
        ExpressionError::UnknownFunction("lower".into())
    );
    assert_eq!(
        error("claims.a.contains() == 'a'"),
        ExpressionError::Arguments("contains".into())
    );
    assert_eq!(
        error("env.ZONE == 'a'"),
        ExpressionError::UndeclaredEnv("ZONE".into())
    );
    for text in [
        "request.headers['X-Debug'] == '1'",
        "!('X-Debug' in request.headers)",
        "'X-Debug' in request['headers']",
        "has(request.headers.Authorization)",
        "request.headers.Authorization == ''",
    ] {
        assert!(
            matches!(error(text), ExpressionError::HeaderName(_)),
            "{text}"
        );
    }
    for text in [
        "'X-Debug' in claims",
        "claims['X'] == 1",
        "'X' == request.headers['x']",
    ] {
        assert!(parse(text).is_ok(), "{text}");
    }
    for text in [
        "claims.?a.orValue(1) == 1",
        "claims[?'a'].hasValue()",
        "a.b{c: 1} == 1",
        "[?claims.a] == []",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn expressions_without_a_bound_are_refused() {
    let nested = |depth: usize| {
        format!(
            "{}true{}",
            "claims.a.all(x, ".repeat(depth),
            ")".repeat(depth)
        )
    };
    assert!(parse(&nested(2)).is_ok());
    assert_eq!(error(&nested(3)), ExpressionError::TooManyComprehensions);
    assert!(matches!(
        error("claims.a.matches(claims.b)"),
        ExpressionError::Regex(_)
    ));
    assert!(matches!(
        error("claims.a.matches('(')"),
        ExpressionError::Regex(_)
    ));
    assert!(matches!(error("1 +"), ExpressionError::Syntax(_)));
    assert!(matches!(error(""), ExpressionError::Syntax(_)));
    assert_eq!(
        error(&format!("true{}", " ".repeat(MAX_LENGTH))),
        ExpressionError::TooLong
    );
}

/// Compiled twice at each level, this would take longer than any test may.
#[test]
fn nested_indexes_are_compiled_once() {
    let text = format!("claims{} == 1", "['a']".repeat(60));
    assert!(parse(&text).is_ok(), "{text}");
}

#[test]
fn reads() {
    let reads = |text: &str| {
        let reads = parse(text).expect("is one").reads();
        (reads.host(), reads.path())
    };
    let reads_method = |text: &str| parse(text).expect("is one").reads().method();
    assert!(reads_method("request.method == 'GET'") && reads_method("request['path'] == ''"));
    assert!(!reads_method("request.path == 'GET'"));
    let reads_address = |text: &str| parse(text).expect("is one").reads().address();
    assert!(reads_address("source.address == ''") && reads_address("source['address'] == ''"));
    assert!(!reads_address("source.principal == ''") && !reads_address("request.path == ''"));
    assert_eq!(reads("request.method == 'GET'"), (false, false));
    assert_eq!(reads("request.path == '/'"), (false, true));
    assert_eq!(reads("request.host == 'a'"), (true, false));
    assert_eq!(reads("request['path'] == '/'"), (true, true));
    assert_eq!(
        reads("claims.x.exists(request, request == 'path')"),
        (false, false)
    );
    assert_eq!(reads("[request].exists(r, r.path == '/')"), (true, true));
    assert_eq!(reads("has(request.path)"), (false, true));
    assert_eq!(reads(".request.path == '/'"), (false, true));
    let expression = parse("claims.a == 1 && 'x' in scopes").expect("is one");
    assert!(expression.reads().variable("claims") && expression.reads().variable("scopes"));
    assert!(!expression.reads().variable("request") && !expression.reads().variable("now"));
}

/// A 4-KiB expression overflowed a worker's stack. Nothing that fits 4 KiB may, neither when it is parsed nor when it is
/// evaluated, and more than 64 levels are an error.
#[test]
fn deep_expressions_are_errors() {
    let repeated = |open: &str, middle: &str, close: &str| {
        let count = (MAX_LENGTH - middle.len()) / (open.len() + close.len());
        format!("{}{middle}{}", open.repeat(count), close.repeat(count))
    };
    for (open, middle, close) in [
        ("(", "true", ")"),
        ("[", "1", "]"),
        ("{1:", "1", "}"),
        ("1+", "1", ""),
        ("1 +(", "1", ")"),
        ("true?true:", "true", ""),
        ("true?(", "true", "):true"),
        ("", "claims", ".a"),
        ("", "claims", "[0]"),
        ("", "claims", ".size()"),
        ("claims[", "0", "]"),
        ("size(", "''", ")"),
        ("''.contains(", "''", ")"),
        ("1==", "1", ""),
        ("1 in[", "1", "]"),
        ("has(claims.", "a", ")"),
        ("[].all(x,", "true", ")"),
        ("[1].map(x,", "x", ")"),
        ("\"", "a", "\""),
        ("`", "a", "`"),
        ("(", "", ""),
        ("[{(", "", ""),
        ("", "", ")"),
        ("?", "", ""),
    ] {
        let text = repeated(open, middle, close);
        assert!(parse(&text).is_err(), "{}", &text[..40]);
    }
    // The parser drops pairs of them.
    for (operator, operand) in [
        ("!", "true"),
        ("! ", "true"),
        ("-", "claims.a"),
        ("- ", "claims.a"),
    ] {
        let _ = parse(&repeated(operator, operand, ""));
    }
    // Chains of `&&` and `||` are one level, however long.
    for operator in ["&&", "||"] {
        let text = vec!["claims.a==1"; 300].join(operator);
        assert!(parse(&text).is_ok(), "{:?}", parse(&text));
    }
    let sum = |terms: usize| format!("{} == 0", vec!["1"; terms].join("+"));
    assert!(parse(&sum(60)).is_ok());
    assert_eq!(error(&sum(70)), ExpressionError::TooDeep);
}
