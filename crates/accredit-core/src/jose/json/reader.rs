//! Reads a JSON text in one pass.

use crate::jose::json::{Duplicates, JsonDocument, JsonError, JsonNode, MAX_DEPTH, TextRange};

/// The bytes of the text for which memory of one node is requested at the start. A claims set has fewer nodes.
const BYTES_PER_NODE: usize = 8;

impl JsonDocument {
    /// Reads a complete text.
    ///
    /// # Errors
    /// [`JsonError`] says why the text is not strict JSON.
    pub fn parse(bytes: &[u8], duplicates: Duplicates) -> Result<JsonDocument, JsonError> {
        JsonDocument::read(bytes.to_vec(), duplicates).map_err(|(error, _)| error)
    }

    /// The same without a copy of the text.
    ///
    /// # Errors
    /// [`JsonError`] says why the text is not strict JSON. The text is returned with it.
    pub(crate) fn read(
        bytes: Vec<u8>,
        duplicates: Duplicates,
    ) -> Result<JsonDocument, (JsonError, Vec<u8>)> {
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            (JsonError::NotUtf8(valid), error.into_bytes())
        })?;
        match JsonReader::read(&text, duplicates) {
            Ok(read) => Ok(read.into_document(text)),
            Err(error) => Err((error, text.into_bytes())),
        }
    }
}

struct JsonReader<'a> {
    text: &'a str,
    at: usize,
    duplicates: Duplicates,
    read: ReadText,
}

/// What was read of a text.
struct ReadText {
    nodes: Vec<JsonNode>,
    /// The unescaped form of each string that has an escape.
    unescaped: String,
    /// Where the objects begin that have a member twice.
    duplicates: Vec<u32>,
}

impl ReadText {
    fn into_document(mut self, mut text: String) -> JsonDocument {
        let length = text.len();
        text.push_str(&self.unescaped);
        // An object is noted when it ends, those in it before.
        self.duplicates.sort_unstable();
        JsonDocument {
            text: text.into(),
            length,
            // A copy: some allocators shrink memory in place and keep the rest, and the token cache keeps the nodes.
            nodes: self.nodes.as_slice().into(),
            duplicates: self.duplicates,
        }
    }
}

