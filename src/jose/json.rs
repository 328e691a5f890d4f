//! Strict JSON: what a careful reader in any other language would read too, or an error.
//!
//! A reader of our own, because four things are needed together that no kept crate gives in one pass: duplicate
//! members seen at any depth, a bound on depth, each number with the document's own digits, and each value with
//! the document's own bytes.

use std::fmt;
use std::ops::Range;

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
        let mut reader = Reader {
            text,
            at: 0,
            duplicates,
        };
        reader.skip_white_space();
        let root = reader.value(0)?;
        reader.skip_white_space();
        if reader.at != text.len() {
            return Err(Error::TrailingBytes);
        }
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

// === impl Reader ===

struct Reader<'a> {
    text: &'a str,
    at: usize,
    duplicates: Duplicates,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Value, Error> {
        let start = self.at;
        let kind = match self.peek().ok_or(Error::Syntax)? {
            b'{' => self.object(depth)?,
            b'[' => self.array(depth)?,
            b'"' => Kind::String(self.string()?),
            b't' => self.literal("true", Kind::Bool(true))?,
            b'f' => self.literal("false", Kind::Bool(false))?,
            b'n' => self.literal("null", Kind::Null)?,
            b'-' | b'0'..=b'9' => self.number()?,
            _ => return Err(Error::Syntax),
        };
        Ok(Value {
            kind,
            span: Span {
                start: start as u32,
                end: self.at as u32,
            },
        })
    }

    fn object(&mut self, depth: usize) -> Result<Kind, Error> {
        let mut object = Object::default();
        self.open(depth)?;
        if self.take(b'}') {
            return Ok(Kind::Object(object));
        }
        loop {
            let name = self.string()?;
            self.skip_white_space();
            self.expect(b':')?;
            self.skip_white_space();
            let value = self.value(depth + 1)?;
            object.members.push((name, value));
            self.skip_white_space();
            if self.take(b'}') {
                break;
            }
            self.expect(b',')?;
            self.skip_white_space();
        }
        object.duplicate = names_twice(&object.members);
        if object.duplicate && self.duplicates == Duplicates::Refuse {
            return Err(Error::DuplicateMember);
        }
        Ok(Kind::Object(object))
    }

    fn array(&mut self, depth: usize) -> Result<Kind, Error> {
        let mut elements = Vec::new();
        self.open(depth)?;
        if self.take(b']') {
            return Ok(Kind::Array(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            self.skip_white_space();
            if self.take(b']') {
                return Ok(Kind::Array(elements));
            }
            self.expect(b',')?;
            self.skip_white_space();
        }
    }

    fn open(&mut self, depth: usize) -> Result<(), Error> {
        if depth >= MAX_DEPTH {
            return Err(Error::TooDeep);
        }
        self.at += 1;
        self.skip_white_space();
        Ok(())
    }

    fn string(&mut self) -> Result<Box<str>, Error> {
        self.expect(b'"')?;
        let mut unescaped = String::new();
        loop {
            let rest = self.text.as_bytes().get(self.at..).ok_or(Error::Syntax)?;
            let plain = rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))
                .ok_or(Error::Syntax)?;
            // The bytes that end a run are ASCII, so the run ends at a character's boundary.
            let run = self
                .text
                .get(self.at..self.at + plain)
                .ok_or(Error::Syntax)?;
            self.at += plain;
            if self.take(b'"') {
                if unescaped.is_empty() {
                    return Ok(run.into());
                }
                unescaped.push_str(run);
                return Ok(unescaped.into_boxed_str());
            }
            unescaped.push_str(run);
            self.expect(b'\\')?;
            unescaped.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char, Error> {
        let escaped = self.peek().ok_or(Error::Syntax)?;
        self.at += 1;
        Ok(match escaped {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(Error::Syntax),
        })
    }

    fn unicode_escape(&mut self) -> Result<char, Error> {
        let unit = self.four_hex_digits()?;
        // A lone surrogate is no character: readers differ on it, so it is refused.
        if !(0xd800..0xdc00).contains(&unit) {
            return char::from_u32(unit).ok_or(Error::Syntax);
        }
        self.expect(b'\\')?;
        self.expect(b'u')?;
        let low = self.four_hex_digits()?;
        if !(0xdc00..0xe000).contains(&low) {
            return Err(Error::Syntax);
        }
        char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)).ok_or(Error::Syntax)
    }

    fn four_hex_digits(&mut self) -> Result<u32, Error> {
        let digits = self.text.get(self.at..self.at + 4).ok_or(Error::Syntax)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Error::Syntax);
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|_| Error::Syntax)
    }

    fn number(&mut self) -> Result<Kind, Error> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        Ok(Kind::Number)
    }

    fn digits(&mut self) -> Result<(), Error> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start {
            Err(Error::Syntax)
        } else {
            Ok(())
        }
    }

    fn literal(&mut self, word: &str, kind: Kind) -> Result<Kind, Error> {
        let rest = self.text.get(self.at..).ok_or(Error::Syntax)?;
        if !rest.starts_with(word) {
            return Err(Error::Syntax);
        }
        self.at += word.len();
        Ok(kind)
    }

    fn skip_white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Error> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(Error::Syntax)
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let taken = self.peek() == Some(byte);
        if taken {
            self.at += 1;
        }
        taken
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

/// Names are compared after unescaping: `"a"` and `"\u0061"` are one name.
fn names_twice(members: &[(Box<str>, Value)]) -> bool {
    // Few members are compared pair by pair; many are sorted, so that a hostile object costs no square.
    if members.len() <= 16 {
        let mut later = members;
        while let Some(((name, _), rest)) = later.split_first() {
            if rest.iter().any(|(other, _)| other == name) {
                return true;
            }
            later = rest;
        }
        return false;
    }
    let mut names: Vec<&str> = members.iter().map(|(name, _)| &**name).collect();
    names.sort_unstable();
    names
        .windows(2)
        .any(|pair| matches!(pair, [a, b] if a == b))
}

#[cfg(test)]
mod tests;
