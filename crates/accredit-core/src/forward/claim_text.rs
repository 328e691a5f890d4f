//! The text of a claim, by its JSON type (CONTRACT 4.10.1).

use std::borrow::Cow;

use crate::forward::left_out::LeftOut;
use crate::jose::base64url;
use crate::jose::json::value::{JsonArray, JsonKind, JsonValue};

/// No claim of a token has more. An expression can repeat a long text without a copy.
const MAX_JOINED: usize = 64 * 1024;

/// The text of a claim. `separator` stands between the elements of an array.
///
/// # Errors
/// [`LeftOut`]
pub(crate) fn of_claim(value: JsonValue<'_>, separator: char) -> Result<Cow<'_, str>, LeftOut> {
    match value.kind() {
        JsonKind::Object(_) => Ok(base64url::encode(value.raw().as_bytes()).into()),
        JsonKind::Array(elements) => of_array(elements, separator).map(Cow::Owned),
        JsonKind::Null | JsonKind::Bool(_) | JsonKind::Number | JsonKind::String(_) => {
            scalar(value).map(Cow::Borrowed).ok_or(LeftOut::NotInToken)
        }
    }
}

/// The elements of an array, joined.
///
/// # Errors
/// [`LeftOut`]
pub(crate) fn of_array(elements: JsonArray<'_>, separator: char) -> Result<String, LeftOut> {
    let texts = elements
        .iter()
        .map(|element| scalar(element).ok_or(LeftOut::NestedElement));
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

fn scalar(value: JsonValue<'_>) -> Option<&str> {
    match value.kind() {
        JsonKind::String(text) => Some(text),
        // The token's own digits.
        JsonKind::Bool(_) | JsonKind::Number => Some(value.raw()),
        JsonKind::Null | JsonKind::Array(_) | JsonKind::Object(_) => None,
    }
}
