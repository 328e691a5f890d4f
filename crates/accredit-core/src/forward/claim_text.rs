//! The text of a claim, by its JSON type (CONTRACT 4.10.1).

use crate::forward::left_out::LeftOut;
use crate::jose::base64url;
use crate::jose::json::{JsonKind, JsonValue};
use crate::token::claims::Claims;

/// No claim of a token has more. An expression can repeat a long text without a copy.
const MAX_JOINED: usize = 64 * 1024;

/// The text of a claim. `separator` stands between the elements of an array.
///
/// # Errors
/// [`LeftOut`]
pub(crate) fn of_claim(
    claims: &Claims,
    value: &JsonValue,
    separator: char,
) -> Result<String, LeftOut> {
    match &value.kind {
        JsonKind::Object(_) => Ok(base64url::encode(claims.raw(value).as_bytes())),
        JsonKind::Array(elements) => of_array(claims, elements, separator),
        JsonKind::Null | JsonKind::Bool(_) | JsonKind::Number | JsonKind::String(_) => {
            scalar(claims, value)
                .map(str::to_owned)
                .ok_or(LeftOut::NotInToken)
        }
    }
}

/// The elements of an array, joined.
///
/// # Errors
/// [`LeftOut`]
pub(crate) fn of_array(
    claims: &Claims,
    elements: &[JsonValue],
    separator: char,
) -> Result<String, LeftOut> {
    let texts = elements
        .iter()
        .map(|element| scalar(claims, element).ok_or(LeftOut::NestedElement));
    joined(texts, separator)
}

/// Texts, joined. An element that an upstream could not find again is an error.
///
/// # Errors
/// [`LeftOut`]
pub(crate) fn joined<T: AsRef<str>>(
    elements: impl Iterator<Item = Result<T, LeftOut>>,
    separator: char,
) -> Result<String, LeftOut> {
    let mut joined = String::new();
    for (number, element) in elements.enumerate() {
        let element = element?;
        let text = element.as_ref();
        if text.is_empty() {
            return Err(LeftOut::EmptyElement);
        }
        if text.contains(separator) {
            return Err(LeftOut::SeparatorInElement(separator));
        }
        if number > 0 {
            joined.push(separator);
        }
        joined.push_str(text);
        if joined.len() > MAX_JOINED {
            return Err(LeftOut::TooLong(joined.len()));
        }
    }
    Ok(joined)
}

fn scalar<'a>(claims: &'a Claims, value: &'a JsonValue) -> Option<&'a str> {
    match &value.kind {
        JsonKind::String(text) => Some(text),
        // The token's own digits.
        JsonKind::Bool(_) | JsonKind::Number => Some(claims.raw(value)),
        JsonKind::Null | JsonKind::Array(_) | JsonKind::Object(_) => None,
    }
}
