//! Reads the strings of a JSON text.

use crate::jose::json::JsonError;
use crate::jose::json::reader::JsonReader;

impl JsonReader<'_> {
    /// Reads a string, and adds its node and, if it has an escape, one for its unescaped form.
    pub(in crate::jose::json::reader) fn string(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        self.require(b'"')?;
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
            self.require(b'\\')?;
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
        self.require(b'\\')?;
        self.require(b'u')?;
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
