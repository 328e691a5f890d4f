//! Path patterns: literal decoded text in which `*` is one segment and a final `**` any number.

use std::fmt;

/// A path pattern, compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    segments: Vec<SegmentPattern>,
    tail: Tail,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum SegmentPattern {
    Any,
    Literal(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tail {
    /// Nothing may follow.
    Closed,
    /// `**`: any number of segments may follow.
    Open,
}

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// It does not begin with `/`.
    Relative,
    /// `**` stands elsewhere than at the end.
    InnerWildcard,
    /// `*` is part of a segment.
    PartialWildcard,
    /// It could match no path that has one reading: a dot segment, an empty one, or a character that such paths lack.
    Unmatchable,
}

impl PathPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PatternError`]
    pub fn parse(text: &str) -> Result<PathPattern, PatternError> {
        let below_root = text.strip_prefix('/').ok_or(PatternError::Relative)?;
        if below_root == "/" {
            return Err(PatternError::Unmatchable);
        }
        let below_root = below_root.strip_suffix('/').unwrap_or(below_root);
        let mut texts: Vec<&str> = if below_root.is_empty() {
            Vec::new()
        } else {
            below_root.split('/').collect()
        };
        let tail = if texts.last() == Some(&"**") {
            texts.pop();
            Tail::Open
        } else {
            Tail::Closed
        };
        let segments = texts
            .into_iter()
            .map(SegmentPattern::parse)
            .collect::<Result<_, _>>()?;
        Ok(PathPattern { segments, tail })
    }

    /// Whether the pattern matches a path of these segments.
    pub fn matches(&self, path: &[String]) -> bool {
        let length_fits = match self.tail {
            Tail::Closed => path.len() == self.segments.len(),
            Tail::Open => path.len() >= self.segments.len(),
        };
        length_fits
            && self
                .segments
                .iter()
                .zip(path)
                .all(|(pattern, segment)| pattern.matches(segment))
    }

    /// The first segment that every match has, if there is one.
    pub fn first_literal(&self) -> Option<&str> {
        match self.segments.first() {
            Some(SegmentPattern::Literal(text)) => Some(text),
            Some(SegmentPattern::Any) | None => None,
        }
    }

    /// Whether every path matches.
    pub fn matches_all(&self) -> bool {
        self.segments.is_empty() && self.tail == Tail::Open
    }

    /// Whether every path that `other` matches is matched by this one too.
    pub fn covers(&self, other: &PathPattern) -> bool {
        let longer_or_as_long = other.segments.len() >= self.segments.len();
        let tails_fit = match (self.tail, other.tail) {
            (Tail::Open, _) => longer_or_as_long,
            (Tail::Closed, Tail::Closed) => other.segments.len() == self.segments.len(),
            (Tail::Closed, Tail::Open) => false,
        };
        tails_fit
            && self
                .segments
                .iter()
                .zip(&other.segments)
                .all(|(own, other)| own.covers(other))
    }
}

impl SegmentPattern {
    fn parse(text: &str) -> Result<SegmentPattern, PatternError> {
        match text {
            "*" => Ok(SegmentPattern::Any),
            "**" => Err(PatternError::InnerWildcard),
            "" | "." | ".." => Err(PatternError::Unmatchable),
            text if text.contains('*') => Err(PatternError::PartialWildcard),
            text if text.contains(['%', '?', '#', ';', '\\'])
                || text.chars().any(char::is_control) =>
            {
                Err(PatternError::Unmatchable)
            }
            text => Ok(SegmentPattern::Literal(text.to_owned())),
        }
    }

    fn matches(&self, segment: &str) -> bool {
        match self {
            SegmentPattern::Any => true,
            SegmentPattern::Literal(text) => text == segment,
        }
    }

    fn covers(&self, other: &SegmentPattern) -> bool {
        *self == SegmentPattern::Any || self == other
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            match segment {
                SegmentPattern::Any => f.write_str("/*")?,
                SegmentPattern::Literal(text) => write!(f, "/{text}")?,
            }
        }
        match self.tail {
            Tail::Open => f.write_str("/**"),
            Tail::Closed if self.segments.is_empty() => f.write_str("/"),
            Tail::Closed => Ok(()),
        }
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PatternError::Relative => "a path pattern begins with `/`",
            PatternError::InnerWildcard => "`**` stands elsewhere than at the end",
            PatternError::PartialWildcard => "`*` stands for a whole segment, and cannot be a part of one",
            PatternError::Unmatchable => {
                "no path with one reading can match this: patterns are decoded text without dot or empty segments, \
                 `%`, `?`, `#`, `;` or `\\`"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{PathPattern, PatternError};
    use crate::rules::path::Path;

    fn matches(pattern: &str, target: &str) -> bool {
        let Path::Plain(segments) = Path::parse(target) else {
            panic!("{target} is ambiguous")
        };
        PathPattern::parse(pattern)
            .expect("is a pattern")
            .matches(&segments)
    }

    #[test]
    fn what_matches() {
        for (pattern, target) in [
            ("/", "/"),
            ("/a", "/a"),
            ("/a", "/a/"),
            ("/a/", "/a"),
            ("/a", "/%61?x"),
            ("/a/*", "/a/b"),
            ("/a/*", "/a/b/"),
            ("/*/b", "/a/b"),
            ("/a/**", "/a"),
            ("/a/**", "/a/"),
            ("/a/**", "/a/b/c"),
            ("/**", "/"),
            ("/**", "/a/b"),
            ("/grüße", "/gr%C3%BC%C3%9Fe"),
            ("/a b", "/a%20b"),
            ("/a/*/**", "/a/b"),
            ("/a/*/**", "/a/b/c"),
        ] {
            assert!(matches(pattern, target), "{pattern} should match {target}");
        }
        for (pattern, target) in [
            ("/", "/a"),
            ("/a", "/"),
            ("/a", "/A"),
            ("/a", "/ab"),
            ("/a", "/a/b"),
            ("/a/*", "/a"),
            ("/a/*", "/a/"),
            ("/a/*", "/a/b/c"),
            ("/a/**", "/ab"),
            ("/a/**", "/"),
            ("/a/*/**", "/a"),
            ("/a/b/**", "/a"),
        ] {
            assert!(
                !matches(pattern, target),
                "{pattern} should not match {target}"
            );
        }
    }

    #[test]
    fn what_is_no_pattern() {
        for (text, error) in [
            ("", PatternError::Relative),
            ("a", PatternError::Relative),
            ("*", PatternError::Relative),
            ("/**/a", PatternError::InnerWildcard),
            ("/a/**/**", PatternError::InnerWildcard),
            ("/a*", PatternError::PartialWildcard),
            ("/a/b**", PatternError::PartialWildcard),
            ("/a//b", PatternError::Unmatchable),
            ("//", PatternError::Unmatchable),
            ("/a/../b", PatternError::Unmatchable),
            ("/a%20b", PatternError::Unmatchable),
            ("/a?x", PatternError::Unmatchable),
            ("/a;b", PatternError::Unmatchable),
        ] {
            assert_eq!(PathPattern::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn one_pattern_covers_another() {
        let covers = |one: &str, other: &str| {
            PathPattern::parse(one)
                .expect("is one")
                .covers(&PathPattern::parse(other).expect("is one"))
        };
        for (one, other) in [
            ("/**", "/a"),
            ("/a/**", "/a"),
            ("/a/**", "/a/b/**"),
            ("/*", "/a"),
            ("/a/*", "/a/*"),
            ("/a/**", "/a/*"),
        ] {
            assert!(covers(one, other), "{one} covers {other}");
        }
        for (one, other) in [
            ("/a", "/**"),
            ("/a", "/*"),
            ("/a/*", "/a/**"),
            ("/a/b", "/a"),
            ("/a/b/**", "/a/**"),
        ] {
            assert!(!covers(one, other), "{one} does not cover {other}");
        }
    }
}
