//! Patterns: what they match, what is no pattern, and which cover others.

use super::{PathPattern, PatternError};
use crate::rules::matching_budget::MatchingBudget;
use crate::rules::path::Path;

fn matches(pattern: &str, target: &str) -> bool {
    let Path::Plain(segments) = Path::parse(target.as_bytes()) else {
        panic!("{target} is ambiguous")
    };
    PathPattern::parse(pattern)
        .expect("is a pattern")
        .matches(&segments, &mut MatchingBudget::of_check())
        .expect("is within the budget")
}

#[test]
fn path_patterns_match_by_segment() {
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
        ("/**/docs", "/docs"),
        ("/**/docs", "/a/b/docs/"),
        ("/a/**/z", "/a/z"),
        ("/a/**/z", "/a/b/z/z"),
        ("/kubeconfig*", "/kubeconfig"),
        ("/kubeconfig*", "/kubeconfig-eu"),
        ("/acme.*/**", "/acme.io/x"),
        ("/*.js", "/.js"),
        ("/a*b*c", "/abbc"),
        ("/a*b*c", "/a-bc-b--c"),
        ("/*ü*", "/gr%C3%BC%C3%9Fe"),
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
        ("/**/docs", "/docs/x"),
        ("/**/docs", "/"),
        ("/a/**/a", "/a"),
        ("/a*", "/ba"),
        ("/a*a", "/a"),
        ("/a*b*b", "/ab"),
        ("/*a*b*", "/ba"),
        ("/kubeconfig*", "/kubeconfig/x"),
    ] {
        assert!(
            !matches(pattern, target),
            "{pattern} should not match {target}"
        );
    }
}

#[test]
fn invalid_path_patterns_are_errors_that_suggest_wildcards() {
    let foreign = |segment: &str| PatternError::ForeignSyntax(segment.to_owned());
    for (text, error) in [
        ("", PatternError::Relative),
        ("a", PatternError::Relative),
        ("*", PatternError::Relative),
        ("/a/**/**", PatternError::SecondDoubleWildcard),
        ("/**/a/**", PatternError::SecondDoubleWildcard),
        ("/a/b**", PatternError::PartialDoubleWildcard),
        ("/***", PatternError::PartialDoubleWildcard),
        ("/a/{id}", foreign("{id}")),
        ("/a/{id=**}", foreign("{id=**}")),
        ("/a/[0-9]+", foreign("[0-9]+")),
        ("/^a", foreign("^a")),
        ("/(a|b)", foreign("(a|b)")),
        ("/a\\.b", foreign("a\\.b")),
        ("/a/.*", foreign(".*")),
        ("/a/.+/b", foreign(".+")),
        ("/a/:id", foreign(":id")),
        ("/a//b", PatternError::Unmatchable("an empty segment")),
        ("//", PatternError::Unmatchable("`//`")),
        (
            "/a/../b",
            PatternError::Unmatchable("a segment `.` or `..`"),
        ),
        ("/.", PatternError::Unmatchable("a segment `.` or `..`")),
        (
            "/a%20b",
            PatternError::Unmatchable("`%` (write the decoded character)"),
        ),
        ("/a?x", PatternError::Unmatchable("`?`, `#` or `;`")),
        ("/a;b", PatternError::Unmatchable("`?`, `#` or `;`")),
        ("/a*;b", PatternError::Unmatchable("`?`, `#` or `;`")),
        ("/a\u{85}", PatternError::Unmatchable("a control character")),
    ] {
        let text_of_error = error.to_string();
        assert!(
            text_of_error.contains("`*`") || text_of_error.contains("/*"),
            "{text_of_error}"
        );
        assert_eq!(PathPattern::parse(text), Err(error), "{text}");
    }
}

/// Held against a matcher that tries every way to expand the wildcards.
#[test]
fn path_pattern_matching_agrees_with_a_naive_matcher() {
    fn naive(pattern: &[u8], path: &[u8]) -> bool {
        match pattern {
            [] => path.is_empty(),
            // `/**`: nothing, or one more whole segment.
            [b'/', b'*', b'*', rest @ ..] => {
                naive(rest, path)
                    || path.first() == Some(&b'/') && {
                        let end = path[1..].iter().position(|byte| *byte == b'/');
                        naive(pattern, end.map_or(&[][..], |end| &path[end + 1..]))
                    }
            }
            [b'*', rest @ ..] => {
                naive(rest, path)
                    || path.first().is_some_and(|byte| *byte != b'/') && naive(pattern, &path[1..])
            }
            [byte, rest @ ..] => path.first() == Some(byte) && naive(rest, &path[1..]),
        }
    }
    let mut state = 7_u64;
    let mut next = move |bound: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let mut matched = 0;
    for _ in 0..100_000 {
        let mut double = false;
        let mut pattern = String::new();
        for _ in 0..=next(3) {
            pattern.push('/');
            if !double && next(4) == 0 {
                double = true;
                pattern.push_str("**");
                continue;
            }
            for _ in 0..=next(3) {
                let ends_with_star = pattern.ends_with('*');
                pattern
                    .push_str(["a", "b", if ends_with_star { "a" } else { "*" }][next(3) as usize]);
            }
        }
        let segments: Vec<String> = (0..next(5))
            .map(|_| {
                (0..=next(3))
                    .map(|_| ["a", "b"][next(2) as usize])
                    .collect()
            })
            .collect();
        let path: String = segments
            .iter()
            .map(|segment| format!("/{segment}"))
            .collect();
        let expected = naive(pattern.as_bytes(), path.as_bytes());
        let found = PathPattern::parse(&pattern)
            .expect(&pattern)
            .matches(&segments, &mut MatchingBudget::of_check())
            .expect("is within the budget");
        assert_eq!(found, expected, "{pattern} {path}");
        matched += u32::from(found);
    }
    assert!(matched > 1_000, "{matched}");
}

#[test]
fn a_path_pattern_that_covers_another_is_recognised() {
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
        ("/a*", "/ab"),
        ("/*", "/a*"),
        ("/a*", "/a*"),
        ("/**/z", "/a/z"),
        ("/**/z", "/a/**/y/z"),
        ("/a/**/z", "/a/b/z"),
    ] {
        assert!(covers(one, other), "{one} covers {other}");
    }
    for (one, other) in [
        ("/a", "/**"),
        ("/a", "/*"),
        ("/a/*", "/a/**"),
        ("/a/b", "/a"),
        ("/a/b/**", "/a/**"),
        ("/a*", "/*"),
        ("/**/z", "/**"),
        ("/a/**/a", "/a"),
        ("/*/**/*", "/a"),
        ("/ab*", "/a*"),
    ] {
        assert!(!covers(one, other), "{one} does not cover {other}");
    }
}
