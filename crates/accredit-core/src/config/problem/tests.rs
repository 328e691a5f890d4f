//! How problems read and in which order.

use super::{MAX_LISTED, Problem, Problems, Severity};
use crate::config::locations::Locations;
use crate::config::warning::WarningCode;
use crate::config::yaml::read::read;

const CODE: WarningCode = WarningCode::AudiencesAny;

fn problem(path: &str, line: Option<usize>) -> Problem {
    let (what, advice) = ("what".to_owned(), "advice".to_owned());
    Problem {
        file: None,
        path: path.into(),
        line,
        column: line,
        severity: Severity::Error,
        what,
        advice,
    }
}

#[test]
fn a_problem_is_displayed_on_one_line_with_its_location() {
    let cases = [
        (
            "issuers[1].jwks.uri",
            Some(7),
            "issuers[1].jwks.uri (line 7): what; advice",
        ),
        (
            "issuers[1].jwks.uri",
            None,
            "issuers[1].jwks.uri: what; advice",
        ),
        ("", Some(7), "line 7: what; advice"),
        ("", None, "what; advice"),
        ("a\r\nb", None, "a\\r\\nb: what; advice"),
    ];
    for (path, line, expected) in cases {
        assert_eq!(problem(path, line).to_string(), expected);
    }
}

#[test]
fn problems_are_listed_in_the_order_of_their_lines() {
    let tree = read("realm: a\nlisten: b\n", &mut Problems::default()).expect("a tree");
    let mut problems = Problems::default();
    problems.locate_in(Locations::of(&tree));
    assert!(!problems.has_errors());
    problems.warn(CODE, "listen", "w", "m");
    assert!(!problems.has_errors(), "a warning is no error");
    problems.error("realm", "e", "m");
    problems.error_at("drain", (9, 2), "e", "m");
    assert!(problems.has_errors());
    let sorted: Vec<_> = problems
        .into_sorted()
        .iter()
        .map(|one| (one.severity, one.line, one.column))
        .collect();
    let expected = [
        (Severity::Error, Some(1), Some(8)),
        (Severity::Warning(CODE), Some(2), Some(9)),
        (Severity::Error, Some(9), Some(2)),
    ];
    assert_eq!(sorted, expected);
}

#[test]
fn problems_beyond_a_thousand_are_counted() {
    let mut problems = Problems::default();
    for _ in 0..MAX_LISTED + 5 {
        problems.error("realm", "e", "m");
    }
    let sorted = problems.into_sorted();
    assert_eq!(sorted.len(), MAX_LISTED + 1);
    assert_eq!(
        sorted.last().map(Problem::to_string).as_deref(),
        Some("5 more problems are not listed; correct the problems above first")
    );
}

#[test]
fn omitted_warnings_cause_no_error() {
    let mut problems = Problems::default();
    for _ in 0..MAX_LISTED + 5 {
        problems.warn(CODE, "realm", "w", "m");
    }
    assert!(!problems.has_errors());
    assert!(
        problems
            .into_sorted()
            .iter()
            .all(|one| one.severity == Severity::Warning(CODE))
    );
}

/// Warnings that the operator accepted filled the list, and the line that says so was hidden with them.
#[test]
fn accepted_warnings_hide_no_other_warning() {
    let other = WarningCode::HttpKeys;
    for count in [0, 1, MAX_LISTED, MAX_LISTED + 5] {
        let mut problems = Problems::default();
        problems.accept(vec![CODE]);
        (0..count).for_each(|_| problems.warn(CODE, "realm", "w", "m"));
        problems.warn(other, "listen", "w", "m");
        let severities: Vec<_> = problems
            .into_sorted()
            .iter()
            .map(|one| one.severity)
            .collect();
        assert_eq!(severities, [Severity::Warning(other)], "{count}");
    }
    // The line is there if what was left out is not accepted, and it has the code of such a warning.
    let mut problems = Problems::default();
    problems.accept(vec![CODE]);
    (0..MAX_LISTED + 2).for_each(|_| problems.warn(other, "realm", "w", "m"));
    problems.warn(CODE, "listen", "w", "m");
    let sorted = problems.into_sorted();
    let last = sorted.last().map(|one| (one.severity, one.what.as_str()));
    let expected = (Severity::Warning(other), "2 more problems are not listed");
    assert_eq!(last, Some(expected));
}

/// An error beyond the limit makes the configuration unusable, and its line is no warning that could be accepted.
#[test]
fn an_error_that_is_left_out_is_an_error() {
    let mut problems = Problems::default();
    (0..MAX_LISTED).for_each(|_| problems.warn(CODE, "realm", "w", "m"));
    problems.error("listen", "e", "m");
    assert!(problems.has_errors());
    let sorted = problems.into_sorted();
    assert_eq!(sorted.last().map(|one| one.severity), Some(Severity::Error));
}

#[test]
fn a_warning_begins_with_its_code() {
    let warning = Problem {
        file: None,
        severity: Severity::Warning(CODE),
        ..problem("realm", Some(2))
    };
    assert_eq!(
        warning.to_string(),
        "warning[audiences_any]: realm (line 2): what; advice"
    );
}
