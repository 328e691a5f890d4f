//! The values of an evaluation. They have no Debug form, because they can be secret. What the request and the token have is borrowed from them, member by member.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Deref;
use std::rc::Rc;

use chrono::{DateTime, FixedOffset, TimeDelta};
use ipnet::IpNet;

use crate::expression::budget::EvaluationBudget;
use crate::expression::failure::EvaluationFailure;
use crate::expression::variables::RequestVariables;
use crate::jose::json::value::{JsonArray, JsonKind, JsonObject, JsonValue};
use crate::request::Headers;
use crate::token::claims::Claims;

/// The result of a part of an expression.
pub type Evaluated<'a> = Result<Value<'a>, EvaluationFailure>;

#[derive(Clone)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Text<'a>),
    Bytes(Rc<[u8]>),
    List(List<'a>),
    Map(Map<'a>),
    Timestamp(DateTime<FixedOffset>),
    Duration(TimeDelta),
    Type(&'static str),
    Network(IpNet),
}

/// A text that is borrowed or was built by the evaluation.
#[derive(Clone)]
pub enum Text<'a> {
    Borrowed(&'a str),
    Shared(Rc<str>),
}

#[derive(Clone)]
pub enum List<'a> {
    Json(JsonArray<'a>),
    Texts(Rc<[&'a str]>),
    Built(Rc<[Value<'a>]>),
}

#[derive(Clone)]
pub enum Map<'a> {
    /// The claims of a token, without those that are null, and with `aud` as a list (CONTRACT 3.11.3).
    Claims(&'a Claims),
    /// A claim or a member of one that is an object.
    Json(JsonValue<'a>),
    Headers(&'a Headers<'a>),
    Texts(&'a [(&'a str, &'a str)]),
    /// The variables of `expression_env`, which the expression holds.
    Constants(&'a [(Box<str>, Box<str>)]),
    /// `request` or `source`: the members, each made when it is read.
    Members(&'static [&'static str], &'a RequestVariables<'a>),
    Built(Rc<[(Value<'a>, Value<'a>)]>),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Text::Borrowed(text) => text,
            Text::Shared(text) => text,
        }
    }
}

impl<'a> Value<'a> {
    pub fn borrowed(text: &'a str) -> Value<'a> {
        Value::Text(Text::Borrowed(text))
    }

    /// # Errors
    /// [`EvaluationFailure::BudgetExceeded`]
    pub fn built(
        text: String,
        budget: &mut EvaluationBudget,
    ) -> Result<Value<'a>, EvaluationFailure> {
        budget.allocate(text.len())?;
        Ok(Value::Text(Text::Shared(text.into())))
    }

    fn json(value: JsonValue<'a>) -> Value<'a> {
        match value.kind() {
            JsonKind::Null => Value::Null,
            JsonKind::Bool(flag) => Value::Bool(flag),
            JsonKind::String(text) => Value::borrowed(text),
            JsonKind::Number => match value.raw().parse() {
                Ok(integer) => Value::Int(integer),
                Err(_) => Value::Double(value.number().unwrap_or(f64::NAN)),
            },
            JsonKind::Array(elements) => Value::List(List::Json(elements)),
            JsonKind::Object(_) => Value::Map(Map::Json(value)),
        }
    }

    /// The name of the type, as `type()` yields it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null_type",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Uint(_) => "uint",
            Value::Double(_) => "double",
            Value::Text(_) => "string",
            Value::Bytes(_) => "bytes",
            Value::List(_) => "list",
            Value::Map(_) => "map",
            Value::Timestamp(_) => "google.protobuf.Timestamp",
            Value::Duration(_) => "google.protobuf.Duration",
            Value::Type(_) => "type",
            Value::Network(_) => "cidr",
        }
    }
}

impl<'a> List<'a> {
    #[allow(clippy::len_without_is_empty, reason = "CEL has `size` only")]
    pub fn len(&self) -> usize {
        match self {
            List::Json(elements) => elements.len(),
            List::Texts(texts) => texts.len(),
            List::Built(values) => values.len(),
        }
    }

    pub fn get(&self, index: usize) -> Option<Value<'a>> {
        match self {
            List::Json(elements) => elements.get(index).map(Value::json),
            List::Texts(texts) => texts.get(index).map(|text| Value::borrowed(text)),
            List::Built(values) => values.get(index).cloned(),
        }
    }

    /// A measure of what [`List::get`] costs, for the budget.
    pub fn steps_to(&self, index: usize) -> usize {
        match self {
            List::Json(elements) => elements.steps_to(index),
            List::Texts(_) | List::Built(_) => 1,
        }
    }

    /// The elements in order.
    pub fn iter(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let list = self.clone();
        let mut json = match self {
            List::Json(elements) => Some(elements.iter()),
            List::Texts(_) | List::Built(_) => None,
        };
        let mut index = 0..;
        std::iter::from_fn(move || match &mut json {
            Some(elements) => elements.next().map(Value::json),
            None => list.get(index.next()?),
        })
    }
}

impl<'a> Map<'a> {
    /// How many members there are. Headers count once per name.
    #[allow(clippy::len_without_is_empty, reason = "CEL has `size` only")]
    pub fn len(&self) -> usize {
        match self {
            Map::Claims(claims) => claim_names(claims).count(),
            Map::Json(value) => value.as_object().map_or(0, JsonObject::len),
            Map::Headers(headers) => headers.names().collect::<BTreeSet<_>>().len(),
            Map::Texts(members) => members.len(),
            Map::Constants(members) => members.len(),
            Map::Members(names, _) => names.len(),
            Map::Built(members) => members.len(),
        }
    }

    /// An upper bound of the members that a lookup compares, for the budget.
    pub fn width(&self) -> usize {
        match self {
            Map::Claims(claims) => claims.object().len(),
            Map::Headers(headers) => headers.names().count(),
            _ => self.len(),
        }
    }

    /// The member that is named by a text.
    ///
    /// # Errors
    /// [`EvaluationFailure::BudgetExceeded`]
    pub fn get(
        &self,
        name: &str,
        budget: &mut EvaluationBudget,
    ) -> Result<Option<Value<'a>>, EvaluationFailure> {
        budget.spend(1 + self.width() / 8)?;
        Ok(match self {
            Map::Claims(claims) if name == "aud" => Some(audience(claims, budget)?),
            Map::Claims(claims) => claims.object().get_non_null(name).map(Value::json),
            Map::Json(value) => value
                .as_object()
                .and_then(|members| members.get(name))
                .map(Value::json),
            Map::Headers(headers) => header(headers, name, budget)?,
            Map::Texts(members) => members
                .iter()
                .find(|(own, _)| *own == name)
                .map(|(_, value)| Value::borrowed(value)),
            Map::Constants(members) => members
                .iter()
                .find(|(own, _)| **own == *name)
                .map(|(_, value)| Value::borrowed(value)),
            // `source["host"]` must not read what only `request` has: the rules know which of its members an expression reads.
            Map::Members(members, variables) if members.contains(&name) => {
                variables.member(name, budget)?
            }
            Map::Members(..) => None,
            Map::Built(members) => members
                .iter()
                .find(|(key, _)| matches!(key, Value::Text(own) if **own == *name))
                .map(|(_, value)| value.clone()),
        })
    }

    /// The keys.
    ///
    /// # Errors
    /// [`EvaluationFailure::BudgetExceeded`]
    pub fn keys(&self, budget: &mut EvaluationBudget) -> Result<Vec<Value<'a>>, EvaluationFailure> {
        budget.allocate(self.width() * size_of::<Value<'_>>())?;
        Ok(match self {
            Map::Claims(claims) => claim_names(claims).map(Value::borrowed).collect(),
            Map::Json(value) => {
                let members = value.as_object().into_iter();
                let members = members.flat_map(JsonObject::iter);
                members.map(|(name, _)| Value::borrowed(name)).collect()
            }
            Map::Headers(headers) => {
                let names: BTreeSet<&str> = headers.names().collect();
                names.into_iter().map(Value::borrowed).collect()
            }
            Map::Texts(members) => members
                .iter()
                .map(|(name, _)| Value::borrowed(name))
                .collect(),
            Map::Constants(members) => members
                .iter()
                .map(|(name, _)| Value::borrowed(name))
                .collect(),
            Map::Members(names, _) => names.iter().map(|name| Value::borrowed(name)).collect(),
            Map::Built(members) => members.iter().map(|(key, _)| key.clone()).collect(),
        })
    }
}

/// `aud` is always there, as a list.
fn claim_names(claims: &Claims) -> impl Iterator<Item = &str> {
    claims
        .object()
        .iter()
        .filter(|(name, value)| *name != "aud" && !value.is_null())
        .map(|(name, _)| name)
        .chain(["aud"])
}

fn audience<'a>(
    claims: &'a Claims,
    budget: &mut EvaluationBudget,
) -> Result<Value<'a>, EvaluationFailure> {
    let named = claims.aud();
    budget.allocate(named.len() * size_of::<&str>())?;
    Ok(Value::List(List::Texts(named.into())))
}

/// Repeated headers are joined by `,`. Bytes that are not UTF-8 become the replacement character.
fn header<'a>(
    headers: &'a Headers<'a>,
    name: &str,
    budget: &mut EvaluationBudget,
) -> Result<Option<Value<'a>>, EvaluationFailure> {
    if name.starts_with(':') {
        return Ok(None);
    }
    let mut values = headers.all(name);
    let Some(first) = values.next() else {
        return Ok(None);
    };
    let mut joined = String::from_utf8_lossy(first);
    let mut is_only = true;
    for value in values {
        is_only = false;
        let joined = joined.to_mut();
        joined.push(',');
        joined.push_str(&String::from_utf8_lossy(value));
    }
    Ok(Some(match joined {
        Cow::Borrowed(text) if is_only => Value::borrowed(text),
        joined => Value::built(joined.into_owned(), budget)?,
    }))
}
