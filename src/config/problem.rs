//! What is wrong with a configuration, where, and how to mend it.

use std::fmt;

use crate::config::locations::Locations;

/// One thing to change, or to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key path, as `issuers[1].jwks.uri`; empty for the document itself.
    pub path: String,
    /// Line in the text, from 1, where there is a text.
    pub line: Option<usize>,
    /// Column in the text, from 1, where there is a text.
    pub column: Option<usize>,
    /// Whether the configuration can be used in spite of it.
    pub severity: Severity,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub mend: String,
}

/// Whether the configuration can be used in spite of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It cannot be used.
    Error,
    /// It can, and someone should know.
    Warning,
}

/// Collects problems, so that one look at a configuration finds them all.
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

    /// From here on, key paths are found in this document.
    pub fn locate_in(&mut self, locations: Locations) {
        self.locations = locations;
    }

    /// The value at `path` makes the configuration unusable.
    pub fn error(&mut self, path: &str, what: impl Into<String>, mend: impl Into<String>) {
        self.add(path, None, Severity::Error, what.into(), mend.into());
    }

    /// The value at `path` is allowed, and dangerous or surprising.
    pub fn warn(&mut self, path: &str, what: impl Into<String>, mend: impl Into<String>) {
        self.add(path, None, Severity::Warning, what.into(), mend.into());
    }

    /// An error at a place that is known already.
    pub fn error_at(
        &mut self,
        path: &str,
        place: (usize, usize),
        what: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.add(path, Some(place), Severity::Error, what.into(), mend.into());
    }

    /// Whether the configuration is unusable.
    pub fn has_errors(&self) -> bool {
        self.errors
    }

    /// All of them in the order of the text; those without a place come first.
    pub fn into_sorted(mut self) -> Vec<Problem> {
        self.found
            .sort_by_key(|problem| (problem.line, problem.column));
        if self.left_out > 0 {
            let what = format!("{} more problems are not listed", self.left_out);
            let mend = "mend those above first".to_owned();
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
                mend,
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
        mend: String,
    ) {
        self.errors |= severity == Severity::Error;
        if self.found.len() >= MOST {
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
            mend,
        });
    }
}

/// On one line: `issuers[1].jwks.uri (line 7): what; mend`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match (self.path.is_empty(), self.line) {
            (false, Some(line)) => format!("{} (line {line}): ", self.path),
            (false, None) => format!("{}: ", self.path),
            (true, Some(line)) => format!("line {line}: "),
            (true, None) => String::new(),
        };
        // A key may hold a line break, and one problem is one line.
        for c in format!("{place}{}; {}", self.what, self.mend).chars() {
            if c.is_control() {
                write!(f, "{}", c.escape_default())?
            } else {
                write!(f, "{c}")?
            }
        }
        Ok(())
    }
}

/// More than anyone reads, and few enough that a file of any size is answered soon.
const MOST: usize = 1_000;

#[cfg(test)]
mod tests;
