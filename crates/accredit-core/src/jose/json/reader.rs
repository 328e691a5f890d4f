//! Reads a JSON text in one pass.

use std::sync::Arc;

use crate::jose::json::{
    Duplicates, JsonDocument, JsonError, JsonKind, JsonObject, JsonText, JsonValue, MAX_DEPTH, Span,
};

/// The room for the members of open objects. Most claims sets have fewer.
const USUAL_MEMBERS: usize = 16;

impl JsonDocument {
    /// Reads a complete text.
    ///
    /// # Errors
    /// [`JsonError`] says why the text is not strict JSON.
    pub fn parse(bytes: &[u8], duplicates: Duplicates) -> Result<JsonDocument, JsonError> {
        let text =
            std::str::from_utf8(bytes).map_err(|error| JsonError::NotUtf8(error.valid_up_to()))?;
        if u32::try_from(text.len()).is_err() {
            return Err(JsonError::TooLarge);
        }
        if text.starts_with('\u{feff}') {
            return Err(JsonError::ByteOrderMark);
        }
        let text: Arc<str> = text.into();
        let mut reader = JsonReader {
            text: &text,
            at: 0,
            duplicates,
            members: Vec::with_capacity(USUAL_MEMBERS),
            elements: Vec::new(),
        };
        reader.skip_white_space();
        if reader.at == text.len() {
            return Err(JsonError::Empty);
        }
        let root = reader.value(0)?;
        reader.skip_white_space();
        if reader.at != text.len() {
            return Err(JsonError::TrailingBytes(reader.at));
        }
        Ok(JsonDocument { text, root })
    }
}

struct JsonReader<'a> {
    text: &'a Arc<str>,
    at: usize,
    duplicates: Duplicates,
    /// The members of the objects that are open, outermost first. Each object takes its own once it is complete, so that its
    /// vector has the size that it needs: a hostile token of small objects would otherwise be mostly unused capacity.
    members: Vec<(JsonText, JsonValue)>,
    /// The same for the elements of arrays.
    elements: Vec<JsonValue>,
}

