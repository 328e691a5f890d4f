//! The functions of CEL's standard library, and those that CONTRACT 3.11.9 adds with Kubernetes' meaning.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::expression::budget::EvaluationBudget;
use crate::expression::failure::EvaluationFailure;
use crate::expression::operations::mismatch;
use crate::expression::program::Function;
use crate::expression::time;
use crate::expression::value::{Evaluated, List, Text, Value};

const OUT_OF_RANGE: EvaluationFailure = EvaluationFailure::Value("a number is out of range");

/// Calls a function. The first argument is the target of a method.
///
/// # Errors
/// [`EvaluationFailure`]
pub fn call<'a>(
    function: Function,
    arguments: &[Value<'a>],
    budget: &mut EvaluationBudget,
) -> Evaluated<'a> {
    let undefined = || mismatch(function.name(), &arguments.iter().collect::<Vec<_>>());
    for argument in arguments {
        if let Value::Text(text) = argument {
            budget.spend_reading(text.len())?;
        }
    }
    match (function, arguments) {
        (Function::Dyn, [value]) => Ok(value.clone()),
        (Function::Type, [value]) => Ok(Value::Type(value.type_name())),
        (Function::Size, [value]) => size(value, budget)?.ok_or_else(undefined),
        (Function::Contains, [Value::Text(text), Value::Text(part)]) => {
            Ok(Value::Bool(text.contains(&**part)))
        }
        (Function::StartsWith, [Value::Text(text), Value::Text(part)]) => {
            Ok(Value::Bool(text.starts_with(&**part)))
        }
        (Function::EndsWith, [Value::Text(text), Value::Text(part)]) => {
            Ok(Value::Bool(text.ends_with(&**part)))
        }
        (Function::Int, [value]) => int(value).unwrap_or_else(|| Err(undefined())),
        (Function::Uint, [value]) => uint(value).unwrap_or_else(|| Err(undefined())),
        (Function::Double, [value]) => double(value).unwrap_or_else(|| Err(undefined())),
        (Function::Text, [value]) => match text_of(value).unwrap_or_else(|| Err(undefined()))? {
            Some(text) => Value::built(text, budget),
            None => Ok(value.clone()),
        },
        (Function::Bool, [Value::Bool(flag)]) => Ok(Value::Bool(*flag)),
        (Function::Bool, [Value::Text(text)]) => match &**text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            _ => Err(EvaluationFailure::Value("a text is no boolean")),
        },
        (Function::Bytes, [Value::Bytes(bytes)]) => Ok(Value::Bytes(bytes.clone())),
        (Function::Bytes, [Value::Text(text)]) => {
            budget.allocate(text.len())?;
            Ok(Value::Bytes(text.as_bytes().into()))
        }
        (Function::Duration, [value]) => time::duration(value).unwrap_or_else(|| Err(undefined())),
        (Function::Timestamp, [value]) => {
            time::timestamp(value).unwrap_or_else(|| Err(undefined()))
        }
        (Function::Cidr, [Value::Text(text)]) => {
            address_range(text)
                .map(Value::Network)
                .ok_or(EvaluationFailure::Value(
                    "the text of `cidr` is no address range",
                ))
        }
        (Function::ContainsIp, [Value::Network(network), Value::Text(text)]) => address(text)
            .map(|address| Value::Bool(network.contains(&address)))
            .ok_or(EvaluationFailure::Value(
                "the text of `containsIP` is no address",
            )),
        (Function::Join, [Value::List(list)]) => join(list, "", budget),
        (Function::Join, [Value::List(list), Value::Text(separator)]) => {
            join(list, separator, budget)
        }
        (_, [Value::Text(text), rest @ ..]) => {
            string_function(function, text, rest, budget).unwrap_or_else(|| Err(undefined()))
        }
        (_, [value, rest @ ..]) => {
            time::member(function, value, rest).unwrap_or_else(|| Err(undefined()))
        }
        _ => Err(undefined()),
    }
}

/// An address as Kubernetes' CEL library reads it: an IPv4-mapped IPv6 address is none.
fn address(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.parse().ok()?;
    (address == address.to_canonical()).then_some(address)
}

