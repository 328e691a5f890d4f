//! CEL expressions: any text is compiled or refused, and an evaluation ends within its budget with the same result each time.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use accredit_core::expression::variables::{RequestVariables, VariableSet, Variables};
use accredit_core::expression::{Expression, MAX_LENGTH};
use accredit_core::request::{ClientCertificate, Completeness, Headers, Request};
use accredit_core::rules::ambiguity::Ambiguities;
use accredit_core::rules::facts::{Facts, Needs};
use accredit_core::token::claims::Claims;

use super::choices::Choices;

const VALUES: &[&str] = &[
    "claims",
    "claims.s",
    "claims.i",
    "claims.f",
    "claims.l",
    "claims.m",
    "claims.o",
    "claims.o.x",
    "claims.absent",
    "claims.t",
    "claims.n",
    "claims.aud",
    "claims.big",
    "claims.long",
    "claims.date",
    "scopes",
    "request.method",
    "request.host",
    "request.path",
    "request.query",
    "request.headers",
    "request",
    "source.address",
    "source",
    "context",
    "env.A",
    "env",
    "now",
    "x",
    "y",
    "1",
    "0",
    "-1",
    "1u",
    "2.5",
    "1e308",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615u",
    "''",
    "'a'",
    "'a,b'",
    "b'\\xff'",
    "'\u{e9}\u{1f600}'",
    "true",
    "false",
    "null",
    "[]",
    "[1, 2.0, 3u]",
    "{}",
    "{'a': 1, 2: []}",
    "int",
    "type(1)",
    "'10.0.0.0/8'",
    "'2026-01-01T00:00:00Z'",
    "'1h'",
];

const METHODS: &[&str] = &[
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "split",
    "join",
    "lowerAscii",
    "upperAscii",
    "trim",
    "replace",
    "substring",
    "indexOf",
    "containsIP",
    "getFullYear",
    "getMonth",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
];

const FUNCTIONS: &[&str] = &[
    "size",
    "int",
    "uint",
    "double",
    "string",
    "bool",
    "bytes",
    "dyn",
    "type",
    "duration",
    "timestamp",
    "cidr",
];

const OPERATORS: &[&str] = &[
    "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "in", "&&", "||",
];

const MACROS: &[&str] = &["all", "exists", "exists_one", "map", "filter"];

const PATTERNS: &[&str] = &[
    "^a+$",
    "(a|b)*c",
    "[^x]{1,30}",
    "\\\\bfoo\\\\b",
    "\u{e9}?",
    "(?i)BEARER",
    "",
    "(",
    "x{1000}{1000}",
];

/// Whether the condition is true. With 0 as the first byte the others are the expression; otherwise they choose one.
pub fn check(input: &[u8]) -> bool {
    let text = match input.split_first() {
        Some((0, text)) => String::from_utf8_lossy(text).into_owned(),
        _ => {
            let mut choices = Choices::new(input);
            let depth = 1 + choices.below(5);
            let mut text = value(&mut choices, depth).into_bytes();
            if choices.one_in(4) {
                choices.edit(&mut text, OPERATORS);
            }
            String::from_utf8_lossy(&text).into_owned()
        }
    };
    let env = BTreeMap::from([("A".to_owned(), "a".to_owned())]);
    match Expression::parse(&text, VariableSet::Request, &env) {
        Err(error) => {
            let line = error.to_string();
            assert!(!line.is_empty() && !line.contains('\n'), "{line:?}");
            false
        }
        Ok(expression) => {
            assert!(text.len() <= MAX_LENGTH);
            evaluate(&expression, &text)
        }
    }
}

