//! The functions of CEL's standard library, and those that CONTRACT 3.11.9 adds with Kubernetes' meaning.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::expression::budget::EvaluationBudget;
use crate::expression::failure::EvaluationFailure;
use crate::expression::operations::mismatch;
use crate::expression::program::Function;
use crate::expression::string_functions::{join, string_function};
use crate::expression::time;
use crate::expression::value::{Evaluated, Value};

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
            _ => Err(EvaluationFailure::Value("a text is not a boolean")),
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
                    "the text of `cidr` is not an address range",
                ))
        }
        (Function::ContainsIp, [Value::Network(network), Value::Text(text)]) => address(text)
            .map(|address| Value::Bool(network.contains(&address)))
            .ok_or(EvaluationFailure::Value(
                "the text of `containsIP` is not an address",
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