impl JsonReader<'_> {
    fn value(&mut self, depth: usize) -> Result<JsonValue, JsonError> {
        let start = self.at;
        let kind = match self.peek().ok_or(self.syntax())? {
            b'{' => self.object(depth)?,
            b'[' => self.array(depth)?,
            b'"' => JsonKind::String(self.string()?),
            b't' => self.literal("true", JsonKind::Bool(true))?,
            b'f' => self.literal("false", JsonKind::Bool(false))?,
            b'n' => self.literal("null", JsonKind::Null)?,
            b'-' | b'0'..=b'9' => self.number()?,
            _ => return Err(self.syntax()),
        };
        Ok(JsonValue {
            kind,
            span: Span::new(start, self.at),
        })
    }

    fn object(&mut self, depth: usize) -> Result<JsonKind, JsonError> {
        let mut object = JsonObject::default();
        self.open(depth)?;
        if self.take(b'}') {
            return Ok(JsonKind::Object(object));
        }
        let outer = self.members.len();
        loop {
            let name = self.string()?;
            self.skip_white_space();
            self.expect(b':')?;
            self.skip_white_space();
            let value = self.value(depth + 1)?;
            self.members.push((name, value));
            self.skip_white_space();
            if self.take(b'}') {
                break;
            }
            self.expect(b',')?;
            self.skip_white_space();
        }
        object.members = self.members.drain(outer..).collect();
        if let Some(member) = duplicate_member(&object.members) {
            if self.duplicates == Duplicates::Refuse {
                return Err(self.duplicate_at(
                    member
                        .checked_sub(1)
                        .and_then(|previous| object.members.get(previous)),
                ));
            }
            object.duplicate = true;
        }
        Ok(JsonKind::Object(object))
    }

    fn array(&mut self, depth: usize) -> Result<JsonKind, JsonError> {
        self.open(depth)?;
        if self.take(b']') {
            return Ok(JsonKind::Array(Vec::new()));
        }
        let outer = self.elements.len();
        loop {
            let element = self.value(depth + 1)?;
            self.elements.push(element);
            self.skip_white_space();
            if self.take(b']') {
                return Ok(JsonKind::Array(self.elements.drain(outer..).collect()));
            }
            self.expect(b',')?;
            self.skip_white_space();
        }
    }

    fn open(&mut self, depth: usize) -> Result<(), JsonError> {
        if depth >= MAX_DEPTH {
            return Err(JsonError::TooDeep);
        }
        self.at += 1;
        self.skip_white_space();
        Ok(())
    }

    fn string(&mut self) -> Result<JsonText, JsonError> {
        self.expect(b'"')?;
        let start = self.at;
        let rest = self.text.as_bytes().get(start..).ok_or(self.syntax())?;
        // Without an escape, the first run is the whole string.
        if let Some(length) = rest.iter().position(|byte| ends_run(*byte))
            && rest.get(length) == Some(&b'"')
        {
            self.at += length + 1;
            return Ok(JsonText {
                text: self.text.clone(),
                span: Span::new(start, start + length),
            });
        }
        let mut unescaped = String::new();
        loop {
            let rest = self.text.as_bytes().get(self.at..).ok_or(self.syntax())?;
            let plain = rest
                .iter()
                .position(|byte| ends_run(*byte))
                .ok_or(self.syntax())?;
            // The bytes that end a run are ASCII, so the run ends at a character boundary.
            let run = self
                .text
                .get(self.at..self.at + plain)
                .ok_or(self.syntax())?;
            self.at += plain;
            if self.take(b'"') {
                unescaped.push_str(run);
                return Ok(JsonText {
                    span: Span::new(0, unescaped.len()),
                    text: unescaped.into(),
                });
            }
            unescaped.push_str(run);
            self.expect(b'\\')?;
            unescaped.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let escaped = self.peek().ok_or(self.syntax())?;
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
            _ => return Err(self.syntax()),
        })
    }

    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let unit = self.four_hex_digits()?;
        // A lone surrogate is not a character. Readers differ about it, so it is an error.
        if !(0xd800..0xdc00).contains(&unit) {
            return char::from_u32(unit).ok_or(self.syntax());
        }
        self.expect(b'\\')?;
        self.expect(b'u')?;
        let low = self.four_hex_digits()?;
        if !(0xdc00..0xe000).contains(&low) {
            return Err(self.syntax());
        }
        char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)).ok_or(self.syntax())
    }

    fn four_hex_digits(&mut self) -> Result<u32, JsonError> {
        let digits = self.text.get(self.at..self.at + 4).ok_or(self.syntax())?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(self.syntax());
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|_| self.syntax())
    }

    fn number(&mut self) -> Result<JsonKind, JsonError> {
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
        Ok(JsonKind::Number)
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start {
            Err(self.syntax())
        } else {
            Ok(())
        }
    }

    fn literal(&mut self, word: &str, kind: JsonKind) -> Result<JsonKind, JsonError> {
        let rest = self.text.get(self.at..).ok_or(self.syntax())?;
        if !rest.starts_with(word) {
            return Err(self.syntax());
        }
        self.at += word.len();
        Ok(kind)
    }

    fn skip_white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(self.syntax())
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let taken = self.peek() == Some(byte);
        if taken {
            self.at += 1;
        }
        taken
    }

    /// The duplicate member that follows this one. Its name begins after the comma.
    fn duplicate_at(&mut self, previous: Option<&(JsonText, JsonValue)>) -> JsonError {
        if let Some((_, value)) = previous {
            self.at = value.span.range().end;
            self.skip_white_space();
            self.take(b',');
            self.skip_white_space();
        }
        JsonError::DuplicateMember(self.at)
    }

    fn syntax(&self) -> JsonError {
        JsonError::Syntax(self.at)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

/// Whether the byte ends a run of characters that stand for themselves in a string. Control characters are errors.
#[inline]
fn ends_run(byte: u8) -> bool {
    // A table: this runs for every character of a token.
    #[allow(clippy::indexing_slicing, reason = "the compiler evaluates it")]
    const ENDS_RUN: [bool; 256] = {
        let mut ends = [false; 256];
        let mut control = 0;
        while control < 0x20 {
            ends[control] = true;
            control += 1;
        }
        ends[b'"' as usize] = true;
        ends[b'\\' as usize] = true;
        ends
    };
    ENDS_RUN.get(usize::from(byte)).copied().unwrap_or(true)
}

/// The first member, in some order, whose name an earlier member has. Names are compared after unescaping: `"a"` and
/// `"\u0061"` are the same name.
fn duplicate_member(members: &[(JsonText, JsonValue)]) -> Option<usize> {
    // Of a few members, those whose bit another one has are compared with the earlier ones. Many are sorted, so that a hostile
    // object costs no quadratic time.
    if members.len() <= 16 {
        let mut bits = 0;
        return members.iter().enumerate().find_map(|(at, (name, _))| {
            let bit = name.bit();
            let is_new = bits & bit == 0;
            bits |= bit;
            let mut earlier = members.iter().take(at);
            (!is_new && earlier.any(|(other, _)| other == name)).then_some(at)
        });
    }
    let mut names: Vec<(&str, usize)> = members
        .iter()
        .enumerate()
        .map(|(at, (name, _))| (&**name, at))
        .collect();
    names.sort_unstable();
    names.windows(2).find_map(|pair| match pair {
        [(one, _), (other, at)] if one == other => Some(*at),
        _ => None,
    })
}
