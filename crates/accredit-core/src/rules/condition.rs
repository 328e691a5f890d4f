//! `when`: a condition that must be true. A condition that fails to evaluate counts as false.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use cel::objects::{Key, Map, Value};
use cel::{Context, Env, ExecutionError};

use crate::jose::json::{JsonKind, JsonValue};
use crate::rules::expression::{BOUNDED, Expression};
use crate::token::claims::{Audience, Claims};

/// The most members over which a comprehension iterates (CONTRACT 3.11.7).
pub const MAX_MEMBERS: usize = 256;

/// The functions of CEL's standard library. Building the list takes longer than an evaluation.
static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// A compiled `when`.
#[derive(Clone)]
pub struct Condition {
    expression: Expression,
    message: Option<Arc<str>>,
}

/// The values that an expression can read (CONTRACT 3.11.3).
#[derive(Clone, Copy)]
pub struct Variables<'a> {
    /// The claims of the verified token. `None` without a token.
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

impl Condition {
    /// `message` is the operator's text for a client that does not meet the condition.
    pub fn new(expression: Expression, message: Option<String>) -> Condition {
        Condition {
            expression,
            message: message.map(Arc::from),
        }
    }

    /// The compiled expression.
    pub fn expression(&self) -> &Expression {
        &self.expression
    }

    /// The operator's text for a client that does not meet the condition.
    pub fn message(&self) -> Option<&Arc<str>> {
        self.message.as_ref()
    }

    /// Whether the condition is true. An evaluation that fails or yields no boolean counts as false.
    pub fn holds(&self, input: &Variables<'_>) -> bool {
        let mut context = Context::with_env(STANDARD.clone());
        self.declare(&mut context, input);
        context.add_function(BOUNDED, bounded).is_ok()
            && matches!(
                Value::resolve(self.expression.tree(), &context),
                Ok(Value::Bool(true))
            )
    }

    /// Declares the variables that the expression reads.
    fn declare(&self, context: &mut Context<'_, '_>, input: &Variables<'_>) {
        let reads = self.expression.reads();
        let mut declare = |name: &str, value: &dyn Fn() -> Value| {
            if reads.variable(name) {
                context.add_variable_from_value(name, value());
            }
        };
        declare("claims", &|| {
            input
                .claims
                .map_or_else(|| map([].into_iter()), claims_value)
        });
        declare("scopes", &|| {
            list(input.scopes.iter().map(|scope| text(scope)))
        });
        declare("request", &|| {
            let headers = input
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), text(value)));
            map([
                ("method", text(input.method)),
                ("host", text(input.host)),
                ("path", text(input.path)),
                ("query", text(input.query)),
                ("headers", map(headers)),
            ]
            .into_iter())
        });
        declare("source", &|| {
            map([
                ("address", text(input.source_address)),
                ("principal", text(input.source_principal)),
            ]
            .into_iter())
        });
        declare("context", &|| {
            map(input
                .context
                .iter()
                .map(|(name, value)| (*name, text(value))))
        });
        declare("now", &|| timestamp(input.now));
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expression.fmt(f)
    }
}

/// Fails if a range has more than [`MAX_MEMBERS`] members.
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
