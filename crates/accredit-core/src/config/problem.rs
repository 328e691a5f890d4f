//! A problem of a configuration: what is wrong, where, and what to do.

use std::fmt;
use std::sync::Arc;

use crate::config::locations::Locations;
use crate::config::sentence::Sentence;
use crate::config::warning::WarningCode;

/// One error or warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The rules file. `None` for the configuration itself.
    pub file: Option<Arc<str>>,
    /// The key path, as `issuers[1].jwks.uri`. Empty for the document itself.
    pub path: String,
    /// Line in the text, from 1. `None` without a text.
    pub line: Option<usize>,
    /// Column in the text, from 1. `None` without a text.
    pub column: Option<usize>,
    pub(crate) severity: Severity,
    pub what: String,
    pub advice: String,
}

/// The problems beyond the limit.
#[derive(Clone, Debug, Default)]
struct UnlistedProblems {
    count: usize,
    /// The first warning among them.
    warning: Option<WarningCode>,
}

/// Whether a problem makes the configuration unusable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    Error,
    Warning(WarningCode),
}

/// Collects the problems of a configuration.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    file: Option<Arc<str>>,
    locations: Locations,
    found: Vec<Problem>,
    unlisted: UnlistedProblems,
    accepted: Vec<WarningCode>,
    errors: bool,
    repaired: Vec<String>,
}

impl Problem {
    /// The code of a warning; `None` for an error, which has no code.
    pub fn warning_code(&self) -> Option<WarningCode> {
        match self.severity {
            Severity::Warning(code) => Some(code),
            Severity::Error => None,
        }
    }
}

impl Problems {
    /// The problems of a rules file.
    pub(crate) fn of_file(path: Arc<str>) -> Problems {
        Problems {
            file: Some(path),
            ..Problems::default()
        }
    }

    /// From now on, problems take their lines from this document, and quote no value that came from the environment.
    pub(crate) fn locate_in(&mut self, locations: Locations) {
        self.locations = locations;
    }

    /// The value at `path` makes the configuration unusable.
    pub fn error(&mut self, path: &str, what: impl Into<Sentence>, advice: impl Into<Sentence>) {
        self.add(path, None, Severity::Error, what.into(), advice.into());
    }

    /// The value at `path` is permitted, but dangerous or surprising.
    pub fn warn(
        &mut self,
        code: WarningCode,
        path: &str,
        what: impl Into<Sentence>,
        advice: impl Into<Sentence>,
    ) {
        let severity = Severity::Warning(code);
        self.add(path, None, severity, what.into(), advice.into());
    }

    /// Like [`Problems::error`], at a given line and column.
    pub(crate) fn error_at(
        &mut self,
        path: &str,
        place: (usize, usize),
        what: impl Into<Sentence>,
        advice: impl Into<Sentence>,
    ) {
        let severity = Severity::Error;
        self.add(path, Some(place), severity, what.into(), advice.into());
    }

    /// The values at these paths had errors, which are reported, and were replaced by placeholders. Later problems of
    /// these values, or of the mappings and lists that contain them, are consequences of the errors and are not added
    /// (CONTRACT 2.4.1).
    pub(crate) fn ignore_consequences_of(&mut self, repaired: Vec<String>) {
        self.repaired = repaired;
    }

    /// Whether the value at `path`, or a value in it, has a placeholder.
    pub(crate) fn is_repaired(&self, path: &str) -> bool {
        self.repaired
            .iter()
            .any(|repaired| contains(path, repaired))
    }

    /// Whether the value at `path`, or one that contains it, is a placeholder.
    pub(crate) fn has_placeholder_at(&self, path: &str) -> bool {
        self.repaired
            .iter()
            .any(|repaired| contains(repaired, path))
    }

    /// Whether the names of an issuer entry have a placeholder, so that the names of all issuers are not known.
    pub(crate) fn has_repaired_issuer_name(&self) -> bool {
        self.repaired.iter().any(|path| {
            let Some(rest) = path.strip_prefix("issuers") else {
                return false;
            };
            let in_entry = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
            in_entry.is_none_or(|(_, key)| {
                key.is_empty() || key.starts_with(".issuer") || key.starts_with(".tenants")
            })
        })
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.errors
    }

    /// Ignores warnings with these codes from now on. Accepted warnings take no room in the list. Otherwise they could
    /// displace a warning that the operator did not accept.
    pub fn accept(&mut self, codes: Vec<WarningCode>) {
        self.accepted = codes;
    }

    /// All problems in the order of the text. Those without a line come first.
    pub(crate) fn into_sorted(mut self) -> Vec<Problem> {
        self.found
            .sort_by_key(|problem| (problem.line, problem.column));
        if self.unlisted.count > 0 {
            let severity = match self.unlisted.warning {
                Some(code) if !self.errors => Severity::Warning(code),
                _ => Severity::Error,
            };
            self.found.push(Problem {
                file: self.file.clone(),
                path: String::new(),
                line: None,
                column: None,
                severity,
                what: format!("{} more problems are not listed", self.unlisted.count),
                advice: "correct the problems above first".to_owned(),
            });
        }
        self.found
    }

    fn add(
        &mut self,
        path: &str,
        place: Option<(usize, usize)>,
        severity: Severity,
        what: Sentence,
        advice: Sentence,
    ) {
        if let Severity::Warning(code) = severity
            && self.accepted.contains(&code)
        {
            return;
        }
        // This limit comes before the comparisons, which would take very long for a text with very many problems.
        if self.found.len() >= MAX_LISTED {
            match severity {
                Severity::Error => self.errors = true,
                Severity::Warning(code) => {
                    self.unlisted.warning.get_or_insert(code);
                }
            }
            self.unlisted.count += 1;
            return;
        }
        if self.is_repaired(path) || self.repaired.iter().any(|value| contains(value, path)) {
            return;
        }
        self.errors |= severity == Severity::Error;
        let (line, column) = place.or_else(|| self.locations.locate(path)).unzip();
        let is_secret = |path: &str| self.locations.is_from_environment(path);
        let (what, advice) = (what.text(is_secret), advice.text(is_secret));
        self.found.push(Problem {
            file: self.file.clone(),
            path: path.to_owned(),
            line,
            column,
            severity,
            what,
            advice,
        });
    }
}

/// Whether `inner` is the same key path as `outer`, or one below it. The document itself contains no path here: a problem
/// of the document is not a consequence of one of its keys.
fn contains(outer: &str, inner: &str) -> bool {
    !outer.is_empty()
        && inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// On one line: `issuers[1].jwks.uri (line 7): what; advice`. A warning begins with `warning[CODE]: `, and a problem of a rules
/// file names the file before the key path.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Severity::Warning(code) = self.severity {
            write!(f, "warning[{code}]: ")?;
        }
        let place = match (self.path.is_empty(), self.line) {
            (false, Some(line)) => format!("{} (line {line}): ", self.path),
            (false, None) => format!("{}: ", self.path),
            (true, Some(line)) => format!("line {line}: "),
            (true, None) => String::new(),
        };
        let file = match &self.file {
            Some(file) => format!("{file}: "),
            None => String::new(),
        };
        // A key can contain a line break, and a problem is printed on one line.
        for c in format!("{file}{place}{}; {}", self.what, self.advice).chars() {
            if c.is_control() {
                write!(f, "{}", c.escape_default())?
            } else {
                write!(f, "{c}")?
            }
        }
        Ok(())
    }
}

/// The maximum number of problems that are listed, so that output and time are bounded for a file of any content.
const MAX_LISTED: usize = 1_000;

#[cfg(test)]
mod tests;
