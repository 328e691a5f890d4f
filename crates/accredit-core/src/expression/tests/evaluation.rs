//! The values, operators and functions of expressions, and why conditions do not hold.

use super::subject::Subject;
use crate::expression::budget::MAX_MEMBERS;
use crate::expression::failure::EvaluationFailure;
use crate::expression::program::Literal;
use crate::expression::value::{Map, Value};

fn failure(text: &str, claims: Option<&str>) -> Option<EvaluationFailure> {
    let subject = Subject {
        claims,
        ..Subject::default()
    };
    subject.failure(text)
}

fn holds_for(text: &str, claims: Option<&str>) -> bool {
    failure(text, claims).is_none()
}

const CLAIMS: &str = r#"{"aud":"one","n":5,"big":9007199254740993,"huge":1e30,"f":1.5,"b":true,"null":null,
    "s":"text","l":["a","b"],"o":{"environment":"production_us","empty":null},"many":[0,1,2]}"#;

#[test]
fn every_variable_and_function() {
    for text in [
        "claims.o.environment == 'production_us'",
        "claims.aud == ['one']",
        "claims.n == 5 && claims.n > 4",
        "claims.big == 9007199254740993",
        "claims.huge > 1e29",
        "claims.f == 1.5",
        "claims.b",
        "!has(claims['null'].x) || true",
        "!('null' in claims) && claims.o.empty == null && has(claims.o.empty)",
        "'a' in claims.l && !('c' in claims.l)",
        "has(claims.s) && !has(claims.absent)",
        "size(claims.l) == 2 && claims.l.size() == 2",
        "claims.s.startsWith('te') && claims.s.endsWith('xt') && claims.s.contains('ex')",
        "claims.s.matches('^t.xt$')",
        "claims.l.exists(x, x == 'a') && claims.l.all(x, x != 'z') && claims.l.exists_one(x, x == 'b')",
        "claims.l.map(x, x + '!') == ['a!', 'b!'] && claims.l.filter(x, x == 'a') == ['a']",
        "claims.o.all(k, k in ['environment', 'empty']) && claims.all(k, k != 'null') && 'aud' in claims",
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
        "env.REGION == 'eu' && has(env.REGION) && size(env) == 1 && env == {'REGION': 'eu'} && 'REGION' in env",
        "env.all(name, env[name] == 'eu')",
        "timestamp('2023-01-01T05:30:00Z').getFullYear('America/Los_Angeles') == 2022",
        "timestamp('2023-01-01T05:30:00Z').getHours('+01:30') == 7",
        "duration('-1h30m') == duration('-5400s') && string(duration('1500ms')) == '1.5s'",
        "string(timestamp('2023-01-01T05:30:00.25+01:00')) == '2023-01-01T04:30:00.250Z'",
        "claims.l.join('-') == 'a-b' && 'a,b,c'.split(',') == ['a', 'b', 'c'] && 'a,b,c'.split(',', 2) == ['a', 'b,c']",
        "'AbÄ'.lowerAscii() == 'abÄ' && 'abä'.upperAscii() == 'ABä' && '  a '.trim() == 'a'",
        "'hello'.replace('l', 'L') == 'heLLo' && 'hello'.replace('l', 'L', 1) == 'heLlo'",
        "'tacocat'.substring(4) == 'cat' && 'äbc'.substring(1, 2) == 'b' && 'äbc'.indexOf('c') == 2",
        "'a'.indexOf('z') == -1 && 'abab'.indexOf('b', 2) == 3",
        "cidr('10.0.0.0/8').containsIP(source.address) && !cidr('10.0.0.0/8').containsIP('11.0.0.1')",
        "cidr('2001:db8::/32').containsIP('2001:db8::1')",
        "cidr('10.0.0.1/8').containsIP('10.9.9.9') && cidr('0.0.0.0/0') != cidr('::/0')",
        "1 == 1.0 && 1u == 1 && 1 < 1.5 && 9007199254740993 != 9007199254740992.0 && 1 != '1'",
        "{'a': [1]} == {'a': [1.0]} && [1, 2] != [2, 1] && b'a' + b'b' == b'ab' && [1] + [2] == [1, 2]",
        "(claims.absent == 1 || true) && !(claims.absent == 1 && false)",
        "claims.l.exists(x, claims.absent == x || x == 'b')",
        "(claims.n % 2 == 1 ? 'odd' : 'even') == 'odd' && -claims.n == 0 - 5 && 6 / 2 * 3 == 9",
    ] {
        assert_eq!(failure(text, Some(CLAIMS)), None, "{text}");
    }
}

