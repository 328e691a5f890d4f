//! A test of one claim of the token.

use crate::import::text_test::{TextKind, TextTest, quoted};

/// The claim has one of these values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClaimTest {
    /// The name, one part per level.
    pub(crate) name: Vec<String>,
    pub(crate) shape: ClaimShape,
    pub(crate) tests: Vec<TextTest>,
}

/// Which values of the claim are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClaimShape {
    /// A string.
    Text,
    /// The elements of a list.
    List,
    /// A string, or the elements of a list.
    Either,
    /// The words of a string, or the elements of a list.
    Words,
}

impl ClaimTest {
    pub(crate) fn new(name: &[&str], shape: ClaimShape, tests: Vec<TextTest>) -> ClaimTest {
        ClaimTest {
            name: name.iter().map(|part| (*part).to_owned()).collect(),
            shape,
            tests,
        }
    }

    /// Takes over the tests of another test of the same claim, if the two are one alternative.
    pub(crate) fn join(&mut self, added: &ClaimTest) -> bool {
        if self.name != added.name {
            return false;
        }
        if self.shape == added.shape {
            for test in &added.tests {
                if !self.tests.contains(test) {
                    self.tests.push(test.clone());
                }
            }
            return true;
        }
        let are_halves = matches!(
            (self.shape, added.shape),
            (ClaimShape::Text, ClaimShape::List) | (ClaimShape::List, ClaimShape::Text)
        );
        if are_halves && self.tests == added.tests {
            self.shape = ClaimShape::Either;
            return true;
        }
        false
    }

    /// The values, if a key `claims` of a rule means the same.
    pub(crate) fn as_values(&self) -> Option<Vec<&str>> {
        let is_plain = |text: &str| !text.is_empty() && text.trim() == text && !text.contains("${");
        let values: Option<Vec<&str>> = self
            .tests
            .iter()
            .map(|test| test.as_exact().filter(|text| is_plain(text)))
            .collect();
        let names_are_plain = self.name.iter().all(|part| is_plain(part));
        values.filter(|values| {
            self.shape == ClaimShape::Either && names_are_plain && !values.is_empty()
        })
    }

    /// Whether it tells an audience that is a text from one that is a list. In accredit `claims.aud` is always a list.
    pub(crate) fn is_audience_of_one_shape(&self) -> bool {
        self.name == ["aud"] && self.shape != ClaimShape::Either
    }

    /// The test as a CEL expression that is false, and not an error, for every other value of the claim.
    ///
    /// `None` if accredit cannot express it.
    pub(crate) fn cel(&self) -> Option<String> {
        if self.is_audience_of_one_shape() {
            return None;
        }
        let (claim, presence) = access(&self.name)?;
        let one = |subject: &str| any(self.tests.iter().map(|test| typed(test, subject)));
        let in_list = |list: &str| Some(format!("{list}.exists(v, {})", one("v")?));
        // For a value that is known to be a string.
        let text = |subject: &str| any(self.tests.iter().map(|test| test.cel(subject)));
        let test = match self.shape {
            ClaimShape::Text => format!("type({claim}) == string && {}", group(&text(&claim)?)),
            ClaimShape::List => format!("type({claim}) == list && {}", in_list(&claim)?),
            ClaimShape::Either => format!(
                "(type({claim}) == list ? {} : {})",
                in_list(&claim)?,
                one(&claim)?
            ),
            ClaimShape::Words => format!(
                "(type({claim}) == list ? {} : type({claim}) == string && {})",
                in_list(&claim)?,
                format_args!("{claim}.split(\" \").exists(v, {})", text("v")?)
            ),
        };
        Some(format!("{presence} && {test}"))
    }
}

/// A test of a value that may have another type than string.
fn typed(test: &TextTest, subject: &str) -> Option<String> {
    let compared = test.cel(subject)?;
    Some(match (&test.kind, test.ignores_case) {
        (TextKind::Exact(_), false) => compared,
        _ => format!("type({subject}) == string && {compared}"),
    })
}

/// How CEL reads a claim, and that it is there.
pub(crate) fn access(name: &[String]) -> Option<(String, String)> {
    let mut claim = "claims".to_owned();
    let mut present = Vec::new();
    for part in name {
        if is_identifier(part) {
            present.push(format!("has({claim}.{part})"));
            claim = format!("{claim}.{part}");
        } else {
            let part = quoted(part)?;
            present.push(format!("{part} in {claim}"));
            claim = format!("{claim}[{part}]");
        }
    }
    (!present.is_empty()).then(|| (claim, present.join(" && ")))
}

/// Names that CEL reads as members. Its own words are not among them.
fn is_identifier(text: &str) -> bool {
    const WORDS: [&str; 24] = [
        "in",
        "as",
        "true",
        "false",
        "null",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
        "has",
        "all",
        "exists",
    ];
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !WORDS.contains(&text)
}

/// The alternatives, or `None` if one of them has no expression.
pub(crate) fn any(parts: impl Iterator<Item = Option<String>>) -> Option<String> {
    let parts: Vec<String> = parts.collect::<Option<_>>()?;
    match parts.as_slice() {
        [] => Some("false".to_owned()),
        [only] => Some(only.clone()),
        _ => Some(
            parts
                .iter()
                .map(|part| group(part))
                .collect::<Vec<_>>()
                .join(" || "),
        ),
    }
}

/// The expression in parentheses, if it has several parts.
pub(crate) fn group(expression: &str) -> String {
    let is_negation = expression.starts_with("!(") && expression.ends_with(')');
    let has_parts = expression.contains(" && ") || expression.contains(" || ");
    match has_parts && !is_negation {
        true => format!("({expression})"),
        false => expression.to_owned(),
    }
}
