//! Path patterns: literal decoded text in which `*` matches within one segment and `**` any number of segments.

use std::fmt;

use crate::rules::matching_budget::{MatchingBudget, MatchingBudgetExceeded};
use crate::rules::pattern::error::PatternError;
use crate::rules::pattern::segment::SegmentPattern;

pub mod error;
pub mod segment;

/// A compiled path pattern (CONTRACT 3.9.5). Matching takes time linear in the length of the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    /// The segments before `**`, or all segments.
    head: Vec<SegmentPattern>,
    /// The segments after `**`. `None` if the pattern has no `**`.
    tail: Option<Vec<SegmentPattern>>,
}

impl PathPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PatternError`]
    pub fn parse(text: &str) -> Result<PathPattern, PatternError> {
        let below_root = text.strip_prefix('/').ok_or(PatternError::Relative)?;
        // One trailing slash makes no difference.
        let below_root = match below_root.strip_suffix('/') {
            Some("") => return Err(PatternError::Unmatchable("`//`")),
            Some(below_root) => below_root,
            None => below_root,
        };
        let mut head = Vec::new();
        let mut tail = None;
        for segment in below_root.split('/').filter(|_| !below_root.is_empty()) {
            if segment != "**" {
                tail.as_mut()
                    .unwrap_or(&mut head)
                    .push(SegmentPattern::parse(segment)?);
            } else if tail.replace(Vec::new()).is_some() {
                return Err(PatternError::SecondDoubleWildcard);
            }
        }
        Ok(PathPattern { head, tail })
    }

    /// Whether the pattern matches a path with these decoded segments.
    ///
    /// # Errors
    /// [`MatchingBudgetExceeded`]
    pub fn matches(
        &self,
        path: &[impl AsRef<str>],
        budget: &mut MatchingBudget,
    ) -> Result<bool, MatchingBudgetExceeded> {
        let Some(tail) = &self.tail else {
            return Ok(path.len() == self.head.len() && all_match(&self.head, path, budget)?);
        };
        let end = path
            .len()
            .checked_sub(tail.len())
            .filter(|before_tail| *before_tail >= self.head.len())
            .and_then(|before_tail| path.get(before_tail..));
        match end {
            Some(end) => Ok(all_match(&self.head, path, budget)? && all_match(tail, end, budget)?),
            None => Ok(false),
        }
    }

    /// The first segment of every matching path, if the pattern determines it.
    pub(crate) fn first_literal(&self) -> Option<&str> {
        self.head.first().and_then(SegmentPattern::literal)
    }

    /// The text with which every path begins that a comparison searches: the decoded segments, each with a `/` before and after it, up to
    /// the first wildcard. `None` if a comparison searches nothing.
    pub(crate) fn searched_prefix(&self) -> Option<String> {
        if self.segments().all(|segment| segment.searches() == 0) {
            return None;
        }
        let mut prefix = "/".to_owned();
        for segment in &self.head {
            match segment {
                SegmentPattern::Literal(text) => {
                    prefix.push_str(text);
                    prefix.push('/');
                }
                SegmentPattern::Pieces(text) => {
                    prefix.push_str(text.split('*').next().unwrap_or_default());
                    break;
                }
                SegmentPattern::Any => break,
            }
        }
        Some(prefix)
    }

    /// The most steps of a comparison, without those for the bytes that a search reads.
    pub(crate) fn fixed_steps(&self) -> usize {
        self.segments().map(SegmentPattern::fixed_steps).sum()
    }

    fn segments(&self) -> impl Iterator<Item = &SegmentPattern> {
        self.head.iter().chain(self.tail.iter().flatten())
    }

    pub(crate) fn matches_all(&self) -> bool {
        self.head.is_empty() && self.tail.as_ref().is_some_and(Vec::is_empty)
    }

    /// Whether a path can match both. `true` also if that cannot be seen segment by segment.
    pub(crate) fn overlaps(&self, other: &PathPattern) -> bool {
        fn overlap<'a>(
            own: impl Iterator<Item = &'a SegmentPattern>,
            other: impl Iterator<Item = &'a SegmentPattern>,
        ) -> bool {
            own.zip(other).all(|(own, other)| own.overlaps(other))
        }
        let shortest =
            |pattern: &PathPattern| pattern.head.len() + pattern.tail.as_ref().map_or(0, Vec::len);
        let fits = |fixed: &PathPattern, other: &PathPattern| {
            fixed.tail.is_some()
                || match &other.tail {
                    None => fixed.head.len() == other.head.len(),
                    Some(_) => fixed.head.len() >= shortest(other),
                }
        };
        fn from_end(pattern: &PathPattern) -> impl Iterator<Item = &SegmentPattern> {
            pattern.tail.as_ref().unwrap_or(&pattern.head).iter().rev()
        }
        fits(self, other)
            && fits(other, self)
            && overlap(self.head.iter(), other.head.iter())
            && overlap(from_end(self), from_end(other))
    }

    /// Whether this matches every path that `other` matches. `false` if that cannot be seen segment by segment.
    pub fn covers(&self, other: &PathPattern) -> bool {
        self.covers_within(other, &mut MatchingBudget::unlimited()) == Ok(true)
    }

    /// [`PathPattern::covers`] of patterns that others chose.
    ///
    /// # Errors
    /// [`MatchingBudgetExceeded`]
    pub(crate) fn covers_within(
        &self,
        other: &PathPattern,
        budget: &mut MatchingBudget,
    ) -> Result<bool, MatchingBudgetExceeded> {
        // The ends of both are compared if this has a `**`: the other has more segments between them.
        let (tail, other_end) = match (&self.tail, &other.tail) {
            (None, None) if self.head.len() == other.head.len() => (&[][..], &[][..]),
            (None, _) => return Ok(false),
            (Some(tail), None) if self.head.len() + tail.len() <= other.head.len() => {
                (tail.as_slice(), other.head.as_slice())
            }
            (Some(tail), Some(other_tail))
                if self.head.len() <= other.head.len() && tail.len() <= other_tail.len() =>
            {
                (tail.as_slice(), other_tail.as_slice())
            }
            (Some(_), _) => return Ok(false),
        };
        let heads = self.head.iter().zip(&other.head);
        let ends = tail.iter().rev().zip(other_end.iter().rev());
        for (own, other) in heads.chain(ends) {
            budget.spend(1)?;
            if !own.covers(other, budget)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whether each pattern matches the segment at its place.
fn all_match(
    patterns: &[SegmentPattern],
    segments: &[impl AsRef<str>],
    budget: &mut MatchingBudget,
) -> Result<bool, MatchingBudgetExceeded> {
    for (pattern, segment) in patterns.iter().zip(segments) {
        budget.spend(1)?;
        if !pattern.matches(segment.as_ref(), budget)? {
            return Ok(false);
        }
    }
    Ok(true)
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.head.is_empty() && self.tail.is_none() {
            return f.write_str("/");
        }
        for segment in &self.head {
            write!(f, "/{segment}")?;
        }
        if let Some(tail) = &self.tail {
            f.write_str("/**")?;
            for segment in tail {
                write!(f, "/{segment}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
