//! The grammar of request paths: the segments of a path, and the ways in which two servers could interpret it
//! differently.
//!
//! A path that is not ambiguous has one interpretation: its segments, each percent-decoded once. Every other path gets
//! the kinds of its ambiguities. No rule is ever matched against an interpretation that the upstream may not share.

use std::borrow::Cow;

use crate::rules::ambiguity::{Ambiguities, Ambiguity};

/// A request path without its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Path<'a> {
    /// One interpretation: the decoded segments. `/` has none.
    Plain(Segments<'a>),
    /// Several interpretations: every kind that the path has, and the segments as sent.
    Ambiguous(Ambiguities, Segments<'a>),
    /// A form that no setting permits: a control character, or no leading `/` (asterisk form, CONNECT).
    Unreadable,
}

/// The segments of a path. One without escapes is a part of the request.
pub type Segments<'a> = Vec<Cow<'a, str>>;

impl<'a> Path<'a> {
    /// Reads a request target. Its query begins at the first `?`.
    pub fn parse(target: &'a [u8]) -> Path<'a> {
        let path = target
            .split(|byte| *byte == b'?')
            .next()
            .unwrap_or_default();
        let Some(below_root) = path.strip_prefix(b"/") else {
            return Path::Unreadable;
        };
        let decoded = percent_decode(below_root);
        let mut scanner = Scanner::default();
        scanner.scan(below_root);
        if scanner.found.contains(Ambiguity::DoubleEncoding) {
            // A server that decodes twice sees what the second decoding reveals.
            scanner.is_second_pass = true;
            scanner.scan(&decoded);
            scanner.has_controls |= has_c1_controls(&percent_decode(&decoded));
        }
        if scanner.has_controls || has_c1_controls(&decoded) {
            return Path::Unreadable;
        }
        // Without an escape, the scanner has found each byte that is not ASCII.
        if matches!(&decoded, Cow::Owned(decoded) if std::str::from_utf8(decoded).is_err()) {
            scanner.found.insert(Ambiguity::BadEncoding);
        }
        // One trailing slash makes no difference.
        let below_root = below_root.strip_suffix(b"/").unwrap_or(below_root);
        let is_plain = scanner.found.is_empty();
        let text = match decoded {
            Cow::Owned(_) if is_plain => decoded_text,
            _ => text,
        };
        let segments = segments(below_root).map(text).collect();
        if is_plain {
            Path::Plain(segments)
        } else {
            Path::Ambiguous(scanner.found, segments)
        }
    }

    /// Reads a target of which the proxy showed two forms that differ: it has the kinds of both, and
    /// [`Ambiguity::BadEncoding`].
    pub(crate) fn parse_differing(shown: &[u8], raw: &'a [u8]) -> Path<'a> {
        let (shown, raw) = (Path::parse(shown), Path::parse(raw));
        match (shown.ambiguities(), raw.ambiguities(), raw) {
            (Some(shown), Some(kinds), Path::Plain(segments) | Path::Ambiguous(_, segments)) => {
                let kinds = shown.union(kinds).union(Ambiguities::BAD_ENCODING);
                Path::Ambiguous(kinds, segments)
            }
            _ => Path::Unreadable,
        }
    }

    fn ambiguities(&self) -> Option<Ambiguities> {
        match self {
            Path::Plain(_) => Some(Ambiguities::default()),
            Path::Ambiguous(kinds, _) => Some(*kinds),
            Path::Unreadable => None,
        }
    }
}

/// The parts between slashes; none for an empty path.
fn segments(below_root: &[u8]) -> impl Iterator<Item = &[u8]> {
    below_root
        .split(|byte| *byte == b'/')
        .filter(move |_| !below_root.is_empty())
}

/// A segment as sent.
fn text(segment: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(segment) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(segment),
    }
}

/// A segment, percent-decoded.
fn decoded_text(segment: &[u8]) -> Cow<'_, str> {
    match percent_decode(segment) {
        Cow::Borrowed(plain) => text(plain),
        Cow::Owned(decoded) => Cow::Owned(String::from_utf8_lossy(&decoded).into_owned()),
    }
}

// === impl Scanner ===

/// Finds the kinds of a path's ambiguities. If any server might treat a character as a separator, the character ends a
/// piece here, so that a dot segment after another ambiguity is found too.
#[derive(Default)]
struct Scanner {
    found: Ambiguities,
    has_controls: bool,
    piece: Piece,
    /// Whether the input was decoded once already. Its plain characters were then reported by the first pass.
    is_second_pass: bool,
}

/// The part of a path between two separators, up to the first character that some server treats as its end.
#[derive(Default)]
struct Piece {
    dots: usize,
    has_others: bool,
    has_ended: bool,
}

impl Scanner {
    fn scan(&mut self, path: &[u8]) {
        let mut rest = path;
        loop {
            let end = rest.iter().position(|byte| !is_of_word(*byte));
            let (word, next) = rest.split_at(end.unwrap_or(rest.len()));
            if !word.is_empty() {
                self.other(None);
            }
            let Some((&byte, after)) = next.split_first() else {
                break;
            };
            rest = after;
            if byte != b'%' {
                self.plain(byte);
                continue;
            }
            match leading_escape(after) {
                Some((decoded, after)) => {
                    rest = after;
                    self.encoded(decoded);
                }
                None => self.other(Some(Ambiguity::BadEncoding)),
            }
        }
        // The last piece may be empty: that is the one trailing slash.
        self.end_piece(true);
    }

    fn plain(&mut self, byte: u8) {
        match byte {
            0..=0x1f | 0x7f => self.has_controls |= !self.is_second_pass,
            b'/' => self.end_piece(false),
            b'\\' => self.separator(Ambiguity::Backslash),
            b';' => self.delimiter(Ambiguity::Parameters),
            b'#' | b'?' => self.delimiter(Ambiguity::EncodedDelimiter),
            b' ' | 0x80..=0xff => self.other(Some(Ambiguity::BadEncoding)),
            b'.' => self.dot(),
            _ => self.other(None),
        }
    }

    fn encoded(&mut self, decoded: u8) {
        let is_second_pass = std::mem::take(&mut self.is_second_pass);
        match decoded {
            0..=0x1f | 0x7f => self.has_controls = true,
            b'/' => self.separator(Ambiguity::EncodedSlash),
            b'\\' => self.separator(Ambiguity::Backslash),
            b'%' => self.other(Some(Ambiguity::DoubleEncoding)),
            b';' | b'?' | b'#' => self.delimiter(Ambiguity::EncodedDelimiter),
            b'.' => self.dot(),
            _ => self.other(None),
        }
        self.is_second_pass = is_second_pass;
    }

    fn report(&mut self, kind: Ambiguity) {
        if !self.is_second_pass {
            self.found.insert(kind);
        }
    }

    fn separator(&mut self, kind: Ambiguity) {
        self.report(kind);
        self.end_piece(false);
    }

    fn delimiter(&mut self, kind: Ambiguity) {
        self.report(kind);
        self.piece.has_ended = true;
    }

    fn other(&mut self, kind: Option<Ambiguity>) {
        if let Some(kind) = kind {
            self.report(kind);
        }
        self.piece.has_others |= !self.piece.has_ended;
    }

    fn dot(&mut self) {
        if !self.piece.has_ended {
            self.piece.dots += 1;
        }
    }

    fn end_piece(&mut self, is_last: bool) {
        let piece = std::mem::take(&mut self.piece);
        match piece {
            Piece {
                has_others: false,
                dots: 1 | 2,
                ..
            } => self.found.insert(Ambiguity::DotSegments),
            Piece {
                has_others: false,
                dots: 0,
                has_ended,
            } if !is_last || has_ended => self.found.insert(Ambiguity::EmptySegments),
            _ => {}
        }
    }
}

/// Whether no server treats the character in a special way. Most characters of a path are such ones, and are not looked at one by
/// one.
fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Decodes every escape once. A bad escape stays as it is.
fn percent_decode(bytes: &[u8]) -> Cow<'_, [u8]> {
    if !bytes.contains(&b'%') {
        return Cow::Borrowed(bytes);
    }
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, leading_escape(after)) {
            (b'%', Some((value, after))) => {
                decoded.push(value);
                rest = after;
            }
            _ => decoded.push(byte),
        }
    }
    Cow::Owned(decoded)
}

/// The value of the two hexadecimal digits with which the bytes begin, and the bytes after them.
fn leading_escape(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, after) = bytes.split_first_chunk::<2>()?;
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    Some((u8::try_from(high? * 16 + low?).ok()?, after))
}

/// Whether the bytes have a control character from U+0080 to U+009F, also amid bytes that are not UTF-8.
fn has_c1_controls(bytes: &[u8]) -> bool {
    !bytes.is_ascii()
        && bytes
            .windows(2)
            .any(|pair| matches!(pair, [0xc2, 0x80..=0x9f]))
}

#[cfg(test)]
mod tests;
