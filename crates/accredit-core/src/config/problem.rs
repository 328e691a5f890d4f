//! A problem of a configuration: what is wrong, where, and what to do.

use std::fmt;

use crate::config::locations::Locations;

/// One error or warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key path, as `issuers[1].jwks.uri`; empty for the document itself.
    pub path: String,
    /// Line in the text, from 1, where there is a text.
    pub line: Option<usize>,
    /// Column in the text, from 1, where there is a text.
    pub column: Option<usize>,
    pub severity: Severity,
    pub what: String,
    pub advice: String,
}

/// Whether a problem makes the configuration unusable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

/// Collects the problems of a configuration.
#[derive(Debug, Default)]
pub struct Problems {
    locations: Locations,
    found: Vec<Problem>,
    left_out: usize,
    errors: bool,
}

impl Problems {
    /// Problems of the document whose places these are.
    pub fn new(locations: Locations) -> Problems {
        Problems {
            locations,
            ..Problems::default()
        }
    }

    /// Later problems take their lines from this document.
    pub fn locate_in(&mut self, locations: Locations) {
        self.locations = locations;
    }

    /// The value at `path` makes the configuration unusable.
    pub fn error(&mut self, path: &str, what: impl Into<String>, advice: impl Into<String>) {
        self.add(path, None, Severity::Error, what.into(), advice.into());
    }

    /// The value at `path` is permitted, but dangerous or surprising.
    pub fn warn(&mut self, path: &str, what: impl Into<String>, advice: impl Into<String>) {
        self.add(path, None, Severity::Warning, what.into(), advice.into());
    }

    /// Like [`Problems::error`], at a given line and column.
    pub fn error_at(
        &mut self,
        path: &str,
        place: (usize, usize),
        what: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.add(
            path,
            Some(place),
            Severity::Error,
            what.into(),
            advice.into(),
        );
    }

    pub fn has_errors(&self) -> bool {
        self.errors
    }

    /// All problems in the order of the text. Those without a line come first.
    pub fn into_sorted(mut self) -> Vec<Problem> {
        self.found
            .sort_by_key(|problem| (problem.line, problem.column));
        if self.left_out > 0 {
            let what = format!("{} more problems are not listed", self.left_out);
            let advice = "correct the problems above first".to_owned();
            let severity = if self.errors {
                Severity::Error
            } else {
                Severity::Warning
            };
            self.found.push(Problem {
                path: String::new(),
                line: None,
                column: None,
                severity,
                what,
                advice,
            });
        }
        self.found
    }

    fn add(
        &mut self,
        path: &str,
        place: Option<(usize, usize)>,
        severity: Severity,
        what: String,
        advice: String,
    ) {
        self.errors |= severity == Severity::Error;
        if self.found.len() >= MAX_LISTED {
            self.left_out += 1;
            return;
        }
        let (line, column) = place.or_else(|| self.locations.locate(path)).unzip();
        self.found.push(Problem {
            path: path.to_owned(),
            line,
            column,
            severity,
            what,
            advice,
        });
    }
}

/// On one line: `issuers[1].jwks.uri (line 7): what; advice`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match (self.path.is_empty(), self.line) {
            (false, Some(line)) => format!("{} (line {line}): ", self.path),
            (false, None) => format!("{}: ", self.path),
            (true, Some(line)) => format!("line {line}: "),
            (true, None) => String::new(),
        };
        // A key can contain a line break, and a problem is one line.
        for c in format!("{place}{}; {}", self.what, self.advice).chars() {
            if c.is_control() {
                write!(f, "{}", c.escape_default())?
            } else {
                write!(f, "{c}")?
            }
        }
        Ok(())
    }
}

/// Bounds the output and the time for a file of any content.
const MAX_LISTED: usize = 1_000;

#[cfg(test)]
mod tests;
