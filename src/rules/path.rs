//! The grammar of request paths, decided once: what a path's segments are, and where two careful servers could
//! differ about them.
//!
//! A path that is not ambiguous has one reading: its segments, each percent-decoded once. Everything else is given
//! the kinds of its ambiguity, so that no rule is ever matched against a reading that the upstream may not share.

use std::fmt;

/// A request path without its query, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Path {
    /// One reading: decoded segments; none for `/`.
    Plain(Vec<String>),
    /// Several readings: the kinds, and the segments as they were sent.
    Ambiguous(Ambiguities, Vec<String>),
    /// No path that any rule may let through: control characters, or no leading `/` (asterisk form, CONNECT).
    Unreadable,
}

/// A way in which two careful servers could read one path differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ambiguity {
    /// `.` or `..` as a segment, plain or encoded, also before a `;`.
    DotSegments,
    /// `//`
    EmptySegments,
    /// `%2F`
    EncodedSlash,
    /// `\`, plain or encoded.
    Backslash,
    /// An encoded `%`.
    DoubleEncoding,
    /// An encoded `;`, `?` or `#`, or a plain `#`.
    EncodedDelimiter,
    /// A bad escape, a plain space, bytes outside printable ASCII, or not UTF-8 once decoded.
    BadEncoding,
    /// `;`
    Parameters,
}

/// A set of ambiguities.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Ambiguities(u8);

impl Path {
    /// Takes a request target apart; its query begins at the first `?`.
    pub fn parse(target: &str) -> Path {
        let path = target.split('?').next().unwrap_or_default();
        let Some(below_root) = path.strip_prefix('/') else {
            return Path::Unreadable;
        };
        let mut reader = Reader::default();
        reader.read(below_root.as_bytes());
        if reader.has_controls {
            return Path::Unreadable;
        }
        // One trailing slash makes no difference.
        let below_root = below_root.strip_suffix('/').unwrap_or(below_root);
        let raw: Vec<&str> = if below_root.is_empty() {
            Vec::new()
        } else {
            below_root.split('/').collect()
        };
        let decoded: Vec<Option<String>> = raw.iter().map(|segment| decode(segment)).collect();
        // Controls outside of ASCII show only once decoded.
        if decoded
            .iter()
            .flatten()
            .any(|segment| segment.chars().any(char::is_control))
        {
            return Path::Unreadable;
        }
        match decoded.into_iter().collect::<Option<Vec<String>>>() {
            Some(segments) if reader.found.is_empty() => Path::Plain(segments),
            decoded => {
                if decoded.is_none() {
                    reader.found.insert(Ambiguity::BadEncoding);
                }
                Path::Ambiguous(reader.found, raw.into_iter().map(str::to_owned).collect())
            }
        }
    }
}

// === impl Ambiguities ===

impl Ambiguity {
    /// Every kind.
    pub const ALL: [Ambiguity; 8] = [
        Ambiguity::DotSegments,
        Ambiguity::EmptySegments,
        Ambiguity::EncodedSlash,
        Ambiguity::Backslash,
        Ambiguity::DoubleEncoding,
        Ambiguity::EncodedDelimiter,
        Ambiguity::BadEncoding,
        Ambiguity::Parameters,
    ];

    /// The name in `ambiguous_paths`.
    pub fn name(self) -> &'static str {
        match self {
            Ambiguity::DotSegments => "dot_segments",
            Ambiguity::EmptySegments => "empty_segments",
            Ambiguity::EncodedSlash => "encoded_slash",
            Ambiguity::Backslash => "backslash",
            Ambiguity::DoubleEncoding => "double_encoding",
            Ambiguity::EncodedDelimiter => "encoded_delimiter",
            Ambiguity::BadEncoding => "bad_encoding",
            Ambiguity::Parameters => "parameters",
        }
    }

    fn bit(self) -> u8 {
        1 << (self as u8)
    }
}

impl Ambiguities {
    /// Nothing but [`Ambiguity::BadEncoding`].
    pub const BAD_ENCODING: Ambiguities = Ambiguities(1 << Ambiguity::BadEncoding as u8);

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether every one of these is in `allowed`.
    pub fn are_all_in(self, allowed: Ambiguities) -> bool {
        self.0 & !allowed.0 == 0
    }

    fn insert(&mut self, ambiguity: Ambiguity) {
        self.0 |= ambiguity.bit();
    }
}

