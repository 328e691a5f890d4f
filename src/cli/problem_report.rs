//! The problems of a configuration, as lines and as JSON.

use std::path::Path;

use accredit_core::config::problem::Problem;
use serde_json::{Value, json};

use crate::cli::paint::{Colour, Paint};
use crate::cli::settings::STANDARD_INPUT;
use crate::telemetry::printable::printable;

/// The origin of a configuration: a file, standard input, or flags and variables.
#[derive(Clone, Debug)]
pub(crate) struct ConfigName(Option<String>);

impl ConfigName {
    pub(crate) fn new(file: Option<&Path>) -> ConfigName {
        ConfigName(file.map(|file| match file == Path::new(STANDARD_INPUT) {
            true => "<stdin>".to_owned(),
            false => file.display().to_string(),
        }))
    }

    /// One line, as compilers print problems, so that editors and CI find the place:
    /// `FILE:LINE:COLUMN: error: PATH: what; advice`. A warning has its code: `warning[CODE]:` (CONTRACT 2.4.5).
    pub(crate) fn line(&self, problem: &Problem, paint: Paint) -> String {
        // A problem of a rules file names that file.
        let file = problem.file.as_deref().or(self.0.as_deref());
        let place = match (file, problem.line, problem.column) {
            (Some(file), Some(line), Some(column)) => format!("{file}:{line}:{column}: "),
            (Some(file), _, _) => format!("{file}: "),
            (None, _, _) => "accredit: ".to_owned(),
        };
        let (colour, severity) = match problem.warning_code() {
            Some(code) => (Colour::Yellow, format!("warning[{code}]:")),
            None => (Colour::Red, "error:".to_owned()),
        };
        let path = match problem.path.is_empty() {
            true => String::new(),
            false => format!("{}: ", problem.path),
        };
        let text = format!("{path}{}; {}", problem.what, problem.advice);
        format!(
            "{}{} {}",
            paint.text(Colour::Bold, &printable(&place)),
            paint.text(colour, &severity),
            printable(&text)
        )
    }

    /// The report of `check --json` if the configuration cannot be read.
    pub(crate) fn unreadable(&self, text: &str) -> Value {
        json!({
            "file": self.0,
            "valid": false,
            "errors": 1,
            "warnings": 0,
            "problems": [{
                "severity": "error", "code": null, "path": "", "line": null, "column": null,
                "message": text, "advice": "",
            }],
            "key_sets": [],
        })
    }

    /// The report of `check --json`.
    pub(crate) fn json(&self, problems: &[Problem], key_sets: Value) -> Value {
        let count = |is_warning: bool| {
            let own = problems.iter();
            own.filter(|problem| problem.warning_code().is_some() == is_warning)
                .count()
        };
        let problems_json: Vec<Value> = problems
            .iter()
            .map(|problem| {
                json!({
                    "file": problem.file.as_deref().or(self.0.as_deref()),
                    "severity": if problem.warning_code().is_some() { "warning" } else { "error" },
                    "code": problem.warning_code().map(|code| code.to_string()),
                    "path": problem.path,
                    "line": problem.line,
                    "column": problem.column,
                    "message": problem.what,
                    "advice": problem.advice,
                })
            })
            .collect();
        json!({
            "file": self.0,
            "valid": count(false) == 0,
            "errors": count(false),
            "warnings": count(true),
            "problems": problems_json,
            "key_sets": key_sets,
        })
    }
}
