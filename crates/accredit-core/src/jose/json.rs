//! Strict JSON: a text is accepted only if every conforming reader reads the same value from it.
//!
//! No maintained crate does these four things in one pass: find duplicate members at any depth, bound the depth, and keep
//! the original text of each number and of each value.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

mod reader;

/// The maximum depth of nested objects and arrays.
pub(crate) const MAX_DEPTH: usize = 64;

/// A complete JSON text (RFC 8259).
#[derive(Clone, PartialEq)]
pub struct JsonDocument {
    text: Arc<str>,
    root: JsonValue,
}

/// One value of a [`JsonDocument`].
#[derive(Clone, PartialEq)]
pub struct JsonValue {
    /// The value by its type.
    pub kind: JsonKind,
    span: Span,
}

/// The types of JSON values.
#[derive(Clone, PartialEq)]
pub enum JsonKind {
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number. [`JsonDocument::raw`] has its digits.
    Number,
    /// A string, unescaped.
    String(JsonText),
    Array(Vec<JsonValue>),
    Object(JsonObject),
}

/// The members of an object, in the order of the text.
#[derive(Clone, PartialEq, Default)]
pub struct JsonObject {
    members: Vec<(JsonText, JsonValue)>,
    duplicate: bool,
}

/// A name or a string, unescaped. One without escapes is a part of the document's text: a claims set has about thirty, and each
/// allocation of its own would be paid when a token is read, and again when the token cache evicts it.
#[derive(Clone)]
pub struct JsonText {
    text: Arc<str>,
    span: Span,
}

#[derive(Clone, Copy, PartialEq)]
struct Span {
    start: u32,
    end: u32,
}

/// How [`JsonDocument::parse`] treats an object that has a member twice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Duplicates {
    /// The text is an error.
    Refuse,
    /// The object is marked. The caller decides, by `JsonValue::has_duplicates`.
    Mark,
}

/// Why a text is not strict JSON. Offsets are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not UTF-8 from this offset.
    #[error("it is not UTF-8 at offset {0}")]
    NotUtf8(usize),
    /// RFC 8259 section 8.1 forbids a byte-order mark.
    #[error("it begins with a byte-order mark")]
    ByteOrderMark,
    /// The text is empty, or only white space.
    #[error("it is empty")]
    Empty,
    /// Not the grammar of RFC 8259 from this offset.
    #[error("it is not JSON at offset {0}")]
    Syntax(usize),
    /// Something other than white space follows the value.
    #[error("something follows the JSON value at offset {0}")]
    TrailingBytes(usize),
    /// The second member of a name begins at this offset, with its quotation mark.
    #[error("an object has a member twice, the second time at offset {0}")]
    DuplicateMember(usize),
    /// Nested deeper than `MAX_DEPTH`.
    #[error("it nests deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// 4 GiB or more.
    #[error("it has 4 GiB or more")]
    TooLarge,
}

// === impl JsonDocument ===

impl JsonDocument {
    /// The outermost value.
    pub fn root(&self) -> &JsonValue {
        &self.root
    }

    /// The outermost value, if it is an object.
    pub fn object(&self) -> Option<&JsonObject> {
        self.root.as_object()
    }

    /// The original text of one of the document's values.
    pub fn raw(&self, value: &JsonValue) -> &str {
        self.text.get(value.span.range()).unwrap_or_default()
    }

    /// The original text of the document.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A number as the nearest double. `None` if the value is not a number.
    pub fn number(&self, value: &JsonValue) -> Option<f64> {
        match value.kind {
            JsonKind::Number => self.raw(value).parse().ok(),
            _ => None,
        }
    }

    /// The memory that the document occupies, in bytes. Approximate.
    pub(crate) fn weight(&self) -> usize {
        self.text.len() + self.root.weight()
    }
}

impl fmt::Debug for JsonDocument {
    /// Shows no content: it can be secret or unverified.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonDocument({} bytes)", self.text.len())
    }
}

impl Span {
    /// Offsets in a text of less than 4 GiB.
    fn new(start: usize, end: usize) -> Span {
        Span {
            start: start as u32,
            end: end as u32,
        }
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    fn len(self) -> u32 {
        self.end.saturating_sub(self.start)
    }
}

// === impl JsonText ===

impl JsonText {
    fn as_bytes(&self) -> &[u8] {
        let bytes = self.text.as_bytes().get(self.span.range());
        bytes.unwrap_or_default()
    }

