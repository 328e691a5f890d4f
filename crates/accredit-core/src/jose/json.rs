//! Strict JSON: a text is accepted only if every conforming reader reads the same value from it.
//!
//! No maintained crate does these four things in one pass: find duplicate members at any depth, bound the depth, and keep
//! the original text of each number and of each value.

use std::fmt;
use std::ops::Range;

mod reader;
pub mod value;

/// The maximum depth of nested objects and arrays.
pub(crate) const MAX_DEPTH: usize = 64;

/// A complete JSON text (RFC 8259), and where its values are in it.
///
/// The values have no memory of their own: a `JsonValue` borrows the document. A claims set has about thirty values and names, and
/// the token cache keeps them for each token.
#[derive(Clone)]
pub struct JsonDocument {
    /// The text, and after it the unescaped form of each string that has an escape.
    text: Box<str>,
    /// The bytes of the text alone.
    length: usize,
    /// The nodes of the outermost value.
    nodes: Box<[JsonNode]>,
    /// Where the objects begin that have a member twice, in ascending order.
    duplicates: Box<[u32]>,
}

/// A value, or the name of a member. The nodes of a value are its own and, after it, those of its elements or members in the order of
/// the text. A member has the nodes of its name and those of its value. A string with an escape has a second node, for its
/// unescaped form.
#[derive(Clone, Copy)]
struct JsonNode {
    /// Where it is in the text; a string with its quotation marks. An unescaped form is behind the text, without quotation marks.
    place: TextRange,
    /// The number of its nodes.
    size: u32,
    /// The number of its elements or members.
    count: u32,
}

/// A part of a document's text.
#[derive(Clone, Copy)]
pub struct TextRange {
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
    /// 2 GiB or more.
    #[error("it has 2 GiB or more")]
    TooLarge,
}

// === impl JsonDocument ===

impl JsonDocument {
    /// The original text of the document.
    pub fn text(&self) -> &str {
        self.text.get(..self.length).unwrap_or_default()
    }

    /// The text in a range that `JsonValue::text_range` gave for a value of this document.
    pub(crate) fn text_in(&self, range: TextRange) -> &str {
        self.text.get(range.bytes()).unwrap_or_default()
    }

    /// The memory that the document occupies beside its own size, in bytes.
    pub(crate) fn heap_weight(&self) -> usize {
        self.text.len() + size_of_val(&*self.nodes) + size_of_val(&*self.duplicates)
    }
}

impl fmt::Debug for JsonDocument {
    /// Shows no content: it can be secret or unverified.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonDocument({} bytes)", self.length)
    }
}

// === impl JsonNode ===

impl JsonNode {
    /// A node at a place that the text has: every offset in it fits.
    fn new(place: TextRange) -> JsonNode {
        JsonNode {
            place,
            size: 1,
            count: 0,
        }
    }
}

// === impl TextRange ===

impl TextRange {
    /// Offsets in a text of less than 4 GiB.
    fn new(start: usize, end: usize) -> TextRange {
        TextRange {
            start: start as u32,
            end: end as u32,
        }
    }

    fn bytes(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Without the first and the last byte: the quotation marks of a string.
    fn inside(self) -> TextRange {
        TextRange {
            start: self.start.saturating_add(1),
            end: self.end.saturating_sub(1),
        }
    }

    /// The part at this offset in the range, of this length.
    pub(crate) fn part(self, offset: usize, length: usize) -> TextRange {
        let start = self.start.saturating_add(offset as u32);
        TextRange {
            start,
            end: start.saturating_add(length as u32).min(self.end),
        }
    }
}

#[cfg(test)]
mod tests;
