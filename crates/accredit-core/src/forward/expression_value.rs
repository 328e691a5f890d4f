//! The value of an expression as the value of a header, encoded by its type (CONTRACT 3.7.6, 4.10.1).

use crate::expression::value::{List, Map, Value};
use crate::forward::claim_text;
use crate::forward::left_out::{LeftOut, MAX_VALUE};
use crate::jose::base64url;
use crate::token::decimal::MAX_EXACT_INTEGER;

/// What separates the elements of a list.
const SEPARATOR: char = ',';

/// The text of a header with this value.
///
/// # Errors
/// [`LeftOut`]
pub(crate) fn text(value: &Value<'_>) -> Result<String, LeftOut> {
    match value {
        Value::Null => Err(LeftOut::Null),
        // The token's own digits.
        Value::List(List::Json(elements)) => claim_text::of_array(*elements, SEPARATOR),
        Value::List(list) => {
            let texts = list.iter().map(|element| element_text(&element));
            claim_text::joined(texts, SEPARATOR)
        }
        Value::Map(map) => {
            let mut json = String::new();
            write_map(map, &mut json)?;
            Ok(base64url::encode(json.as_bytes()))
        }
        scalar => scalar_text(scalar),
    }
}

fn element_text(value: &Value<'_>) -> Result<String, LeftOut> {
    match value {
        Value::Null | Value::List(_) | Value::Map(_) => Err(LeftOut::NestedElement),
        scalar => scalar_text(scalar),
    }
}

fn scalar_text(value: &Value<'_>) -> Result<String, LeftOut> {
    match value {
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Int(number) => Ok(number.to_string()),
        Value::Uint(number) => Ok(number.to_string()),
        Value::Double(number) if number.abs() < MAX_EXACT_INTEGER => Ok(number.to_string()),
        Value::Double(_) => Err(LeftOut::InexactNumber),
        Value::Text(text) => Ok(text.to_string()),
        other => Err(LeftOut::NoForm(other.type_name())),
    }
}

fn write_map(map: &Map<'_>, json: &mut String) -> Result<(), LeftOut> {
    match map {
        // The token's own bytes.
        Map::Claims(claims) => json.push_str(claims.payload()),
        Map::Json(value) => json.push_str(value.raw()),
        Map::Constants(members) => {
            let members = members
                .iter()
                .map(|(name, value)| (&**name, Value::borrowed(value)));
            write_members(members, json)?;
        }
        Map::Built(members) => {
            let mut named = Vec::with_capacity(members.len());
            for (name, value) in members.iter() {
                // A number and a text can be keys of one map, and would be one name in JSON.
                let Value::Text(name) = name else {
                    return Err(LeftOut::NoForm("a map with keys that are no strings"));
                };
                named.push((&**name, value.clone()));
            }
            write_members(named.into_iter(), json)?;
        }
        // No expression over a token alone can name these.
        Map::Headers(_) | Map::Texts(_) | Map::Members(..) => {
            return Err(LeftOut::NoForm("a map of the request"));
        }
    }
    check_length(json)
}

fn write_members<'a>(
    members: impl Iterator<Item = (&'a str, Value<'a>)>,
    json: &mut String,
) -> Result<(), LeftOut> {
    json.push('{');
    for (number, (name, value)) in members.enumerate() {
        if number > 0 {
            json.push(',');
        }
        write_string(name, json);
        json.push(':');
        write(&value, json)?;
    }
    json.push('}');
    Ok(())
}

/// One value can be part of another very often without a copy, so the length is checked while the text grows.
fn write(value: &Value<'_>, json: &mut String) -> Result<(), LeftOut> {
    check_length(json)?;
    match value {
        Value::Null => json.push_str("null"),
        Value::Text(text) => write_string(text, json),
        Value::List(List::Json(elements)) => {
            json.push('[');
            for (number, element) in elements.iter().enumerate() {
                if number > 0 {
                    json.push(',');
                }
                json.push_str(element.raw());
            }
            json.push(']');
        }
        Value::List(list) => {
            json.push('[');
            for (number, element) in list.iter().enumerate() {
                if number > 0 {
                    json.push(',');
                }
                write(&element, json)?;
            }
            json.push(']');
        }
        Value::Map(map) => write_map(map, json)?,
        scalar => json.push_str(&scalar_text(scalar)?),
    }
    Ok(())
}

fn write_string(text: &str, json: &mut String) {
    json.push_str(&serde_json::Value::from(text).to_string());
}

fn check_length(json: &str) -> Result<(), LeftOut> {
    match json.len() > MAX_VALUE {
        true => Err(LeftOut::JsonTooLong),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