/// An address and a number of bits. Bits after the prefix may be set, and the number has no sign and no leading zero.
fn address_range(text: &str) -> Option<IpNet> {
    let (network, bits) = text.split_once('/')?;
    let is_plain = bits.bytes().all(|byte| byte.is_ascii_digit()) && !bits.starts_with('0');
    let bits = bits.parse().ok().filter(|_| is_plain || bits == "0")?;
    IpNet::new(address(network)?, bits).ok()
}

fn size<'a>(
    value: &Value<'_>,
    budget: &mut EvaluationBudget,
) -> Result<Option<Value<'a>>, EvaluationFailure> {
    let size = match value {
        Value::Text(text) => text.chars().count(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => {
            budget.spend(1 + map.width() / 8)?;
            map.len()
        }
        _ => return Ok(None),
    };
    Ok(i64::try_from(size).ok().map(Value::Int))
}

/// `None` if the type cannot be converted.
fn int<'a>(value: &Value<'_>) -> Option<Evaluated<'a>> {
    let number = match value {
        Value::Int(number) => Some(*number),
        Value::Uint(number) => i64::try_from(*number).ok(),
        // The largest double below 2^63 is 2^63 - 1024.
        Value::Double(number) => {
            (number.abs() < 9_223_372_036_854_775_808.0).then_some(*number as i64)
        }
        Value::Text(text) => text.parse().ok(),
        Value::Timestamp(timestamp) => Some(timestamp.timestamp()),
        _ => return None,
    };
    Some(number.map(Value::Int).ok_or(OUT_OF_RANGE))
}

fn uint<'a>(value: &Value<'_>) -> Option<Evaluated<'a>> {
    let number = match value {
        Value::Uint(number) => Some(*number),
        Value::Int(number) => u64::try_from(*number).ok(),
        Value::Double(number) => {
            (*number >= 0.0 && *number < 18_446_744_073_709_551_616.0).then_some(*number as u64)
        }
        Value::Text(text) => text.parse().ok(),
        _ => return None,
    };
    Some(number.map(Value::Uint).ok_or(OUT_OF_RANGE))
}

fn double<'a>(value: &Value<'_>) -> Option<Evaluated<'a>> {
    let number = match value {
        Value::Double(number) => Some(*number),
        Value::Int(number) => Some(*number as f64),
        Value::Uint(number) => Some(*number as f64),
        Value::Text(text) => text.parse().ok(),
        _ => return None,
    };
    Some(number.map(Value::Double).ok_or(OUT_OF_RANGE))
}

/// `None` if the type cannot be converted, `Some(Ok(None))` if the value is a text.
fn text_of(value: &Value<'_>) -> Option<Result<Option<String>, EvaluationFailure>> {
    Some(Ok(Some(match value {
        Value::Text(_) => return Some(Ok(None)),
        Value::Bool(flag) => flag.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => return Some(Err(EvaluationFailure::Value("bytes are not UTF-8"))),
        },
        Value::Timestamp(timestamp) => time::format_timestamp(timestamp),
        Value::Duration(duration) => time::format_duration(*duration),
        _ => return None,
    })))
}

fn join<'a>(list: &List<'_>, separator: &str, budget: &mut EvaluationBudget) -> Evaluated<'a> {
    let mut joined = String::new();
    for index in 0..list.len() {
        match list.get(index) {
            Some(Value::Text(text)) => {
                budget.allocate(text.len() + separator.len())?;
                if index > 0 {
                    joined.push_str(separator);
                }
                joined.push_str(&text);
            }
            other => {
                let element = other.unwrap_or(Value::Null);
                return Err(mismatch("join", &[&element]));
            }
        }
    }
    Value::built(joined, budget)
}

