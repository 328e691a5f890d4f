//! The patterns of the schema, each with its parser. accredit checks a value with the parser that later reads it, not
//! with the regular expression.

use crate::config::units::{DURATION_PATTERN, Duration, SIZE_PATTERN, Size};

/// A pattern of the schema, and the parser for it.
pub(crate) struct Grammar {
    /// The regular expression in the schema.
    pub(crate) pattern: &'static str,
    /// What it describes, with an example.
    pub words: &'static str,
    /// An error says why a text does not fit. It never quotes the text, which may be secret.
    pub judge: fn(&str) -> Result<(), String>,
}

/// The grammar of a pattern. A test checks that every pattern of the schema has one.
pub(crate) fn grammar(pattern: &str) -> Option<&'static Grammar> {
    GRAMMARS.iter().find(|grammar| grammar.pattern == pattern)
}

static GRAMMARS: [Grammar; 2] = [
    Grammar {
        pattern: DURATION_PATTERN,
        words: "a duration such as `30s`",
        judge: |text| {
            text.parse::<Duration>()
                .map(drop)
                .map_err(|reason| reason.to_string())
        },
    },
    Grammar {
        pattern: SIZE_PATTERN,
        words: "a size such as `64MiB`",
        judge: |text| {
            text.parse::<Size>()
                .map(drop)
                .map_err(|reason| reason.to_string())
        },
    },
];