    /// Whether this is that text. Most names of a claims set have three letters, so the last one is compared before the others.
    fn is(&self, text: &[u8]) -> bool {
        self.span.len() as usize == text.len() && {
            let own = self.as_bytes();
            own.last() == text.last() && own == text
        }
    }

    /// A bit that equal texts have in common. Most other texts have another bit.
    fn bit(&self) -> u64 {
        let text = self.as_bytes();
        let [first, last] = [text.first(), text.last()].map(|byte| byte.map_or(0, |b| *b));
        1 << ((text.len() * 5 + usize::from(first) + usize::from(last) * 3) % 64)
    }

    /// The memory that it occupies beside the document's text, in bytes.
    fn heap_weight(&self) -> usize {
        // Before a part of the document's text there is at least its quotation mark.
        if self.span.start == 0 {
            self.text.len()
        } else {
            0
        }
    }
}

impl Deref for JsonText {
    type Target = str;

    fn deref(&self) -> &str {
        self.text.get(self.span.range()).unwrap_or_default()
    }
}

impl PartialEq for JsonText {
    fn eq(&self, other: &JsonText) -> bool {
        self.is(other.as_bytes())
    }
}

// === impl JsonValue ===

impl JsonValue {
    /// The unescaped text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        self.as_text().map(|text| &**text)
    }

    /// The same, to be kept without a copy.
    pub(crate) fn as_text(&self) -> Option<&JsonText> {
        match &self.kind {
            JsonKind::String(text) => Some(text),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        self.kind == JsonKind::Null
    }

    /// The members, if this is an object.
    pub fn as_object(&self) -> Option<&JsonObject> {
        match &self.kind {
            JsonKind::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The elements, if this is an array.
    pub fn as_array(&self) -> Option<&[JsonValue]> {
        match &self.kind {
            JsonKind::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// Whether an object in this value has a member twice, at any depth.
    pub(crate) fn has_duplicates(&self) -> bool {
        match &self.kind {
            JsonKind::Array(elements) => elements.iter().any(JsonValue::has_duplicates),
            JsonKind::Object(object) => {
                object.duplicate
                    || object
                        .members
                        .iter()
                        .any(|(_, value)| value.has_duplicates())
            }
            JsonKind::Null | JsonKind::Bool(_) | JsonKind::Number | JsonKind::String(_) => false,
        }
    }

    fn weight(&self) -> usize {
        size_of::<JsonValue>() + self.heap_weight()
    }

    fn heap_weight(&self) -> usize {
        match &self.kind {
            JsonKind::String(text) => text.heap_weight(),
            JsonKind::Array(elements) => {
                elements.capacity() * size_of::<JsonValue>()
                    + elements.iter().map(JsonValue::heap_weight).sum::<usize>()
            }
            JsonKind::Object(object) => {
                object.members.capacity() * size_of::<(JsonText, JsonValue)>()
                    + object
                        .members
                        .iter()
                        .map(|(name, value)| name.heap_weight() + value.heap_weight())
                        .sum::<usize>()
            }
            JsonKind::Null | JsonKind::Bool(_) | JsonKind::Number => 0,
        }
    }
}

// === impl JsonObject ===

impl JsonObject {
    /// The object without members.
    pub(crate) const EMPTY: JsonObject = JsonObject {
        members: Vec::new(),
        duplicate: false,
    };

    /// The member of this name.
    pub fn get(&self, name: &str) -> Option<&JsonValue> {
        self.members
            .iter()
            .find(|(member, _)| member.is(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// The member of this name, unless it is `null`: serializers write unset members as `null` (CONTRACT 4.4.2).
    pub(crate) fn get_non_null(&self, name: &str) -> Option<&JsonValue> {
        self.get(name).filter(|value| value.kind != JsonKind::Null)
    }

    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &JsonValue)> {
        self.members.iter().map(|(name, value)| (&**name, value))
    }

    /// Whether this object has a member twice. Objects inside it do not count.
    pub(crate) fn names_a_member_twice(&self) -> bool {
        self.duplicate
    }
}

#[cfg(test)]
mod tests;