impl JsonReader<'_> {
    fn read(text: &str, duplicates: Duplicates) -> Result<ReadText, JsonError> {
        // The unescaped strings are not longer than the text, and offsets in both together have 32 bits.
        if i32::try_from(text.len()).is_err() {
            return Err(JsonError::TooLarge);
        }
        if text.starts_with('\u{feff}') {
            return Err(JsonError::ByteOrderMark);
        }
        let mut reader = JsonReader {
            text,
            at: 0,
            duplicates,
            read: ReadText {
                nodes: Vec::with_capacity(text.len() / BYTES_PER_NODE),
                unescaped: String::new(),
                duplicates: Vec::new(),
            },
        };
        reader.skip_white_space();
        if reader.at == text.len() {
            return Err(JsonError::Empty);
        }
        reader.value(0)?;
        reader.skip_white_space();
        if reader.at != text.len() {
            return Err(JsonError::TrailingBytes(reader.at));
        }
        Ok(reader.read)
    }

    fn value(&mut self, depth: usize) -> Result<(), JsonError> {
        match self.peek().ok_or(self.syntax())? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => self.string(),
            b't' => self.scalar(|reader| reader.literal("true")),
            b'f' => self.scalar(|reader| reader.literal("false")),
            b'n' => self.scalar(|reader| reader.literal("null")),
            b'-' | b'0'..=b'9' => self.scalar(JsonReader::number),
            _ => Err(self.syntax()),
        }
    }

    fn scalar(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        let start = self.at;
        read(self)?;
        self.push(start, self.at);
        Ok(())
    }

    fn object(&mut self, depth: usize) -> Result<(), JsonError> {
        let own = self.open(depth)?;
        let mut count = 0;
        while !self.close(b'}', &mut count)? {
            self.string()?;
            self.skip_white_space();
            self.expect(b':')?;
            self.skip_white_space();
            self.value(depth + 1)?;
        }
        self.complete(own, count);
        if let Some(start) = self.duplicate_member(own) {
            if self.duplicates == Duplicates::Refuse {
                return Err(JsonError::DuplicateMember(start as usize));
            }
            let object = self.read.nodes.get(own).map(|node| node.place.start);
            self.read.duplicates.extend(object);
        }
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<(), JsonError> {
        let own = self.open(depth)?;
        let mut count = 0;
        while !self.close(b']', &mut count)? {
            self.value(depth + 1)?;
        }
        self.complete(own, count);
        Ok(())
    }

    /// Begins an object or an array, and returns the index of its node.
    fn open(&mut self, depth: usize) -> Result<usize, JsonError> {
        if depth >= MAX_DEPTH {
            return Err(JsonError::TooDeep);
        }
        let own = self.read.nodes.len();
        self.push(self.at, self.at);
        self.at += 1;
        Ok(own)
    }

    /// Reads up to the next element or member, which is then counted, or past the bracket that ends the object or the array.
    fn close(&mut self, bracket: u8, count: &mut u32) -> Result<bool, JsonError> {
        self.skip_white_space();
        if self.take(bracket) {
            return Ok(true);
        }
        if *count > 0 {
            self.expect(b',')?;
            self.skip_white_space();
        }
        *count += 1;
        Ok(false)
    }

    /// Completes the node of an object or an array that ends here.
    fn complete(&mut self, own: usize, count: u32) {
        let size = self.read.nodes.len() - own;
        if let Some(node) = self.read.nodes.get_mut(own) {
            node.place = TextRange {
                end: self.at as u32,
                ..node.place
            };
            node.size = size as u32;
            node.count = count;
        }
    }

    fn push(&mut self, start: usize, end: usize) {
        self.read
            .nodes
            .push(JsonNode::new(TextRange::new(start, end)));
    }

    fn string(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        self.expect(b'"')?;
        let length = self.plain_run()?;
        self.at += length;
        // Without an escape, the first run is the whole string.
        if self.take(b'"') {
            self.push(start, self.at);
            return Ok(());
        }
        let place = self.read.unescaped.len();
        let mut run = self.at - length;
        loop {
            // The bytes that end a run are ASCII, so the run ends at a character boundary.
            let plain = self.text.get(run..self.at).ok_or(self.syntax())?;
            self.read.unescaped.push_str(plain);
            if self.take(b'"') {
                break;
            }
            self.expect(b'\\')?;
            let escaped = self.escape()?;
            self.read.unescaped.push(escaped);
            run = self.at;
            self.at += self.plain_run()?;
        }
        let own = self.read.nodes.len();
        self.push(start, self.at);
        let after = self.text.len();
        self.push(after + place, after + self.read.unescaped.len());
        self.complete(own, 0);
        Ok(())
    }

    /// The number of bytes from here that stand for themselves in a string.
    fn plain_run(&self) -> Result<usize, JsonError> {
        let rest = self.text.as_bytes().get(self.at..).ok_or(self.syntax())?;
        let length = rest.iter().position(|byte| ends_run(*byte));
        length.ok_or(self.syntax())
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

    fn number(&mut self) -> Result<(), JsonError> {
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
        Ok(())
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

    fn literal(&mut self, word: &str) -> Result<(), JsonError> {
        let rest = self.text.get(self.at..).ok_or(self.syntax())?;
        if !rest.starts_with(word) {
            return Err(self.syntax());
        }
        self.at += word.len();
        Ok(())
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

    /// Where the first member begins, in some order, whose name an earlier member of the object has. Names are compared after
    /// unescaping: `"a"` and `"\u0061"` are the same name.
    fn duplicate_member(&self, object: usize) -> Option<u32> {
        let count = self.read.nodes.get(object)?.count;
        let names = || self.names(object);
        // Of a few members, those whose bit another one has are compared with the earlier ones. Many are sorted, so that a hostile
        // object costs no quadratic time.
        if count <= 16 {
            let mut bits = 0;
            return names().enumerate().find_map(|(at, (name, start))| {
                let bit = bit(name);
                let is_new = bits & bit == 0;
                bits |= bit;
                let mut earlier = names().take(at);
                (!is_new && earlier.any(|(other, _)| other == name)).then_some(start)
            });
        }
        let mut names: Vec<(&[u8], u32)> = names().collect();
        names.sort_unstable();
        names.windows(2).find_map(|pair| match pair {
            [(one, _), (other, start)] if one == other => Some(*start),
            _ => None,
        })
    }

    /// The unescaped name of each member of an object, and where the member begins.
    fn names(&self, object: usize) -> impl Iterator<Item = (&[u8], u32)> {
        let mut at = object + 1;
        let nodes = &self.read.nodes;
        std::iter::from_fn(move || {
            let name = nodes.get(at)?;
            let value = at + name.size as usize;
            let unescaped = (name.size == 2).then(|| nodes.get(at + 1)).flatten();
            at = value + nodes.get(value)?.size as usize;
            let text = match unescaped {
                None => self.text.as_bytes().get(name.place.inside().bytes()),
                Some(node) => {
                    let place = node.place.bytes();
                    let [start, end] =
                        [place.start, place.end].map(|offset| offset.checked_sub(self.text.len()));
                    self.read.unescaped.as_bytes().get(start?..end?)
                }
            };
            Some((text?, name.place.start))
        })
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

/// A bit that equal texts have in common. Most other texts have another bit.
fn bit(text: &[u8]) -> u64 {
    let [first, last] = [text.first(), text.last()].map(|byte| byte.map_or(0, |b| *b));
    1 << ((text.len() * 5 + usize::from(first) + usize::from(last) * 3) % 64)
}
