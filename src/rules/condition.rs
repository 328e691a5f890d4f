//! A rule's `when`: evaluated within bounds; what fails refuses.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use cel::objects::{Key, Map, Value};
use cel::{Context, ExecutionError};

use crate::jose::json::{Kind, Value as Json};
use crate::rules::expression::{BOUNDED, Expression};
use crate::token::claims::{Audience, Claims};

/// A comprehension goes over at most this many members.
pub const MAX_MEMBERS: usize = 256;

/// A condition that a request must satisfy.
#[derive(Clone)]
pub struct Condition {
    expression: Expression,
    message: Option<Arc<str>>,
}

/// What a condition is judged on.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The verified token's claims; none without a token.
    pub claims: Option<&'a Claims>,
    /// The token's scopes.
    pub scopes: &'a [&'a str],
    /// `request.method`
    pub method: &'a str,
    /// `request.host`, normalised.
    pub host: &'a str,
    /// `request.path`, as rules match it.
    pub path: &'a str,
    /// `request.query`, raw, without `?`.
    pub query: &'a str,
    /// `request.headers`: names in lower case, repeats joined.
    pub headers: &'a [(String, String)],
    /// `source.address`
    pub source_address: &'a str,
    /// `source.principal`
    pub source_principal: &'a str,
    /// `context`
    pub context: &'a [(&'a str, &'a str)],
    /// `now`, in seconds since the epoch.
    pub now: f64,
}

/// What came of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It holds.
    Holds,
    /// It does not, or could not be evaluated to a boolean.
    Fails {
        /// What the operator lets the caller know.
        message: Option<Arc<str>>,
    },
}

impl Condition {
    /// A condition, with what a caller who fails it is told.
    pub fn new(expression: Expression, message: Option<String>) -> Condition {
        Condition {
            expression,
            message: message.map(Arc::from),
        }
    }

    /// What it reads.
    pub fn expression(&self) -> &Expression {
        &self.expression
    }

    /// Judges it.
    pub fn judge(&self, subject: &Subject<'_>) -> Judgement {
        let mut context = Context::default();
        self.declare(&mut context, subject);
        if context.add_function(BOUNDED, bounded).is_err() {
            return Judgement::Fails { message: None };
        }
        match Value::resolve(self.expression.tree(), &context) {
            Ok(Value::Bool(true)) => Judgement::Holds,
            // Anything else is no admission: false, no boolean, or a failure while it ran.
            Ok(_) | Err(_) => Judgement::Fails {
                message: self.message.clone(),
            },
        }
    }

    /// Makes the variables that are read, and no others.
    fn declare(&self, context: &mut Context<'_, '_>, subject: &Subject<'_>) {
        let reads = self.expression.reads();
        let mut declare = |name: &str, value: &dyn Fn() -> Value| {
            if reads.variable(name) {
                context.add_variable_from_value(name, value());
            }
        };
        declare("claims", &|| {
            subject
                .claims
                .map_or_else(|| map([].into_iter()), claims_value)
        });
        declare("scopes", &|| {
            list(subject.scopes.iter().map(|scope| text(scope)))
        });
        declare("request", &|| {
            let headers = subject
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), text(value)));
            map([
                ("method", text(subject.method)),
                ("host", text(subject.host)),
                ("path", text(subject.path)),
                ("query", text(subject.query)),
                ("headers", map(headers)),
            ]
            .into_iter())
        });
        declare("source", &|| {
            map([
                ("address", text(subject.source_address)),
                ("principal", text(subject.source_principal)),
            ]
            .into_iter())
        });
        declare("context", &|| {
            map(subject
                .context
                .iter()
                .map(|(name, value)| (*name, text(value))))
        });
        declare("now", &|| timestamp(subject.now));
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expression.fmt(f)
    }
}

/// Lets a range through that is short enough.
fn bounded(range: Value) -> Result<Value, ExecutionError> {
    let members = match &range {
        Value::List(members) => members.len(),
        Value::Map(members) => members.map.len(),
        _ => 0,
    };
    if members > MAX_MEMBERS {
        return Err(ExecutionError::function_error(BOUNDED, "too many members"));
    }
    Ok(range)
}

/// `aud` is always a list, empty if absent.
fn claims_value(claims: &Claims) -> Value {
    let audience = match claims.audience() {
        Audience::Absent => Vec::new(),
        Audience::Named(named) => named,
    };
    let audience = ("aud", list(audience.into_iter().map(text)));
    let others = claims.object().iter().filter(|(name, _)| *name != "aud");
    map(others
        .map(|(name, value)| (name, json(claims, value)))
        .chain([audience]))
}

fn json(claims: &Claims, value: &Json) -> Value {
    match &value.kind {
        Kind::Null => Value::Null,
        Kind::Bool(flag) => Value::Bool(*flag),
        Kind::String(content) => text(content),
        Kind::Number => match claims.raw(value).parse() {
            Ok(integer) => Value::Int(integer),
            Err(_) => Value::Float(claims.number(value).unwrap_or(f64::NAN)),
        },
        Kind::Array(elements) => list(elements.iter().map(|element| json(claims, element))),
        Kind::Object(object) => map(object
            .iter()
            .map(|(name, member)| (name, json(claims, member)))),
    }
}

fn timestamp(seconds: f64) -> Value {
    let moment = chrono::DateTime::from_timestamp(seconds as i64, (seconds.fract() * 1e9) as u32);
    moment.map_or(Value::Null, |moment| {
        Value::Timestamp(moment.fixed_offset())
    })
}

fn text(content: &str) -> Value {
    Value::String(Arc::new(content.to_owned()))
}

fn list(values: impl Iterator<Item = Value>) -> Value {
    Value::List(Arc::new(values.collect()))
}

fn map<'a>(members: impl Iterator<Item = (&'a str, Value)>) -> Value {
    let members = members.map(|(name, value)| (Key::String(Arc::new(name.to_owned())), value));
    Value::Map(Map {
        map: Arc::new(members.collect::<HashMap<_, _>>()),
    })
}

#[cfg(test)]
mod tests {
    use super::{Condition, Judgement, MAX_MEMBERS, Subject};
    use crate::rules::expression::Expression;
    use crate::token::claims::Claims;

    fn holds_for(text: &str, claims: Option<&str>) -> bool {
        let claims = claims.map(|claims| Claims::parse(claims.as_bytes()).expect("are claims"));
        let headers = [("x-a".to_owned(), "1,2".to_owned())];
        let subject = Subject {
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
        condition.judge(&subject) == Judgement::Holds
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
}
