//! The one pass over a JSON text.

use crate::jose::json::{Duplicates, JsonError, JsonKind, JsonObject, JsonValue, MAX_DEPTH, Span};

/// The one value that the text consists of.
pub(super) fn read(text: &str, duplicates: Duplicates) -> Result<JsonValue, JsonError> {
    let mut reader = JsonReader {
        text,
        at: 0,
        duplicates,
    };
    reader.skip_white_space();
    let root = reader.value(0)?;
    reader.skip_white_space();
    if reader.at != text.len() {
        return Err(JsonError::TrailingBytes);
    }
    Ok(root)
}

struct JsonReader<'a> {
    text: &'a str,
    at: usize,
    duplicates: Duplicates,
}

impl JsonReader<'_> {
    fn value(&mut self, depth: usize) -> Result<JsonValue, JsonError> {
        let start = self.at;
        let kind = match self.peek().ok_or(JsonError::Syntax)? {
            b'{' => self.object(depth)?,
            b'[' => self.array(depth)?,
            b'"' => JsonKind::String(self.string()?),
            b't' => self.literal("true", JsonKind::Bool(true))?,
            b'f' => self.literal("false", JsonKind::Bool(false))?,
            b'n' => self.literal("null", JsonKind::Null)?,
            b'-' | b'0'..=b'9' => self.number()?,
            _ => return Err(JsonError::Syntax),
        };
        Ok(JsonValue {
            kind,
            span: Span {
                start: start as u32,
                end: self.at as u32,
            },
        })
    }

    fn object(&mut self, depth: usize) -> Result<JsonKind, JsonError> {
        let mut object = JsonObject::default();
        self.open(depth)?;
        if self.take(b'}') {
            return Ok(JsonKind::Object(object));
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
            return Err(JsonError::DuplicateMember);
        }
        Ok(JsonKind::Object(object))
    }

    fn array(&mut self, depth: usize) -> Result<JsonKind, JsonError> {
        let mut elements = Vec::new();
        self.open(depth)?;
        if self.take(b']') {
            return Ok(JsonKind::Array(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            self.skip_white_space();
            if self.take(b']') {
                return Ok(JsonKind::Array(elements));
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

    fn string(&mut self) -> Result<Box<str>, JsonError> {
        self.expect(b'"')?;
        let mut unescaped = String::new();
        loop {
            let rest = self
                .text
                .as_bytes()
                .get(self.at..)
                .ok_or(JsonError::Syntax)?;
            let plain = rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))
                .ok_or(JsonError::Syntax)?;
            // The bytes that end a run are ASCII, so the run ends at a character's boundary.
            let run = self
                .text
                .get(self.at..self.at + plain)
                .ok_or(JsonError::Syntax)?;
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

    fn escape(&mut self) -> Result<char, JsonError> {
        let escaped = self.peek().ok_or(JsonError::Syntax)?;
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
            _ => return Err(JsonError::Syntax),
        })
    }

    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let unit = self.four_hex_digits()?;
        // A lone surrogate is no character: readers differ on it, so it is refused.
        if !(0xd800..0xdc00).contains(&unit) {
            return char::from_u32(unit).ok_or(JsonError::Syntax);
        }
        self.expect(b'\\')?;
        self.expect(b'u')?;
        let low = self.four_hex_digits()?;
        if !(0xdc00..0xe000).contains(&low) {
            return Err(JsonError::Syntax);
        }
        char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)).ok_or(JsonError::Syntax)
    }

    fn four_hex_digits(&mut self) -> Result<u32, JsonError> {
        let digits = self
            .text
            .get(self.at..self.at + 4)
            .ok_or(JsonError::Syntax)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(JsonError::Syntax);
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|_| JsonError::Syntax)
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
            Err(JsonError::Syntax)
        } else {
            Ok(())
        }
    }

    fn literal(&mut self, word: &str, kind: JsonKind) -> Result<JsonKind, JsonError> {
        let rest = self.text.get(self.at..).ok_or(JsonError::Syntax)?;
        if !rest.starts_with(word) {
            return Err(JsonError::Syntax);
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
            Err(JsonError::Syntax)
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
fn names_twice(members: &[(Box<str>, JsonValue)]) -> bool {
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
