//! Paths of other tools, which they compare as sent, as patterns and expressions over the path that accredit reads.
//!
//! accredit compares decoded paths and ignores one trailing slash, so `/a/` and `/a` are one path. A prefix `/a/` has one of
//! the two only. Each conversion is therefore rounded: to fewer paths, or to more.

use accredit_core::rules::path::Path;
use accredit_core::rules::pattern::PathPattern;

use crate::import::escapes::holds_when_decoded;
use crate::import::text_test::{TextKind, TextTest};

/// A test of the path as sent, without its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PathTest {
    Text(TextTest),
    /// This path, and those below it.
    AtOrBelow(String),
    /// A path template of Istio: `{*}` is one segment, and `{**}` any text, also an empty one behind a `/`.
    Template(String),
}

/// The direction of an error if a conversion cannot be exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathRounding {
    /// The result matches no path that the original does not match.
    Fewer,
    /// The result matches every path that the original matches.
    More,
}

impl PathTest {
    /// The patterns, if patterns can say it.
    pub(crate) fn patterns(&self, rounding: PathRounding) -> Option<Vec<String>> {
        let found = match self {
            PathTest::Template(template) => {
                let any = match rounding {
                    PathRounding::Fewer => "*/**",
                    PathRounding::More => "**",
                };
                vec![template.replace("{**}", any).replace("{*}", "*")]
            }
            PathTest::AtOrBelow(path) => {
                let path = literal(path.trim_end_matches('/'))?;
                vec![format!("{path}/**")]
            }
            PathTest::Text(test) if test.ignores_case => return None,
            PathTest::Text(test) => match &test.kind {
                TextKind::Present => vec!["/**".to_owned()],
                TextKind::Exact(path) => vec![non_empty(literal(path)?)],
                TextKind::Prefix(prefix) => prefix_patterns(prefix, rounding)?,
                TextKind::Suffix(suffix) => vec![suffix_pattern(suffix)?],
                TextKind::Contains(_) | TextKind::Regex(_) => return None,
            },
        };
        let are_valid = found
            .iter()
            .all(|pattern| PathPattern::parse(pattern).is_ok());
        are_valid.then_some(found)
    }

    /// An expression that holds for no path that the original does not match.
    pub(crate) fn holds(&self) -> Option<String> {
        self.cel("request.path", PathRounding::Fewer)
    }

    /// An expression that fails for no path that the original matches.
    pub(crate) fn may_hold(&self) -> Option<String> {
        let stripped = self.cel("request.path", PathRounding::More)?;
        let with_slash = self.cel("(request.path + \"/\")", PathRounding::More)?;
        Some(format!("{stripped} || {with_slash}"))
    }

