//! Conditions that hold, fail, and are too large.

use super::{Condition, MAX_MEMBERS, Variables};
use crate::rules::expression::Expression;
use crate::token::claims::Claims;

fn holds_for(text: &str, claims: Option<&str>) -> bool {
    let claims = claims.map(|claims| Claims::parse(claims.as_bytes()).expect("are claims"));
    let headers = [("x-a".to_owned(), "1,2".to_owned())];
    let input = Variables {
        claims: claims.as_ref(),
        scopes: &["read", "write"],
        method: "GET",
        host: "api.example",
        path: "/a/b c",
        query: "x=1",
        headers: &headers,
        source_address: "10.0.0.1",
        source_principal: "spiffe://a/b",
        context: &[("tier", "internal")],
        now: 1_700_000_000.5,
    };
    let condition = Condition::new(Expression::parse(text).expect(text), None);
    condition.holds(&input)
}

const CLAIMS: &str = r#"{"aud":"one","n":5,"big":9007199254740993,"huge":1e30,"f":1.5,"b":true,"null":null,
    "s":"text","l":["a","b"],"o":{"environment":"production_us"},"many":[0,1,2]}"#;

#[test]
fn every_variable_and_function_is_there() {
    for text in [
        "claims.o.environment == 'production_us'",
        "claims.aud == ['one']",
        "claims.n == 5 && claims.n > 4",
        "claims.big == 9007199254740993",
        "claims.huge > 1e29",
        "claims.f == 1.5",
        "claims.b",
        "claims['null'] == null",
        "'a' in claims.l && !('c' in claims.l)",
        "has(claims.s) && !has(claims.absent)",
        "size(claims.l) == 2 && claims.l.size() == 2",
        "claims.s.startsWith('te') && claims.s.endsWith('xt') && claims.s.contains('ex')",
        "claims.s.matches('^t.xt$')",
        "claims.l.exists(x, x == 'a') && claims.l.all(x, x != 'z') && claims.l.exists_one(x, x == 'b')",
        "claims.l.map(x, x + '!') == ['a!', 'b!'] && claims.l.filter(x, x == 'a') == ['a']",
        "claims.o.all(k, k == 'environment')",
        "'read' in scopes && scopes.size() == 2",
        "request.method == 'GET' && request.host == 'api.example' && request.path == '/a/b c'",
        "request.query == 'x=1' && request.headers['x-a'] == '1,2'",
        "source.address == '10.0.0.1' && source.principal == 'spiffe://a/b'",
        "context.tier == 'internal'",
        "now > timestamp('2023-11-14T00:00:00Z') && now < timestamp('2023-11-15T00:00:00Z')",
        "timestamp('2023-11-14T00:00:00Z') + duration('1h') < now",
        "now.getFullYear() == 2023 && now.getMonth() == 10 && now.getDate() == 14 && now.getDayOfMonth() == 13",
        "now.getDayOfWeek() == 2 && now.getDayOfYear() > 300 && now.getHours() == 22",
        "now.getMinutes() == 13 && now.getSeconds() == 20 && now.getMilliseconds() == 500",
        "int('5') == 5 && uint(5) == 5u && double('1.5') == 1.5 && string(5) == '5' && bool('true')",
        "bytes('a') == b'a' && dyn(1) == 1 && type(1) == int",
        "(claims.n % 2 == 1 ? 'odd' : 'even') == 'odd' && -claims.n == 0 - 5 && 6 / 2 * 3 == 9",
    ] {
        assert!(holds_for(text, Some(CLAIMS)), "{text}");
    }
}

#[test]
fn what_fails_or_is_no_boolean_refuses() {
    for text in [
        "claims.absent == 1",
        "claims.o.absent.deeper",
        "claims.s",
        "1",
        "null",
        "claims.s + 1 == 2",
        "claims.n / 0 == 1",
        "claims.s == 5",
        "false",
        "!claims.b",
        "timestamp('nonsense') < now",
    ] {
        assert!(!holds_for(text, Some(CLAIMS)), "{text}");
    }
}

#[test]
fn without_a_token_there_are_no_claims() {
    assert!(holds_for("!has(claims.sub) && claims.size() == 0", None));
    assert!(!holds_for("claims.sub == 'x'", None));
}

#[test]
fn a_comprehension_goes_over_so_many_members_and_no_more() {
    let claims = |members: usize| format!(r#"{{"l":[{}]}}"#, vec!["1"; members].join(","));
    assert!(holds_for(
        "claims.l.all(x, x == 1)",
        Some(&claims(MAX_MEMBERS))
    ));
    assert!(!holds_for(
        "claims.l.all(x, x == 1)",
        Some(&claims(MAX_MEMBERS + 1))
    ));
    assert!(!holds_for(
        "!claims.l.exists(x, x == 2)",
        Some(&claims(MAX_MEMBERS + 1))
    ));
    assert!(!holds_for(
        "true || claims.l.map(x, x).size() > 0 ? claims.l.filter(x, true).size() > 0 : true",
        Some(&claims(MAX_MEMBERS + 1))
    ));
    assert!(
        holds_for("claims.l.size() > 1", Some(&claims(MAX_MEMBERS + 1))),
        "no comprehension"
    );
}
