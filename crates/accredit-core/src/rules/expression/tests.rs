//! What is declared, what is bounded, and what is read.

use super::{Expression, ExpressionError, MAX_LENGTH};

fn error(text: &str) -> ExpressionError {
    match Expression::parse(text) {
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
        assert!(Expression::parse(text).is_ok(), "{text}: {:?}", error(text));
    }
    let undeclared = |name: &str| ExpressionError::UndeclaredName(name.into());
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
    assert_eq!(
        error("claims.a.lower() == 'a'"),
        ExpressionError::UnknownFunction("lower".into())
    );
}

#[test]
fn what_is_unbounded_is_refused() {
    let nested = |depth: usize| {
        format!(
            "{}true{}",
            "claims.a.all(x, ".repeat(depth),
            ")".repeat(depth)
        )
    };
    assert!(Expression::parse(&nested(2)).is_ok());
    assert_eq!(error(&nested(3)), ExpressionError::TooDeep);
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
    assert!(Expression::parse(&format!("{}true{}", "(".repeat(2000), ")".repeat(2000))).is_err());
}

#[test]
fn it_is_known_what_an_expression_reads() {
    let reads = |text: &str| {
        let reads = Expression::parse(text).expect("is one").reads();
        (reads.host(), reads.path())
    };
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
    let expression = Expression::parse("claims.a == 1 && 'x' in scopes").expect("is one");
    assert!(expression.reads().variable("claims") && expression.reads().variable("scopes"));
    assert!(!expression.reads().variable("request") && !expression.reads().variable("now"));
}