/// Methods of texts. Positions count characters. `None` if the arguments do not fit.
fn string_function<'a>(
    function: Function,
    text: &Text<'a>,
    rest: &[Value<'a>],
    budget: &mut EvaluationBudget,
) -> Option<Evaluated<'a>> {
    Some(match (function, rest) {
        (Function::LowerAscii, []) => Value::built(text.to_ascii_lowercase(), budget),
        (Function::UpperAscii, []) => Value::built(text.to_ascii_uppercase(), budget),
        (Function::Trim, []) => Value::built(text.trim().to_owned(), budget),
        (Function::Split, [Value::Text(separator)]) => split(text, separator, -1, budget),
        (Function::Split, [Value::Text(separator), Value::Int(limit)]) => {
            split(text, separator, *limit, budget)
        }
        (Function::Replace, [Value::Text(from), Value::Text(to)]) => {
            replace(text, from, to, -1, budget)
        }
        (Function::Replace, [Value::Text(from), Value::Text(to), Value::Int(limit)]) => {
            replace(text, from, to, *limit, budget)
        }
        (Function::Substring, [Value::Int(start)]) => substring(text, *start, None, budget),
        (Function::Substring, [Value::Int(start), Value::Int(end)]) => {
            substring(text, *start, Some(*end), budget)
        }
        (Function::IndexOf, [Value::Text(part)]) => index_of(text, part, 0),
        (Function::IndexOf, [Value::Text(part), Value::Int(start)]) => index_of(text, part, *start),
        _ => return None,
    })
}

/// A limit of 0 yields nothing, a negative one everything.
fn split<'a>(
    text: &str,
    separator: &str,
    limit: i64,
    budget: &mut EvaluationBudget,
) -> Evaluated<'a> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut parts = Vec::new();
    let mut add = |part: &str| {
        budget.allocate(part.len() + size_of::<Value<'_>>())?;
        parts.push(Value::Text(Text::Shared(part.into())));
        Ok::<(), EvaluationFailure>(())
    };
    if limit > 0 && separator.is_empty() {
        let mut rest = text;
        for _ in 1..limit {
            let Some(first) = rest.chars().next() else {
                break;
            };
            let (first, after) = rest.split_at(first.len_utf8());
            add(first)?;
            rest = after;
        }
        if !rest.is_empty() {
            add(rest)?;
        }
    } else if limit > 0 {
        for part in text.splitn(limit, separator) {
            add(part)?;
        }
    }
    Ok(Value::List(List::Built(parts.into())))
}

fn replace<'a>(
    text: &str,
    from: &str,
    to: &str,
    limit: i64,
    budget: &mut EvaluationBudget,
) -> Evaluated<'a> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    // What the result needs is known before it is built.
    let found = text.matches(from).take(limit).count();
    let length = text.len() + found.saturating_mul(to.len());
    budget.allocate(length)?;
    Ok(Value::Text(Text::Shared(
        text.replacen(from, to, found).into(),
    )))
}

fn substring<'a>(
    text: &str,
    start: i64,
    end: Option<i64>,
    budget: &mut EvaluationBudget,
) -> Evaluated<'a> {
    const BAD_RANGE: EvaluationFailure =
        EvaluationFailure::Value("a range of `substring` is invalid");
    let byte_of = |position: i64| {
        let position = usize::try_from(position).ok()?;
        let mut places = text
            .char_indices()
            .map(|(place, _)| place)
            .chain([text.len()]);
        places.nth(position)
    };
    let start = byte_of(start).ok_or(BAD_RANGE)?;
    let end = match end {
        Some(end) => byte_of(end).ok_or(BAD_RANGE)?,
        None => text.len(),
    };
    let part = text.get(start..end).ok_or(BAD_RANGE)?;
    Value::built(part.to_owned(), budget)
}

/// -1 if the part is not found.
fn index_of<'a>(text: &str, part: &str, start: i64) -> Evaluated<'a> {
    let first = usize::try_from(start)
        .ok()
        .and_then(|start| {
            let mut places = text
                .char_indices()
                .map(|(place, _)| place)
                .chain([text.len()]);
            places.nth(start)
        })
        .ok_or(EvaluationFailure::Value(
            "a position of `indexOf` is invalid",
        ))?;
    let found = text
        .get(first..)
        .and_then(|rest| rest.find(part))
        .and_then(|place| text.get(..first + place))
        .map_or(-1, |before| before.chars().count() as i64);
    Ok(Value::Int(found))
}
