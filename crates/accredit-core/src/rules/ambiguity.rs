//! The ways in which two servers could interpret one path differently.

use std::fmt;

/// A way in which two servers could interpret a path differently (CONTRACT 3.10.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ambiguity {
    /// A segment `.` or `..`, plain or encoded, also before a `;`, `#` or an encoded `?`.
    DotSegments,
    /// `//`
    EmptySegments,
    /// An encoded `/`.
    EncodedSlash,
    /// `\`, plain or encoded.
    Backslash,
    /// An encoded `%`.
    DoubleEncoding,
    /// An encoded `;`, `?` or `#`, or a plain `#`.
    EncodedDelimiter,
    /// A bad escape, a plain space, a byte outside printable ASCII, or text that is not UTF-8 once decoded.
    BadEncoding,
    /// `;`
    Parameters,
}

/// A set of kinds.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Ambiguities(u8);

impl Ambiguity {
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
    /// The set of [`Ambiguity::BadEncoding`] alone.
    pub(crate) const BAD_ENCODING: Ambiguities = Ambiguities(1 << Ambiguity::BadEncoding as u8);

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn contains(self, kind: Ambiguity) -> bool {
        self.0 & kind.bit() != 0
    }

    /// Whether every one of these kinds is in `permitted`.
    pub(crate) fn are_all_in(self, permitted: Ambiguities) -> bool {
        self.0 & !permitted.0 == 0
    }

    #[must_use]
    pub(crate) fn union(self, other: Ambiguities) -> Ambiguities {
        Ambiguities(self.0 | other.0)
    }

    /// The kinds in the order of [`Ambiguity::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Ambiguity> {
        Ambiguity::ALL
            .into_iter()
            .filter(move |kind| self.contains(*kind))
    }

    pub fn insert(&mut self, kind: Ambiguity) {
        self.0 |= kind.bit();
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
        f.debug_list()
            .entries(self.iter().map(Ambiguity::name))
            .finish()
    }
}