fn evaluate(expression: &Expression, text: &str) -> bool {
    let request = Request {
        method: "GET",
        host: "API.Example.:443",
        path: "/a/b%20c?x=1",
        headers: Headers::new(
            [
                ("x-a", &b"1"[..]),
                ("x-b", b"b"),
                ("x-a", b"2"),
                (":path", b"/a/b%20c?x=1"),
                ("x-raw", b"\xff"),
            ]
            .into_iter(),
            Completeness::Complete,
        ),
        source_address: "10.0.0.1",
        source_principal: "spiffe://a/b",
        source_certificate: ClientCertificate::Absent,
        scheme: "https",
        context: vec![("tier", "internal")],
        trace: None,
    };
    let needs = Needs {
        path: true,
        ..Needs::default()
    };
    let facts = Facts::read(&request, needs, Ambiguities::default()).expect("is not ambiguous");
    let claims = Claims::parse(CLAIMS.as_bytes()).expect("are claims");
    let mut is_true = false;
    for claims in [None, Some(&claims)] {
        let variables = Variables {
            request: Some(RequestVariables {
                request: &request,
                host: None,
                path: facts.path.segments(),
                now: 1_767_225_600.5,
            }),
            claims,
            scopes: vec!["read", "write"],
            issuer: "",
        };
        let held = expression.holds(&variables);
        assert_eq!(held, expression.holds(&variables), "{text}");
        if let Err(failure) = &held {
            let line = failure.to_string();
            assert!(!line.is_empty() && line.len() < 2 * MAX_LENGTH, "{line:?}");
        }
        is_true |= held.is_ok();
    }
    is_true
}

/// Claims of every type; some are long.
static CLAIMS: LazyLock<String> = LazyLock::new(|| {
    let long = "ab".repeat(4 * 1024);
    let many: Vec<String> = (0..400).map(|number| number.to_string()).collect();
    format!(
        r#"{{"i":3,"f":2.5,"s":"a,b,c","t":true,"n":null,"aud":"api","l":[1,2,3],"m":["a","b",""],"o":{{"x":1,"y":{{"z":[{{}}]}}}},
        "date":"2026-11-29T08:00:00Z","long":"{long}","big":[{}]}}"#,
        many.join(",")
    )
});

/// An expression of at most this depth. Most have sensible types.
fn value(choices: &mut Choices<'_>, depth: usize) -> String {
    if depth == 0 || choices.is_empty() {
        return choices.pick(VALUES).to_owned();
    }
    let part = |choices: &mut Choices<'_>| value(choices, depth - 1);
    match choices.below(11) {
        0 => format!(
            "({} {} {})",
            part(choices),
            choices.pick(OPERATORS),
            part(choices)
        ),
        1 => format!(
            "{}.{}({})",
            part(choices),
            choices.pick(METHODS),
            part(choices)
        ),
        2 => format!("{}.{}()", part(choices), choices.pick(METHODS)),
        3 => format!("{}({})", choices.pick(FUNCTIONS), part(choices)),
        4 => format!(
            "{}.{}({}, {})",
            part(choices),
            choices.pick(MACROS),
            choices.pick(&["x", "y", "claims"]),
            part(choices)
        ),
        5 => format!(
            "({} ? {} : {})",
            part(choices),
            part(choices),
            part(choices)
        ),
        6 => format!("{}[{}]", part(choices), part(choices)),
        7 => format!("[{}, {}]", part(choices), part(choices)),
        8 => format!("{}{}", choices.pick(&["!", "-", "!!"]), part(choices)),
        9 => format!("{}.matches('{}')", part(choices), choices.pick(PATTERNS)),
        _ => format!(
            "{}.{}({}, {})",
            part(choices),
            choices.pick(METHODS),
            part(choices),
            part(choices)
        ),
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = [
        r#"claims.custom_claims.environment == "production_us" && request.method == "GET""#,
        r#"request.path.startsWith("/organisations/" + claims.s + "/") || claims.l.all(x, x > 0)"#,
        "claims.big.map(x, claims.big.map(y, [x, y])).size() > 0",
        "has(claims.o.x) && claims.m.exists_one(v, v.matches('^[a-z]+$')) && 2 in claims.l",
        "timestamp(claims.date) < timestamp('2027-01-01T00:00:00Z') && duration('1h') > duration('59m')",
        "cidr('10.0.0.0/8').containsIP(source.address) && env.A == 'a' && now > 1.0",
        "((((((((((1))))))))))",
        "[1, 2][",
        "'\u{e9}'.substring(0, 1).replace('a', 'b', -1).split('').join('-') != ''",
    ]
    .map(|text| [b"\0", text.as_bytes()].concat())
    .to_vec();
    seeds.push([b"\0", "(".repeat(4000).as_bytes()].concat());
    for choice in [1_u8, 3, 7, 29, 53, 85, 113, 170, 201, 251] {
        seeds.push((1..60_u8).map(|at| at.wrapping_mul(choice) | 1).collect());
    }
    seeds
}
