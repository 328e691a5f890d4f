//! Strict JSON: what a careful reader in any other language would read too, or an error.
//!
//! A reader of our own, because four things are needed together that no kept crate gives in one pass: duplicate
//! members seen at any depth, a bound on depth, each number with the document's own digits, and each value with
//! the document's own bytes.

use std::fmt;
use std::ops::Range;

pub mod reader;

/// Objects and arrays may nest this deep.
pub const MAX_DEPTH: usize = 64;

/// A JSON text (RFC 8259) that was read whole.
#[derive(Clone, PartialEq)]
pub struct JsonDocument {
    text: Box<str>,
    root: JsonValue,
}

/// One value of a [`JsonDocument`].
#[derive(Clone, PartialEq)]
pub struct JsonValue {
    /// What the value is.
    pub kind: JsonKind,
    span: Span,
}

/// The kinds of JSON values.
#[derive(Clone, PartialEq)]
pub enum JsonKind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number; its digits are [`JsonDocument::raw`].
    Number,
    /// A string, unescaped.
    String(Box<str>),
    /// An array.
    Array(Vec<JsonValue>),
    /// An object.
    Object(JsonObject),
}

/// The members of an object in the document's order.
#[derive(Clone, PartialEq, Default)]
pub struct JsonObject {
    members: Vec<(Box<str>, JsonValue)>,
    duplicate: bool,
}

#[derive(Clone, Copy, PartialEq)]
struct Span {
    start: u32,
    end: u32,
}

/// What a reader makes of an object that names one member twice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Duplicates {
    /// The text is refused: two readers could see different documents.
    Refuse,
    /// The object is marked, and whoever reads it decides ([`JsonValue::has_duplicates`]).
    Mark,
}

/// Why a text is not the JSON that we read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// Not UTF-8.
    NotUtf8,
    /// It begins with a byte-order mark, which RFC 8259 section 8.1 forbids to send.
    ByteOrderMark,
    /// Not the grammar of RFC 8259.
    Syntax,
    /// Something other than white space follows the value.
    TrailingBytes,
    /// An object names a member twice.
    DuplicateMember,
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// 4 GiB or more.
    TooLarge,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            JsonError::NotUtf8 => "the text is not UTF-8",
            JsonError::ByteOrderMark => "the text begins with a byte-order mark",
            JsonError::Syntax => "the text is not JSON",
            JsonError::TrailingBytes => "the JSON value is followed by something else",
            JsonError::DuplicateMember => "a JSON object names a member twice",
            JsonError::TooDeep => "the JSON text nests too deep",
            JsonError::TooLarge => "the JSON text is too large",
        })
    }
}

impl std::error::Error for JsonError {}

// === impl JsonDocument ===

impl JsonDocument {
    /// Reads a whole text.
    ///
    /// # Errors
    /// [`JsonError`] says which rule the text breaks.
    pub fn parse(bytes: &[u8], duplicates: Duplicates) -> Result<JsonDocument, JsonError> {
        let text = std::str::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)?;
        if u32::try_from(text.len()).is_err() {
            return Err(JsonError::TooLarge);
        }
        if text.starts_with('\u{feff}') {
            return Err(JsonError::ByteOrderMark);
        }
        let root = reader::read(text, duplicates)?;
        Ok(JsonDocument {
            text: text.into(),
            root,
        })
    }

    /// The outermost value.
    pub fn root(&self) -> &JsonValue {
        &self.root
    }

    /// The outermost value if it is an object.
    pub fn object(&self) -> Option<&JsonObject> {
        self.root.as_object()
    }

    /// The document's own text of one of its values.
    pub fn raw(&self, value: &JsonValue) -> &str {
        self.text.get(value.span.range()).unwrap_or_default()
    }

    /// The whole text as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A number as the nearest double; `None` if the value is no number.
    pub fn number(&self, value: &JsonValue) -> Option<f64> {
        match value.kind {
            JsonKind::Number => self.raw(value).parse().ok(),
            _ => None,
        }
    }

    /// About how many bytes the document occupies.
    pub fn weight(&self) -> usize {
        self.text.len() + self.root.weight()
    }
}

impl fmt::Debug for JsonDocument {
    /// Shows no content: what a document says may be secret or unverified.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonDocument({} bytes)", self.text.len())
    }
}

impl Span {
    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

// === impl JsonValue ===

impl JsonValue {
    /// The unescaped text if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            JsonKind::String(text) => Some(text),
            _ => None,
        }
    }

    /// The members if this is an object.
    pub fn as_object(&self) -> Option<&JsonObject> {
        match &self.kind {
            JsonKind::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The elements if this is an array.
    pub fn as_array(&self) -> Option<&[JsonValue]> {
        match &self.kind {
            JsonKind::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// Whether an object in it, at any depth, names a member twice.
    pub fn has_duplicates(&self) -> bool {
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

    /// An array is counted with the room that it has taken: of the nested small ones of a hostile token that is most.
    fn weight(&self) -> usize {
        size_of::<JsonValue>() + self.beside()
    }

    fn beside(&self) -> usize {
        match &self.kind {
            JsonKind::String(text) => text.len(),
            JsonKind::Array(elements) => {
                elements.capacity() * size_of::<JsonValue>()
                    + elements.iter().map(JsonValue::beside).sum::<usize>()
            }
            JsonKind::Object(object) => {
                object.members.capacity() * size_of::<(Box<str>, JsonValue)>()
                    + object
                        .members
                        .iter()
                        .map(|(name, value)| name.len() + value.beside())
                        .sum::<usize>()
            }
            JsonKind::Null | JsonKind::Bool(_) | JsonKind::Number => 0,
        }
    }
}

// === impl JsonObject ===

impl JsonObject {
    /// The object without members.
    pub const EMPTY: JsonObject = JsonObject {
        members: Vec::new(),
        duplicate: false,
    };

    /// The member of that name.
    pub fn get(&self, name: &str) -> Option<&JsonValue> {
        self.members
            .iter()
            .find(|(member, _)| &**member == name)
            .map(|(_, value)| value)
    }

    /// Every member in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &JsonValue)> {
        self.members.iter().map(|(name, value)| (&**name, value))
    }

    /// Whether this object itself, not one inside it, names a member twice.
    pub fn names_a_member_twice(&self) -> bool {
        self.duplicate
    }
}

#[cfg(test)]
mod tests;
