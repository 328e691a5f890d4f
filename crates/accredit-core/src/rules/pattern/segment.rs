//! One segment of a path pattern.

use std::fmt;

use crate::rules::pattern::error::PatternError;

/// The pattern of one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SegmentPattern {
    /// `*`: any segment.
    Any,
    Literal(String),
    /// Text with `*` in it, which matches any characters, none included: the pieces between the `*`, at least two.
    Pieces(Vec<String>),
}

impl SegmentPattern {
    pub(crate) fn parse(text: &str) -> Result<SegmentPattern, PatternError> {
        let foreign = text.starts_with(':')
            || matches!(text, ".*" | ".+")
            || text.contains(['{', '}', '[', ']', '^', '|', '\\']);
        if foreign {
            return Err(PatternError::ForeignSyntax(text.to_owned()));
        }
        if text.contains("**") {
            return Err(PatternError::PartialDoubleWildcard);
        }
        let unmatchable = match text {
            "" => Some("an empty segment"),
            "." | ".." => Some("a segment `.` or `..`"),
            _ if text.contains('%') => Some("`%` (write the decoded character)"),
            _ if text.contains(['?', '#', ';']) => Some("`?`, `#` or `;`"),
            _ if text.chars().any(char::is_control) => Some("a control character"),
            _ => None,
        };
        if let Some(unmatchable) = unmatchable {
            return Err(PatternError::Unmatchable(unmatchable));
        }
        Ok(if text == "*" {
            SegmentPattern::Any
        } else if text.contains('*') {
            SegmentPattern::Pieces(text.split('*').map(str::to_owned).collect())
        } else {
            SegmentPattern::Literal(text.to_owned())
        })
    }

    pub(crate) fn matches(&self, segment: &str) -> bool {
        match self {
            SegmentPattern::Any => true,
            SegmentPattern::Literal(text) => text == segment,
            SegmentPattern::Pieces(pieces) => matches_pieces(pieces, segment),
        }
    }

    pub(crate) fn literal(&self) -> Option<&str> {
        match self {
            SegmentPattern::Literal(text) => Some(text),
            SegmentPattern::Any | SegmentPattern::Pieces(_) => None,
        }
    }

    /// Whether a segment can match both. `true` also if that cannot be seen from the text.
    pub(crate) fn overlaps(&self, other: &SegmentPattern) -> bool {
        match (self, other) {
            (SegmentPattern::Literal(text), pattern) | (pattern, SegmentPattern::Literal(text)) => {
                pattern.matches(text)
            }
            (SegmentPattern::Any | SegmentPattern::Pieces(_), _) => true,
        }
    }

    /// Whether this matches every segment that `other` matches. `false` if that cannot be seen from the text.
    pub(crate) fn covers(&self, other: &SegmentPattern) -> bool {
        match (self, other) {
            (SegmentPattern::Any, _) => true,
            (own, SegmentPattern::Literal(text)) => own.matches(text),
            (own, other) => own == other,
        }
    }
}

/// The first piece must begin the segment and the last one end it. Each piece between them takes its leftmost place,
/// which leaves the most room for the pieces after it; so no place is tried twice.
fn matches_pieces(pieces: &[String], segment: &str) -> bool {
    let [first, between @ .., last] = pieces else {
        return false;
    };
    let Some(rest) = segment
        .strip_prefix(first.as_str())
        .and_then(|rest| rest.strip_suffix(last.as_str()))
    else {
        return false;
    };
    between
        .iter()
        .try_fold(rest, |rest, piece| {
            let place = rest.find(piece.as_str())?;
            rest.get(place + piece.len()..)
        })
        .is_some()
}

impl fmt::Display for SegmentPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SegmentPattern::Any => f.write_str("*"),
            SegmentPattern::Literal(text) => f.write_str(text),
            SegmentPattern::Pieces(pieces) => f.write_str(&pieces.join("*")),
        }
    }
}
