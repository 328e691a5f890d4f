//! A test of one text, as Envoy's `StringMatcher` and Istio's values with `*` have it.

use accredit_core::expression::bounded_regex::BoundedRegex;
use accredit_core::expression::program_store::MAX_EXPRESSION_BYTES;
use accredit_core::expression::re2_syntax;

/// How a text is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TextTest {
    pub(crate) kind: TextKind,
    /// Whether capital letters count as small ones. It has no effect on a regular expression.
    pub(crate) ignores_case: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TextKind {
    Exact(String),
    Prefix(String),
    Suffix(String),
    Contains(String),
    /// A regular expression of RE2 that the whole text has to match.
    Regex(String),
    /// Any text of at least one character.
    Present,
}

impl TextTest {
    pub(crate) fn new(kind: TextKind) -> TextTest {
        TextTest {
            kind,
            ignores_case: false,
        }
    }

    pub(crate) fn exact(text: impl Into<String>) -> TextTest {
        TextTest::new(TextKind::Exact(text.into()))
    }

    /// Istio's form: `*`, `*suffix`, `prefix*` or the exact text.
    pub(crate) fn with_stars(text: &str) -> TextTest {
        TextTest::new(
            match (text, text.strip_prefix('*'), text.strip_suffix('*')) {
                ("*", ..) => TextKind::Present,
                (_, Some(suffix), _) => TextKind::Suffix(suffix.to_owned()),
                (_, None, Some(prefix)) => TextKind::Prefix(prefix.to_owned()),
                (_, None, None) => TextKind::Exact(text.to_owned()),
            },
        )
    }

    /// The text, if it is compared exactly.
    pub(crate) fn as_exact(&self) -> Option<&str> {
        match &self.kind {
            TextKind::Exact(text) if !self.ignores_case => Some(text),
            _ => None,
        }
    }

    /// The test as a CEL expression over a subject that is a string. `None` if CEL cannot have it.
    pub(crate) fn cel(&self, subject: &str) -> Option<String> {
        let (subject, fold) = self.folded(subject);
        Some(match &self.kind {
            TextKind::Exact(text) => format!("{subject} == {}", quoted(&fold(text))?),
            TextKind::Prefix(text) => format!("{subject}.startsWith({})", quoted(&fold(text))?),
            TextKind::Suffix(text) => format!("{subject}.endsWith({})", quoted(&fold(text))?),
            TextKind::Contains(text) => format!("{subject}.contains({})", quoted(&fold(text))?),
            TextKind::Regex(text) => format!("{subject}.matches({})", quoted(&whole_match(text)?)?),
            TextKind::Present => format!("{subject} != \"\""),
        })
    }

    /// A CEL expression that holds only if this test holds for a value of a header. `subject` has all values of the header, with commas
    /// between them, and a value can contain commas too. Envoy tests each value; its releases without the fix for CVE-2026-26308 test
    /// `subject`. `None` if CEL cannot have it.
    pub(crate) fn holds_for_a_value(&self, subject: &str) -> Option<String> {
        let whole = self.cel(subject)?;
        match &self.kind {
            // What has a comma can be two values.
            TextKind::Exact(text)
            | TextKind::Prefix(text)
            | TextKind::Suffix(text)
            | TextKind::Contains(text) => (!text.contains(',')).then_some(whole),
            TextKind::Regex(_) => Some(format!("{whole} && !{subject}.contains(\",\")")),
            TextKind::Present => Some(format!("{subject}.matches(\"[^,]\")")),
        }
    }

    /// A CEL expression that holds whenever this test may hold for a value of a header: see [`TextTest::holds_for_a_value`].
    pub(crate) fn may_hold_for_a_value(&self, subject: &str) -> Option<String> {
        let (folded, fold) = self.folded(subject);
        Some(match &self.kind {
            TextKind::Exact(text) => {
                let value = quoted(&format!(",{},", fold(text)))?;
                format!("(\",\" + {folded} + \",\").contains({value})")
            }
            TextKind::Prefix(text) => {
                let start = quoted(&format!(",{}", fold(text)))?;
                format!("(\",\" + {folded}).contains({start})")
            }
            TextKind::Suffix(text) => {
                let end = quoted(&format!("{},", fold(text)))?;
                format!("({folded} + \",\").contains({end})")
            }
            TextKind::Regex(text) => {
                let whole = self.cel(subject)?;
                let syntax = re2_syntax::parse(text).ok()?;
                if syntax.properties().look_set().contains_anchor() {
                    // `^` and `$` do not match beside a comma.
                    return Some(format!("({whole} || {subject}.contains(\",\"))"));
                }
                let part = TextKind::Regex(format!("(?:.*,)?(?:{text})(?:,.*)?"));
                TextTest::new(part).cel(subject)?
            }
            TextKind::Contains(_) | TextKind::Present => self.cel(subject)?,
        })
    }

    /// The subject, and what is done to the text that it is compared with.
    fn folded(&self, subject: &str) -> (String, fn(&str) -> String) {
        match self.ignores_case {
            true => (format!("{subject}.lowerAscii()"), |text| {
                text.to_ascii_lowercase()
            }),
            false => (subject.to_owned(), str::to_owned),
        }
    }
}

/// The regular expression of the texts that this one matches as a whole. `None` if accredit does not accept it.
fn whole_match(pattern: &str) -> Option<String> {
    // By itself: `a)|(?:b` is no regular expression, and in parentheses it would match more than a whole text.
    re2_syntax::parse(pattern).ok()?;
    let whole = format!("^(?:{pattern})$");
    BoundedRegex::within(MAX_EXPRESSION_BYTES, &whole).ok()?;
    Some(whole)
}

/// A string literal of CEL. `None` if the text has `${`, which no expression may have (CONTRACT 3.2.5).
pub(crate) fn quoted(text: &str) -> Option<String> {
    (!text.contains("${")).then(|| serde_json::Value::from(text).to_string())
}

#[cfg(test)]
mod tests {
    use super::{TextKind, TextTest};

    #[test]
    fn values_with_stars_are_read_as_istio_reads_them() {
        for (text, kind) in [
            ("*", TextKind::Present),
            ("a*", TextKind::Prefix("a".to_owned())),
            ("*a", TextKind::Suffix("a".to_owned())),
            ("*a*", TextKind::Suffix("a*".to_owned())),
            ("a*b", TextKind::Exact("a*b".to_owned())),
        ] {
            assert_eq!(TextTest::with_stars(text).kind, kind, "{text}");
        }
    }

    #[test]
    fn a_regular_expression_has_to_be_one_before_it_is_in_parentheses() {
        let cel = |text: &str| TextTest::new(TextKind::Regex(text.to_owned())).cel("x");
        assert_eq!(cel("a|b").as_deref(), Some("x.matches(\"^(?:a|b)$\")"));
        for text in ["a)|(?:b", "a\\", "a\\Q", "(?x)a #", "[a", "(a{900}){900}"] {
            assert_eq!(cel(text), None, "{text}");
        }
    }

    #[test]
    fn texts_become_literals_that_cel_reads_back() {
        let test = TextTest::exact("a\"b\\c\n");
        assert_eq!(test.cel("x").as_deref(), Some("x == \"a\\\"b\\\\c\\n\""));
        assert_eq!(TextTest::exact("${HOME}").cel("x"), None);
        let folded = TextTest {
            ignores_case: true,
            ..TextTest::new(TextKind::Prefix("Ab".to_owned()))
        };
        assert_eq!(
            folded.cel("x").as_deref(),
            Some("x.lowerAscii().startsWith(\"ab\")")
        );
    }
}
