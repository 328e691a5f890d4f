//! What a run found.

use std::fmt::{Display, Write as _};
use std::time::Duration;

/// The lines of the report.
#[derive(Default)]
pub(crate) struct Report {
    text: String,
    failed: bool,
}

/// How long checks took.
#[derive(Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Report {
    pub(crate) fn fact(&mut self, name: &str, value: impl Display) {
        self.row(name, value);
    }

    pub(crate) fn latencies(&mut self, name: &str, latencies: &Latencies) {
        let micros = |part| latencies.quantile(part).as_micros();
        let (median, p99) = (micros(0.5), micros(0.99));
        let value = format!(
            "median {median} µs, 99 % {p99} µs, {} checks",
            latencies.0.len()
        );
        self.row(name, value);
    }

    /// A condition that the run has to meet, and what was measured.
    pub(crate) fn require(&mut self, name: &str, holds: bool, measured: impl Display) {
        self.failed |= !holds;
        let verdict = if holds { "yes" } else { "**NO**" };
        self.row(name, format_args!("{verdict} ({measured})"));
    }

    fn row(&mut self, name: &str, value: impl Display) {
        println!("{name}: {value}");
        writeln!(self.text, "| {name} | {value} |").unwrap();
    }

    /// Writes the report into this file of `target/soak`. Returns whether every condition holds.
    pub(crate) fn finish(self, name: &str) -> bool {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/target/soak");
        std::fs::create_dir_all(folder).unwrap();
        let text = format!("# Soak\n\n| | |\n| --- | --- |\n{}", self.text);
        let file = format!("{folder}/{name}");
        std::fs::write(&file, text).unwrap();
        println!("report: {file}");
        !self.failed
    }
}

impl Latencies {
    pub(crate) fn add(&mut self, latency: Duration) {
        self.0.push(latency);
    }

    pub(crate) fn median(&self) -> Duration {
        self.quantile(0.5)
    }

    fn quantile(&self, part: f64) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        let index = (last as f64 * part) as usize;
        sorted.get(index).copied().unwrap_or_default()
    }
}