    /// The path that the two sides of a conversion treat differently.
    pub(crate) fn boundary(&self) -> Option<String> {
        match self {
            PathTest::Text(test) if !test.ignores_case => match &test.kind {
                TextKind::Prefix(prefix) if prefix != "/" => {
                    let path = prefix.strip_suffix('/')?;
                    literal(path).filter(|path| !path.is_empty())
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn cel(&self, subject: &str, rounding: PathRounding) -> Option<String> {
        let decoded = |text: &str| decoded(text);
        match self {
            PathTest::Template(_) => None,
            PathTest::AtOrBelow(path) => {
                let path = decoded(path.trim_end_matches('/'))?;
                let exact = TextTest::exact(path.clone()).cel(subject)?;
                let below = TextTest::new(TextKind::Prefix(format!("{path}/"))).cel(subject)?;
                Some(format!("{exact} || {below}"))
            }
            PathTest::Text(test) => {
                let kind = match &test.kind {
                    TextKind::Exact(path) => {
                        let path = decoded(path)?;
                        let stripped = path.strip_suffix('/').filter(|path| !path.is_empty());
                        TextKind::Exact(stripped.unwrap_or(&path).to_owned())
                    }
                    TextKind::Prefix(path) => TextKind::Prefix(decoded(path)?),
                    TextKind::Suffix(path) => TextKind::Suffix(decoded(path)?),
                    TextKind::Contains(path) => TextKind::Contains(decoded(path)?),
                    kind @ (TextKind::Regex(_) | TextKind::Present) => kind.clone(),
                };
                let can_miss = matches!(&kind, TextKind::Regex(text) if !holds_when_decoded(text));
                if can_miss && rounding == PathRounding::More {
                    return None;
                }
                let test = TextTest {
                    kind,
                    ignores_case: test.ignores_case,
                };
                test.cel(subject)
            }
        }
    }
}

/// A path as literal text of a pattern: decoded, without wildcards. The root is the empty text.
fn literal(path: &str) -> Option<String> {
    if path.is_empty() || path == "/" {
        return Some(String::new());
    }
    let Path::Plain(segments) = Path::parse(path.as_bytes()) else {
        return None;
    };
    let text = format!("/{}", segments.join("/"));
    (!text.contains(['*', '%'])).then_some(text)
}

fn non_empty(path: String) -> String {
    match path.is_empty() {
        true => "/".to_owned(),
        false => path,
    }
}

fn prefix_patterns(prefix: &str, rounding: PathRounding) -> Option<Vec<String>> {
    if prefix == "/" || prefix.is_empty() {
        return Some(vec!["/**".to_owned()]);
    }
    let path = literal(prefix)?;
    Some(vec![match (prefix.ends_with('/'), rounding) {
        (true, PathRounding::Fewer) => format!("{path}/*/**"),
        (true, PathRounding::More) => format!("{path}/**"),
        (false, _) => format!("{path}*/**"),
    }])
}

fn suffix_pattern(suffix: &str) -> Option<String> {
    if suffix.is_empty() || suffix.ends_with('/') {
        return None;
    }
    Some(match suffix.starts_with('/') {
        true => format!("/**{}", literal(suffix)?),
        false => format!(
            "/**/*{}",
            literal(&format!("/{suffix}"))?.strip_prefix('/')?
        ),
    })
}

/// The text with each escape decoded. `None` if accredit would refuse a path with it.
fn decoded(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let (below_root, had_root) = match text.strip_prefix('/') {
        Some(below_root) => (below_root, true),
        None => (text, false),
    };
    let ends = below_root.ends_with('/');
    let path = format!("/{below_root}");
    let Path::Plain(segments) = Path::parse(path.as_bytes()) else {
        return None;
    };
    let root = if had_root { "/" } else { "" };
    let end = if ends { "/" } else { "" };
    Some(format!("{root}{}{end}", segments.join("/")))
}

#[cfg(test)]
mod tests {
    use super::{PathRounding, PathTest};
    use crate::import::text_test::{TextKind, TextTest};

    fn patterns(kind: TextKind, rounding: PathRounding) -> Option<Vec<String>> {
        PathTest::Text(TextTest::new(kind)).patterns(rounding)
    }

    #[test]
    fn paths_become_patterns_that_lean_to_one_side() {
        let text = str::to_owned;
        for (kind, fewer, more) in [
            (TextKind::Exact(text("/a")), Some("/a"), Some("/a")),
            (TextKind::Exact(text("/")), Some("/"), Some("/")),
            (TextKind::Exact(text("/a%20b/")), Some("/a b"), Some("/a b")),
            (TextKind::Exact(text("/a%2Fb")), None, None),
            (TextKind::Exact(text("/a*")), None, None),
            (TextKind::Exact(text("/a[0]")), None, None),
            (TextKind::Prefix(text("/")), Some("/**"), Some("/**")),
            (
                TextKind::Prefix(text("/a/")),
                Some("/a/*/**"),
                Some("/a/**"),
            ),
            (TextKind::Prefix(text("/a")), Some("/a*/**"), Some("/a*/**")),
            (TextKind::Suffix(text("/x")), Some("/**/x"), Some("/**/x")),
            (
                TextKind::Suffix(text(".js")),
                Some("/**/*.js"),
                Some("/**/*.js"),
            ),
            (TextKind::Suffix(text("/x/")), None, None),
            (TextKind::Regex(text(".*")), None, None),
            (TextKind::Present, Some("/**"), Some("/**")),
        ] {
            let list = |pattern: Option<&str>| pattern.map(|pattern| vec![pattern.to_owned()]);
            assert_eq!(
                patterns(kind.clone(), PathRounding::Fewer),
                list(fewer),
                "{kind:?}"
            );
            assert_eq!(
                patterns(kind.clone(), PathRounding::More),
                list(more),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn a_negated_prefix_covers_the_path_without_its_slash() {
        let prefix = PathTest::Text(TextTest::new(TextKind::Prefix("/a/".to_owned())));
        assert_eq!(
            prefix.holds().as_deref(),
            Some("request.path.startsWith(\"/a/\")")
        );
        let may_hold = prefix.may_hold().expect("has one");
        assert!(
            may_hold.contains("(request.path + \"/\").startsWith(\"/a/\")"),
            "{may_hold}"
        );
        assert_eq!(prefix.boundary().as_deref(), Some("/a"));
    }
}
