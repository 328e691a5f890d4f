//! The instructions of whole processes per check, HTTP/2 and the runtime included, counted by callgrind. The kernel is not.

use std::fmt::Write as _;
use std::path::Path;

use bytes::Bytes;
use serde_json::json;

use crate::checks::CheckConnection;
use crate::configuration::configuration;
use crate::messages::{Minter, check};
use crate::process::{ProcessCommand, Transport};

/// Checks that are not counted, and those that are.
const WARM: usize = 1_000;
const COUNTED: usize = 4_000;

/// The rows of the report.
pub(crate) fn measure() -> String {
    let minter = Minter::new();
    let configuration = configuration(&minter.key_set(), 2, 10);
    let known: Vec<Bytes> = (0..16)
        .map(|client| check(Some(&minter.token(client, json!({}))), "/api/data", client))
        .collect();
    let anonymous = [check(None, "/api/data", 1)];
    let new: Vec<Bytes> = (0..WARM + COUNTED)
        .map(|client| check(Some(&minter.token(client, json!({}))), "/api/data", client))
        .collect();
    let floor = per_check(|| ProcessCommand::floor(Transport::Tcp), &known);
    let accredit = || ProcessCommand::accredit(&configuration, Transport::Tcp);
    let mut report = String::new();
    for (case, messages, goal) in [
        ("known token", &known[..], "0.60"),
        ("no token", &anonymous, "0.60"),
        ("first sight", &new, ""),
    ] {
        let own = per_check(accredit, messages);
        // Writing to a String cannot fail.
        let _ = writeln!(
            report,
            "| {case}, instructions: {own:.0} ÷ {floor:.0} of the floor | {:.2} | {goal} |",
            own / floor
        );
    }
    report
}

/// The difference of two runs, so that the start of the process does not count.
fn per_check(command: impl Fn() -> ProcessCommand, messages: &[Bytes]) -> f64 {
    let few = run(command(), messages, WARM);
    let many = run(command(), messages, WARM + COUNTED);
    (many - few) / COUNTED as f64
}

fn run(command: ProcessCommand, messages: &[Bytes], checks: usize) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("profile");
    let process = command.start_counted(&profile);
    CheckConnection::connect(process.address).closed_loop(messages, checks);
    process.stop();
    total(&profile)
}

fn total(profile: &Path) -> f64 {
    let text = std::fs::read_to_string(profile).unwrap();
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    total.unwrap().trim().parse().unwrap()
}
