//! The rows of the report.

use std::fmt::Write as _;

pub(crate) const TABLE_HEAD: &str = "| figure | measured | goal |\n| --- | --- | --- |\n";

pub(crate) fn row(report: &mut String, name: &str, value: f64, goal: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(report, "| {name} | {value:.2} | {goal} |");
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