#[test]
fn conditions_that_do_not_hold_name_their_cause() {
    let absent = |path: &str| EvaluationFailure::Absent(path.into());
    let mistyped = |operation, operands: &str| EvaluationFailure::Type {
        operation,
        operands: operands.to_owned(),
    };
    for (text, failure) in [
        ("false", EvaluationFailure::False),
        ("!claims.b", EvaluationFailure::False),
        ("claims.s == 5", EvaluationFailure::False),
        ("claims.absent == 1", absent("claims.absent")),
        ("claims['null'] == null", absent("claims[\"null\"]")),
        ("claims.o.absent.deeper", absent("claims.o.absent")),
        ("claims['absent'] == 1", absent("claims[\"absent\"]")),
        (
            "request.headers['x-z'] == ''",
            absent("request.headers[\"x-z\"]"),
        ),
        ("claims[claims.s] == 1", absent("an index")),
        ("context.zone == 'x' || false", absent("context.zone")),
        (
            "claims.l.all(x, x == 'a' && claims.absent)",
            EvaluationFailure::False,
        ),
        ("claims.s", EvaluationFailure::NotBoolean("string")),
        ("1", EvaluationFailure::NotBoolean("int")),
        ("null", EvaluationFailure::NotBoolean("null_type")),
        ("claims.s + 1 == 2", mistyped("`+`", "string and int")),
        ("claims.s < 1", mistyped("`<`", "string and int")),
        ("claims.s.x == 1", mistyped("a member", "string")),
        (
            "claims.n.startsWith('a')",
            mistyped("startsWith", "int and string"),
        ),
        ("claims.n in claims.s", mistyped("`in`", "int and string")),
        ("claims.s && true", mistyped("`&&`", "string")),
        (
            "claims.n / 0 == 1",
            EvaluationFailure::Value("a division by zero"),
        ),
        (
            "claims.big * claims.big == 1",
            EvaluationFailure::Value("a number is out of range"),
        ),
        (
            "claims.l[2] == 'c'",
            EvaluationFailure::Value("an index is out of range"),
        ),
        (
            "claims.l[-1] == 'c'",
            EvaluationFailure::Value("an index is out of range"),
        ),
        (
            "timestamp('nonsense') < now",
            EvaluationFailure::Value("a value is not a timestamp"),
        ),
        (
            "duration('1x') == duration('1s')",
            EvaluationFailure::Value("a text is not a duration"),
        ),
        (
            "cidr(claims.s).containsIP('10.0.0.1')",
            EvaluationFailure::Value("the text of `cidr` is not an address range"),
        ),
        (
            "timestamp('9999-12-31T23:59:59Z') + duration('1s') > now",
            EvaluationFailure::Value("a time is out of range"),
        ),
        (
            "timestamp('0001-01-01T00:00:00Z') - duration('1s') < now",
            EvaluationFailure::Value("a time is out of range"),
        ),
        (
            "duration('1s') + timestamp('9999-12-31T23:59:59.5Z') > now",
            EvaluationFailure::Value("a time is out of range"),
        ),
        (
            "timestamp('9999-12-31T00:00:00Z') - timestamp('0001-01-01T00:00:00Z') > duration('1s')",
            EvaluationFailure::Value("a time is out of range"),
        ),
        (
            "duration('2500000h') + duration('2500000h') > duration('1s')",
            EvaluationFailure::Value("a time is out of range"),
        ),
        (
            "timestamp('2016-12-31T23:59:60Z') < now",
            EvaluationFailure::Value("a value is not a timestamp"),
        ),
    ] {
        assert_eq!(
            super::evaluation::failure(text, Some(CLAIMS)),
            Some(failure),
            "{text}"
        );
    }
    // A cause never has a value of the token.
    for text in [
        "claims.secret + 1 == 2",
        "claims.secret",
        "claims[claims.secret] == 1",
        "int(claims.secret) == 1",
    ] {
        let failure = failure(text, Some(r#"{"secret":"hunter2"}"#)).expect(text);
        assert!(
            !format!("{failure} {failure:?}").contains("hunter2"),
            "{failure}"
        );
    }
}

/// Kubernetes' CEL library refuses IPv4-mapped IPv6 addresses, zones, signs and leading zeros.
#[test]
fn addresses_and_ranges_are_those_of_kubernetes() {
    for range in [
        "::ffff:10.0.0.0/104",
        "::ffff:a00:0/104",
        "10.0.0.0/+8",
        "10.0.0.0/08",
        "10.0.0.0/00",
        "10.0.0.0/33",
        "10.0.0.0/",
        "10.0.0.0",
        "010.0.0.0/8",
        "fe80::1%eth0/64",
    ] {
        assert_eq!(
            failure(&format!("cidr('{range}') == cidr('{range}')"), None),
            Some(EvaluationFailure::Value(
                "the text of `cidr` is not an address range"
            )),
            "{range}"
        );
    }
    for address in [
        "::ffff:10.0.0.1",
        "::ffff:a00:1",
        "10.0.0.01",
        "10.1",
        "fe80::1%eth0",
        "",
    ] {
        for text in [
            format!("cidr('10.0.0.0/8').containsIP('{address}')"),
            format!("!cidr('::/0').containsIP('{address}')"),
        ] {
            assert_eq!(
                failure(&text, None),
                Some(EvaluationFailure::Value(
                    "the text of `containsIP` is not an address"
                )),
                "{text}"
            );
        }
    }
}

/// A port for both versions of IP shows an IPv4 client with a mapped address. Envoy appends the zone of a link-local address.
#[test]
fn the_address_of_the_peer_has_one_form() {
    for (address, text) in [
        ("::ffff:10.0.0.1", "source.address == '10.0.0.1'"),
        (
            "::ffff:a00:1",
            "cidr('10.0.0.0/8').containsIP(source.address)",
        ),
        ("2001:db8::1", "source.address == '2001:db8::1'"),
        ("fe80::1%2", "source.address == 'fe80::1'"),
        ("fe80::1%2", "cidr('fe80::/10').containsIP(source.address)"),
        ("", "source.address == ''"),
    ] {
        let subject = Subject {
            source_address: address,
            ..Subject::default()
        };
        assert_eq!(subject.failure(text), None, "{address}");
    }
}

/// `env` was copied whole for each member that an expression read, and no budget counted the copy.
#[test]
fn env_is_borrowed_from_the_expression() {
    let env = Literal::Texts([("REGION".into(), "eu".into())].into());
    assert!(matches!(env.value(), Value::Map(Map::Constants([_]))));
}

/// The members of `request` count as read only by the name `request` (CONTRACT 3.11.3, 3.11.5).
#[test]
fn source_has_its_own_members_only() {
    for text in [
        "dyn(source)['method'] == 'GET'",
        "dyn(source)['method'] != 'DELETE'",
        "dyn(source)['host'] != 'internal.example'",
        "dyn(source).path == ''",
        "[source].exists(s, s.method == 'GET')",
        "'method' in source",
    ] {
        assert!(!holds_for(text, Some(CLAIMS)), "{text}");
    }
}

#[test]
fn without_a_token_there_are_no_claims() {
    assert!(holds_for(
        "!has(claims.sub) && claims.size() == 0 && !has(claims.aud)",
        None
    ));
    assert!(!holds_for("claims.sub == 'x'", None));
}

#[test]
fn a_comprehension_iterates_over_at_most_256_members() {
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
