//! A rule's `when`: evaluated within bounds; what fails refuses.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use cel::objects::{Key, Map, Value};
use cel::{Context, Env, ExecutionError};

use crate::jose::json::{JsonKind, JsonValue};
use crate::rules::expression::{BOUNDED, Expression};
use crate::token::claims::{Audience, Claims};

/// A comprehension goes over at most this many members.
pub const MAX_MEMBERS: usize = 256;

/// CEL's own functions, the same for every judgement: to list them takes longer than to judge.
static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

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
        let mut context = Context::with_env(STANDARD.clone());
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

fn json(claims: &Claims, value: &JsonValue) -> Value {
    match &value.kind {
        JsonKind::Null => Value::Null,
        JsonKind::Bool(flag) => Value::Bool(*flag),
        JsonKind::String(content) => text(content),
        JsonKind::Number => match claims.raw(value).parse() {
            Ok(integer) => Value::Int(integer),
            Err(_) => Value::Float(claims.number(value).unwrap_or(f64::NAN)),
        },
        JsonKind::Array(elements) => list(elements.iter().map(|element| json(claims, element))),
        JsonKind::Object(object) => map(object
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
mod tests;
