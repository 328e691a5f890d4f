//! What a long token costs beyond its own bytes. `cargo bench --bench load -- long` measures this alone.

use bytes::Bytes;
use serde_json::json;

use crate::configuration::configuration;
use crate::cost::{CHECKS, ROUNDS, cpu_per_check};
use crate::figures::{TABLE_HEAD, median, row};
use crate::messages::{Minter, check};
use crate::process::{Process, ProcessCommand, Transport};

/// The row of a known token of 8 KiB, as in the whole report.
pub(crate) fn measure() -> String {
    let minter = Minter::new();
    let floor = ProcessCommand::floor(Transport::Tcp).start();
    let accredit = Process::accredit(&configuration(&minter.key_set(), 2, 10));
    let message = |claims| vec![check(Some(&minter.token(1, claims)), "/api/data", 1)];
    let short = message(json!({}));
    let long = message(json!({"padding": "x".repeat(PADDING)}));
    let cost = |process: &Process, messages: &[Bytes]| {
        cpu_per_check(process, &messages[0], messages, CHECKS)
    };
    for messages in [&short, &long] {
        cost(&accredit, messages);
        cost(&floor, messages);
    }
    let rounds = (0..ROUNDS).map(|_| {
        let of_floor = cost(&floor, &short);
        let [long_floor, known, long] = [
            cost(&floor, &long),
            cost(&accredit, &short),
            cost(&accredit, &long),
        ]
        .map(|cost| cost / of_floor);
        beyond_bytes(long, long_floor, known)
    });
    let mut report = TABLE_HEAD.to_owned();
    let ratios: Vec<f64> = rounds.collect();
    row(&mut report, NAME, median(&ratios), "1.02");
    report
}

/// The cost of a long token ÷ that of a short one, without what the long message costs the floor beyond a short one. All three
/// are ratios to the floor with a short message.
pub(crate) fn beyond_bytes(long: f64, long_floor: f64, known: f64) -> f64 {
    (long - (long_floor - 1.0)) / known
}

/// The characters that make a token of the benchmark 8 KiB long.
pub(crate) const PADDING: usize = 5600;

pub(crate) const NAME: &str = "8 KiB ÷ 600 bytes, beyond what the bytes cost the floor";