impl FromIterator<Ambiguity> for Ambiguities {
    fn from_iter<I: IntoIterator<Item = Ambiguity>>(kinds: I) -> Self {
        let mut set = Ambiguities::default();
        kinds.into_iter().for_each(|kind| set.insert(kind));
        set
    }
}

impl fmt::Debug for Ambiguities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = Ambiguity::ALL
            .into_iter()
            .filter(|kind| self.0 & kind.bit() != 0);
        f.debug_list().entries(kinds.map(Ambiguity::name)).finish()
    }
}

// === impl Reader ===

/// Finds what is ambiguous in a path's bytes, by the most suspicious reading: what any server might take for a
/// separator separates, so that a dot segment cannot hide behind another ambiguity.
#[derive(Default)]
struct Reader {
    found: Ambiguities,
    has_controls: bool,
    piece: Piece,
}

/// What lies between two separators, as far as it matters.
#[derive(Default)]
struct Piece {
    dots: usize,
    others: bool,
    in_parameters: bool,
}

impl Reader {
    fn read(&mut self, path: &[u8]) {
        let mut rest = path;
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            if byte != b'%' {
                self.plain(byte);
                continue;
            }
            match after
                .split_first_chunk()
                .and_then(|(digits, after)| Some((hex(digits)?, after)))
            {
                Some((decoded, after)) => {
                    rest = after;
                    self.encoded(decoded);
                }
                None => {
                    self.found.insert(Ambiguity::BadEncoding);
                    self.piece.others = true;
                }
            }
        }
        // The last piece may be empty: that is the one trailing slash.
        self.end_piece(true);
    }

    fn plain(&mut self, byte: u8) {
        match byte {
            0..=0x1f | 0x7f => self.has_controls = true,
            b'/' => self.end_piece(false),
            b'\\' => self.separator_like(Ambiguity::Backslash),
            b';' => {
                self.found.insert(Ambiguity::Parameters);
                self.piece.in_parameters = true;
            }
            b'#' => self.other(Some(Ambiguity::EncodedDelimiter)),
            b' ' | 0x80..=0xff => self.other(Some(Ambiguity::BadEncoding)),
            b'.' => self.dot(),
            _ => self.other(None),
        }
    }

    fn encoded(&mut self, decoded: u8) {
        match decoded {
            0..=0x1f | 0x7f => self.has_controls = true,
            b'/' => self.separator_like(Ambiguity::EncodedSlash),
            b'\\' => self.separator_like(Ambiguity::Backslash),
            b'%' => self.other(Some(Ambiguity::DoubleEncoding)),
            b';' => {
                self.found.insert(Ambiguity::EncodedDelimiter);
                self.piece.in_parameters = true;
            }
            b'?' | b'#' => self.other(Some(Ambiguity::EncodedDelimiter)),
            b'.' => self.dot(),
            _ => self.other(None),
        }
    }

    fn separator_like(&mut self, ambiguity: Ambiguity) {
        self.found.insert(ambiguity);
        self.end_piece(false);
    }

    fn other(&mut self, ambiguity: Option<Ambiguity>) {
        ambiguity
            .into_iter()
            .for_each(|ambiguity| self.found.insert(ambiguity));
        self.piece.others |= !self.piece.in_parameters;
    }

    fn dot(&mut self) {
        if !self.piece.in_parameters {
            self.piece.dots += 1;
        }
    }

    fn end_piece(&mut self, last: bool) {
        let piece = std::mem::take(&mut self.piece);
        match piece {
            Piece {
                others: false,
                dots: 1 | 2,
                ..
            } => self.found.insert(Ambiguity::DotSegments),
            Piece {
                others: false,
                dots: 0,
                in_parameters,
            } if !last || in_parameters => {
                self.found.insert(Ambiguity::EmptySegments);
            }
            _ => {}
        }
    }
}

/// Percent-decodes once; `None` where that is no UTF-8.
fn decode(segment: &str) -> Option<String> {
    if !segment.contains('%') {
        return Some(segment.to_owned());
    }
    let mut decoded = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after.split_first_chunk()) {
            (b'%', Some((digits, after))) => {
                decoded.push(hex(digits)?);
                rest = after;
            }
            (b'%', None) => return None,
            _ => decoded.push(byte),
        }
    }
    String::from_utf8(decoded).ok()
}

fn hex(digits: &[u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? * 16 + low?).ok()
}

#[cfg(test)]
mod tests;
