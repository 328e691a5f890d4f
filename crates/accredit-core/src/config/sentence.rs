//! The sentences of problems, and which values they may show.
//!
//! A value of the configuration can come from the environment and be secret. A sentence can therefore quote a value
//! only together with its key path, and [`Problems`](crate::config::problem::Problems), which knows the origin of every
//! value, decides whether the value is shown.
//!
//! This covers problems of the configuration. The running service names the files and addresses that it uses, wherever they came
//! from: the operator needs them to find out why a fetch or a listener failed.

use std::borrow::Cow;
use std::fmt::Display;

/// The longest value that is quoted whole, in bytes.
const MAX_QUOTED: usize = 128;

/// A sentence of a problem.
#[derive(Clone, Debug)]
pub struct Sentence(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Own(Cow<'static, str>),
    Value { path: String, text: String },
    Cause { path: String, text: String },
}

impl From<&'static str> for Sentence {
    fn from(text: &'static str) -> Sentence {
        Sentence::own(text)
    }
}

impl Sentence {
    /// Text of accredit itself: fixed text, key paths, numbers and the names of the schema, and no value of the configuration.
    pub fn own(text: impl Into<Cow<'static, str>>) -> Sentence {
        Sentence(vec![Part::Own(text.into())])
    }

    /// The value at a key path, in backticks.
    pub fn quoting(path: &str, text: &str) -> Sentence {
        Sentence(Vec::new()).and_quote(path, text)
    }

    /// Adds text of accredit itself, as [`Sentence::own`].
    #[must_use]
    pub fn and(mut self, text: impl Into<Cow<'static, str>>) -> Sentence {
        self.0.push(Part::Own(text.into()));
        self
    }

    /// Adds the value at a key path, in backticks.
    #[must_use]
    pub fn and_quote(mut self, path: &str, text: &str) -> Sentence {
        let (path, text) = (path.to_owned(), text.to_owned());
        self.0.push(Part::Value { path, text });
        self
    }

    /// Adds why the value at a key path is wrong. The cause may contain the value or a part of it.
    #[must_use]
    pub fn and_cause(mut self, path: &str, cause: &dyn Display) -> Sentence {
        let (path, text) = (path.to_owned(), cause.to_string());
        self.0.push(Part::Cause { path, text });
        self
    }

    /// The text. `is_secret` says whether a value comes from the environment.
    pub fn text(&self, is_secret: impl Fn(&str) -> bool) -> String {
        let mut shown = String::new();
        for part in &self.0 {
            match part {
                Part::Own(text) => shown.push_str(text),
                Part::Value { path, .. } if is_secret(path) => {
                    shown.push_str("the value from the environment");
                }
                Part::Cause { path, .. } if is_secret(path) => {
                    shown.push_str("the cause would show a value from the environment");
                }
                Part::Cause { text, .. } => shown.push_str(text),
                Part::Value { text, .. } => {
                    let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
                    let end = ends.take_while(|end| *end <= MAX_QUOTED).last();
                    let end = end.unwrap_or_default();
                    shown.push('`');
                    shown.push_str(text.get(..end).unwrap_or_default());
                    shown.push_str(if end < text.len() { "...`" } else { "`" });
                }
            }
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::Sentence;

    #[test]
    fn a_sentence_shows_a_value_only_if_it_is_not_secret() {
        let sentence = Sentence::quoting("a", "x")
            .and(" is not ")
            .and_quote("b", "y")
            .and(": ")
            .and_cause("b", &"z");
        assert_eq!(sentence.text(|_| false), "`x` is not `y`: z");
        assert_eq!(
            sentence.text(|path| path == "b"),
            "`x` is not the value from the environment: the cause would show a value from the environment"
        );
        let long = Sentence::quoting("a", &"ä".repeat(100)).text(|_| false);
        assert_eq!(long, format!("`{}...`", "ä".repeat(64)));
    }
}
