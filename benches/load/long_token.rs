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
        let bytes = cost(&floor, &long) / of_floor - 1.0;
        let (known, own) = (cost(&accredit, &short), cost(&accredit, &long));
        (own / of_floor - bytes) / (known / of_floor)
    });
    let mut report = TABLE_HEAD.to_owned();
    let ratios: Vec<f64> = rounds.collect();
    row(&mut report, NAME, median(&ratios), "1.02");
    report
}

/// The characters that make a token of the benchmark 8 KiB long.
pub(crate) const PADDING: usize = 5600;

pub(crate) const NAME: &str = "8 KiB ÷ 600 bytes, beyond what the bytes cost the floor";
