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
pub struct Document {
    text: Box<str>,
    root: Value,
}

/// One value of a [`Document`].
#[derive(Clone, PartialEq)]
pub struct Value {
    /// What the value is.
    pub kind: Kind,
    span: Span,
}

/// The kinds of JSON values.
#[derive(Clone, PartialEq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number; its digits are [`Document::raw`].
    Number,
    /// A string, unescaped.
    String(Box<str>),
    /// An array.
    Array(Vec<Value>),
    /// An object.
    Object(Object),
}

/// The members of an object in the document's order.
#[derive(Clone, PartialEq, Default)]
pub struct Object {
    members: Vec<(Box<str>, Value)>,
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
    /// The object is marked, and whoever reads it decides ([`Value::has_duplicates`]).
    Mark,
}

/// Why a text is not the JSON that we read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::NotUtf8 => "the text is not UTF-8",
            Error::ByteOrderMark => "the text begins with a byte-order mark",
            Error::Syntax => "the text is not JSON",
            Error::TrailingBytes => "the JSON value is followed by something else",
            Error::DuplicateMember => "a JSON object names a member twice",
            Error::TooDeep => "the JSON text nests too deep",
            Error::TooLarge => "the JSON text is too large",
        })
    }
}

impl std::error::Error for Error {}

// === impl Document ===

impl Document {
    /// Reads a whole text.
    ///
    /// # Errors
    /// [`Error`] says which rule the text breaks.
    pub fn parse(bytes: &[u8], duplicates: Duplicates) -> Result<Document, Error> {
        let text = std::str::from_utf8(bytes).map_err(|_| Error::NotUtf8)?;
        if u32::try_from(text.len()).is_err() {
            return Err(Error::TooLarge);
        }
        if text.starts_with('\u{feff}') {
            return Err(Error::ByteOrderMark);
        }
        let root = reader::read(text, duplicates)?;
        Ok(Document {
            text: text.into(),
            root,
        })
    }

    /// The outermost value.
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// The outermost value if it is an object.
    pub fn object(&self) -> Option<&Object> {
        self.root.as_object()
    }

    /// The document's own text of one of its values.
    pub fn raw(&self, value: &Value) -> &str {
        self.text.get(value.span.range()).unwrap_or_default()
    }

    /// The whole text as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A number as the nearest double; `None` if the value is no number.
    pub fn number(&self, value: &Value) -> Option<f64> {
        match value.kind {
            Kind::Number => self.raw(value).parse().ok(),
            _ => None,
        }
    }

    /// About how many bytes the document occupies.
    pub fn weight(&self) -> usize {
        self.text.len() + self.root.weight()
    }
}

impl fmt::Debug for Document {
    /// Shows no content: what a document says may be secret or unverified.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({} bytes)", self.text.len())
    }
}

impl Span {
    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

// === impl Value ===

impl Value {
    /// The unescaped text if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::String(text) => Some(text),
            _ => None,
        }
    }

    /// The members if this is an object.
    pub fn as_object(&self) -> Option<&Object> {
        match &self.kind {
            Kind::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The elements if this is an array.
    pub fn as_array(&self) -> Option<&[Value]> {
        match &self.kind {
            Kind::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// Whether an object in it, at any depth, names a member twice.
    pub fn has_duplicates(&self) -> bool {
        match &self.kind {
            Kind::Array(elements) => elements.iter().any(Value::has_duplicates),
            Kind::Object(object) => {
                object.duplicate
                    || object
                        .members
                        .iter()
                        .any(|(_, value)| value.has_duplicates())
            }
            Kind::Null | Kind::Bool(_) | Kind::Number | Kind::String(_) => false,
        }
    }

    /// An array is counted with the room that it has taken: of the nested small ones of a hostile token that is most.
    fn weight(&self) -> usize {
        size_of::<Value>() + self.beside()
    }

    fn beside(&self) -> usize {
        match &self.kind {
            Kind::String(text) => text.len(),
            Kind::Array(elements) => {
                elements.capacity() * size_of::<Value>()
                    + elements.iter().map(Value::beside).sum::<usize>()
            }
            Kind::Object(object) => {
                object.members.capacity() * size_of::<(Box<str>, Value)>()
                    + object
                        .members
                        .iter()
                        .map(|(name, value)| name.len() + value.beside())
                        .sum::<usize>()
            }
            Kind::Null | Kind::Bool(_) | Kind::Number => 0,
        }
    }
}

// === impl Object ===

impl Object {
    /// The object without members.
    pub const EMPTY: Object = Object {
        members: Vec::new(),
        duplicate: false,
    };

    /// The member of that name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.members
            .iter()
            .find(|(member, _)| &**member == name)
            .map(|(_, value)| value)
    }

    /// Every member in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.members.iter().map(|(name, value)| (&**name, value))
    }

    /// Whether this object itself, not one inside it, names a member twice.
    pub fn names_a_member_twice(&self) -> bool {
        self.duplicate
    }
}

#[cfg(test)]
mod tests;
