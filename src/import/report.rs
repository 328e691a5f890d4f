//! The differences that the operator has to know about, besides the printed configuration.

use std::cell::{Cell, RefCell};
use std::fmt::Display;

/// The lines for standard error, each once, in the order in which they came up.
#[derive(Debug, Default)]
pub(crate) struct ImportReport {
    lines: RefCell<Vec<ReportLine>>,
    has_unreadable: Cell<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum ReportLine {
    /// A part of the original is missing in the result, or the result can admit requests that the original denies.
    LeftOut(String),
    /// The result always answers differently from the original in this point.
    Note(String),
}

impl ImportReport {
    /// A part of the original at `at` is missing in the result. `instead` says what the operator can do.
    pub(crate) fn left_out(&self, at: &str, what: impl Display, instead: impl Display) {
        self.add(ReportLine::LeftOut(format!(
            "left out: {at}: {what}; {instead}"
        )));
    }

    /// A value at `at` is not what the other tool has there. No default may take its place: it could admit requests that the
    /// original refuses. So the whole result denies every request.
    pub(crate) fn unreadable(&self, at: &str, expected: &str) {
        self.has_unreadable.set(true);
        self.left_out(
            at,
            format_args!("this is not {expected}, so accredit denies every request"),
            "correct it, and import again",
        );
    }

    pub(crate) fn has_unreadable(&self) -> bool {
        self.has_unreadable.get()
    }

    /// A difference that does not depend on the original.
    pub(crate) fn note(&self, what: impl Display) {
        self.add(ReportLine::Note(format!("note: {what}")));
    }

    pub(crate) fn has_left_out(&self) -> bool {
        self.lines
            .borrow()
            .iter()
            .any(|line| matches!(line, ReportLine::LeftOut(_)))
    }

    /// Every line; what was left out comes first.
    pub(crate) fn into_lines(self) -> Vec<String> {
        let (left_out, notes): (Vec<_>, Vec<_>) = self
            .lines
            .into_inner()
            .into_iter()
            .partition(|line| matches!(line, ReportLine::LeftOut(_)));
        left_out
            .into_iter()
            .chain(notes)
            .map(|line| match line {
                ReportLine::LeftOut(text) | ReportLine::Note(text) => text,
            })
            .collect()
    }

    fn add(&self, line: ReportLine) {
        let mut lines = self.lines.borrow_mut();
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
}
