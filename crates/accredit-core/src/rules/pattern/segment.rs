//! One segment of a path pattern.

use std::fmt;

use memchr::memmem;

use crate::rules::matching_budget::{MatchingBudget, MatchingBudgetExceeded};
use crate::rules::pattern::error::PatternError;

/// The pattern of one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SegmentPattern {
    /// `*`: any segment.
    Any,
    Literal(Box<str>),
    /// Text with `*` in it, each of which matches any characters, none included. It is divided at each comparison: a list of its
    /// pieces would take many times the memory of the text, which the author of a rules file chooses.
    Pieces(Box<str>),
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
            SegmentPattern::Pieces(text.into())
        } else {
            SegmentPattern::Literal(text.into())
        })
    }

    /// # Errors
    /// [`MatchingBudgetExceeded`]
    pub(crate) fn matches(
        &self,
        segment: &str,
        budget: &mut MatchingBudget,
    ) -> Result<bool, MatchingBudgetExceeded> {
        match self {
            SegmentPattern::Any => Ok(true),
            SegmentPattern::Literal(text) if text.len() == segment.len() => {
                budget.spend_comparing(text.len())?;
                Ok(**text == *segment)
            }
            SegmentPattern::Literal(_) => Ok(false),
            SegmentPattern::Pieces(text) => matches_pieces(text, segment, budget),
        }
    }

    /// Whether this matches a text that no client sent.
    pub(crate) fn matches_text(&self, text: &str) -> bool {
        self.matches(text, &mut MatchingBudget::unlimited()) == Ok(true)
    }

    pub(crate) fn literal(&self) -> Option<&str> {
        match self {
            SegmentPattern::Literal(text) => Some(text),
            SegmentPattern::Any | SegmentPattern::Pieces(_) => None,
        }
    }

    /// The most steps of a comparison, without those for the bytes that a search reads.
    pub(crate) fn fixed_steps(&self) -> usize {
        match self {
            SegmentPattern::Any => 1,
            SegmentPattern::Literal(text) => 1 + text.len() / 32,
            SegmentPattern::Pieces(text) => 1 + text.len() / 3 + 4 * self.searches(),
        }
    }

    /// The number of pieces that are searched: those between two `*`.
    pub(crate) fn searches(&self) -> usize {
        match self {
            SegmentPattern::Any | SegmentPattern::Literal(_) => 0,
            SegmentPattern::Pieces(text) => text.matches('*').count().saturating_sub(1),
        }
    }

    /// Whether a segment can match both. `true` also if that cannot be seen from the text.
    pub(crate) fn overlaps(&self, other: &SegmentPattern) -> bool {
        match (self, other) {
            (SegmentPattern::Literal(text), pattern) | (pattern, SegmentPattern::Literal(text)) => {
                pattern.matches_text(text)
            }
            (SegmentPattern::Any | SegmentPattern::Pieces(_), _) => true,
        }
    }

    /// Whether this matches every segment that `other` matches. `false` if that cannot be seen from the text.
    ///
    /// # Errors
    /// [`MatchingBudgetExceeded`]
    pub(crate) fn covers(
        &self,
        other: &SegmentPattern,
        budget: &mut MatchingBudget,
    ) -> Result<bool, MatchingBudgetExceeded> {
        match (self, other) {
            (SegmentPattern::Any, _) => Ok(true),
            (own, SegmentPattern::Literal(text)) => own.matches(text, budget),
            (SegmentPattern::Pieces(own), SegmentPattern::Pieces(other)) => {
                budget.spend_comparing(own.len().min(other.len()))?;
                Ok(own == other)
            }
            (SegmentPattern::Literal(_) | SegmentPattern::Pieces(_), _) => Ok(false),
        }
    }
}

/// The first piece must begin the segment and the last one end it. Each piece between them takes its leftmost place, which leaves
/// the most room for the pieces after it. So no byte of the segment is searched twice.
fn matches_pieces(
    text: &str,
    segment: &str,
    budget: &mut MatchingBudget,
) -> Result<bool, MatchingBudgetExceeded> {
    let Some((first, after_first)) = text.split_once('*') else {
        return Ok(false);
    };
    let (between, last) = match after_first.rsplit_once('*') {
        Some((between, last)) => (Some(between), last),
        None => (None, after_first),
    };
    budget.spend_comparing(first.len().saturating_add(last.len()))?;
    let Some(mut rest) = segment
        .strip_prefix(first)
        .and_then(|rest| rest.strip_suffix(last))
    else {
        return Ok(false);
    };
    for piece in between.into_iter().flat_map(|between| between.split('*')) {
        let Some(after) = after_piece(rest, piece) else {
            budget.spend_searching(piece.len(), rest.len())?;
            return Ok(false);
        };
        budget.spend_searching(piece.len(), rest.len() - after.len())?;
        rest = after;
    }
    Ok(true)
}

/// What is after the first place of the piece. The search takes time linear in the length of the text, whatever the piece is.
fn after_piece<'a>(text: &'a str, piece: &str) -> Option<&'a str> {
    if piece.len() > text.len() {
        return None;
    }
    let place = memmem::find(text.as_bytes(), piece.as_bytes())?;
    text.get(place + piece.len()..)
}

impl fmt::Display for SegmentPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SegmentPattern::Any => f.write_str("*"),
            SegmentPattern::Literal(text) | SegmentPattern::Pieces(text) => f.write_str(text),
        }
    }
}
