//! Reads a JSON text in one pass.

use crate::jose::json::{Duplicates, JsonDocument, JsonError, JsonNode, MAX_DEPTH, TextRange};

mod duplicates;
mod strings;

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
        // An outer object is noted after the objects in it, because it ends later.
        self.duplicates.sort_unstable();
        JsonDocument {
            text: text.into(),
            length,
            // A copy: some allocators shrink memory in place and keep the rest, and the token cache keeps the nodes.
            nodes: self.nodes.as_slice().into(),
            duplicates: self.duplicates.into(),
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
            self.require(b':')?;
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
            self.require(b',')?;
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

    fn require(&mut self, byte: u8) -> Result<(), JsonError> {
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

    fn syntax(&self) -> JsonError {
        JsonError::Syntax(self.at)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}
