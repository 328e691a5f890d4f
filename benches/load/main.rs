//! The cost of a check: the CPU time of the service per check, as ratios within one run. `make bench` runs it and writes the
//! result into docs/performance.md.
//!
//! The yardstick ("floor") is a stock tonic server that answers OK without looking at the request, with the allocator mimalloc.
//! Each round measures every case once, one after the other, and gives one ratio for each; a figure is the median of the rounds.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark reads the environment, stops at the first error and prints its results"
)]

mod checks;
mod client;
mod configuration;
mod core;
mod envoy;
mod floor;
mod form_report;
mod forms;
mod instructions;
mod messages;
mod process;
mod scale;
mod through_envoy;

use std::fmt::Write as _;
use std::time::Duration;

use accredit_core::jose::base64url;
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use bytes::Bytes;
use mimalloc::MiMalloc;
use serde_json::json;

use crate::checks::CheckConnection;
use crate::client::Client;
use crate::configuration::configuration;
use crate::messages::{Minter, check};
use crate::process::{Process, ProcessCommand, Transport};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const ROUNDS: usize = 21;
const CHECKS: usize = 10_000;

/// Tokens that are new in each round.
const NEW_TOKENS: usize = 600;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|role| role == "floor") {
        return floor::serve(&arguments[2]);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    if arguments.get(1).is_some_and(|role| role == "instructions") {
        return print!("{}", instructions::measure());
    }
    if arguments.get(1).is_some_and(|role| role == "forms") {
        let (envoy, module) = forms::programs();
        return write(runtime.block_on(forms::measure(&envoy, &module)));
    }
    if arguments.get(1).is_some_and(|role| role == "scale") {
        return print!("{}", runtime.block_on(scale::measure()));
    }
    let (mut report, of_floor) = runtime.block_on(measure());
    report.push_str(&runtime.block_on(scale::measure()));
    report.push_str(&instructions::measure());
    if let Some(program) = std::env::var_os("ACCREDIT_BENCH_ENVOY") {
        report.push_str(&runtime.block_on(through_envoy::measure(program.as_ref())));
    }
    // Writing to a String cannot fail.
    let _ = writeln!(
        report,
        "\nThe floor took {of_floor:.1} µs of CPU time per check."
    );
    write(report);
}

/// Prints the report, and writes it into the file that the environment names.
fn write(report: String) {
    print!("{report}");
    if let Some(file) = std::env::var_os("ACCREDIT_BENCH_REPORT") {
        std::fs::write(file, report).unwrap();
    }
}

/// The checks of one case, and the service that answers them.
struct Case<'a> {
    name: &'static str,
    goal: &'static str,
    process: &'a Process,
    messages: Vec<Bytes>,
    /// The gRPC status code of the answers.
    code: i32,
}

/// The rows of the report, and the CPU time of the floor per check in microseconds.
async fn measure() -> (String, f64) {
    let minter = Minter::new();
    let keys = minter.key_set();
    let floor = ProcessCommand::floor(Transport::Tcp).start();
    let usual = Process::accredit(&configuration(&keys, 2, 10));
    let idle = usual.memory();
    let many_rules = Process::accredit(&configuration(&keys, 2, 1000));
    let many_issuers = Process::accredit(&configuration(&keys, 1000, 10));

    let tokens: Vec<String> = (0..8000)
        .map(|client| minter.token(client, json!({})))
        .collect();
    let checks = |count: usize, path: &str| -> Vec<Bytes> {
        let tokens = tokens.iter().take(count).enumerate();
        tokens
            .map(|(number, token)| check(Some(token), path, number))
            .collect()
    };
    let long = minter.token(1, json!({"padding": "x".repeat(5600)}));
    let case = |name, goal, process, messages, code| Case {
        name,
        goal,
        process,
        messages,
        code,
    };
    let cases = [
        case("known token", "0.65", &usual, checks(16, "/api/data"), 0),
        case(
            "known token, 8,000 in turn",
            "0.80",
            &usual,
            checks(8000, "/api/data"),
            0,
        ),
        case(
            "known token, a rule with `when`",
            "1.15 of without",
            &usual,
            checks(16, "/api/when"),
            0,
        ),
        case(
            "known token, 1,000 rules",
            "1.05 of 10",
            &many_rules,
            checks(16, "/api/data"),
            0,
        ),
        case(
            "known token, 1,000 issuers",
            "1.05 of 2",
            &many_issuers,
            checks(16, "/api/data"),
            0,
        ),
        case(
            "known token of 8 KiB",
            "",
            &usual,
            vec![check(Some(&long), "/api/data", 1)],
            0,
        ),
        case(
            "no token",
            "0.60",
            &usual,
            vec![check(None, "/api/data", 1)],
            16,
        ),
    ];
    for case in &cases {
        let client = Client::connect(case.process.address).await;
        assert_eq!(
            client.code(&case.messages[0]).await,
            case.code,
            "{}",
            case.name
        );
        // Warm: caches and buffers have their sizes, and every token is known.
        CheckConnection::connect(case.process.address).closed_loop(&case.messages, 10_000);
    }
    // The same long messages, answered by the floor, whose part of the cost is subtracted.
    let long_message = vec![check(Some(&long), "/api/data", 1)];
    let floor_messages = checks(16, "/api/data");

    let mut ratios = vec![Vec::new(); cases.len()];
    let (mut long_floor, mut floors) = (Vec::new(), Vec::new());
    let (mut paced, mut first, mut expired, mut forged, mut unknown) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut number = tokens.len();
    let expired_tokens: Vec<Bytes> = (0..NEW_TOKENS)
        .map(|client| {
            let token = minter.token(client, json!({"iat": 1000, "nbf": 1000, "exp": 2000}));
            check(Some(&token), "/api/data", client)
        })
        .collect();
    for _ in 0..ROUNDS {
        let mut of_floor = 0.0;
        for (case, ratios) in cases.iter().zip(&mut ratios) {
            // Just before each case: the speed of the machine changes within seconds.
            of_floor = cpu_per_check(&floor, &floor_messages, CHECKS);
            floors.push(of_floor);
            let own = cpu_per_check(case.process, &case.messages, CHECKS);
            ratios.push(own / of_floor);
        }
        long_floor.push(cpu_per_check(&floor, &long_message, CHECKS) / of_floor);
        let own = cpu_paced(&usual, &floor_messages);
        paced.push(own / cpu_paced(&floor, &floor_messages));

        let new: Vec<String> = (number..number + NEW_TOKENS)
            .map(|client| minter.token(client, json!({})))
            .collect();
        number += NEW_TOKENS;
        let messages = |change: &dyn Fn(&str) -> String| -> Vec<Bytes> {
            let tokens = new.iter().enumerate();
            tokens
                .map(|(number, token)| check(Some(&change(token)), "/api/data", number))
                .collect()
        };
        let raw = raw_verification(&minter, &new);
        let cost = |messages: &[Bytes]| cpu_per_check(&usual, messages, NEW_TOKENS);
        // The forged ones first: the others are cached afterwards.
        let of_forged = cost(&messages(&messages::forged));
        let of_unknown = cost(&messages(&messages::with_unknown_key));
        let of_expired = cost(&expired_tokens);
        let of_first = cost(&messages(&str::to_owned));
        first.push((of_first - of_floor) / raw);
        forged.push(of_forged / of_first);
        unknown.push(of_unknown / of_first);
        expired.push(of_expired / of_first);
    }

    let known = median(&ratios[0]);
    let mut report = String::from("| figure | measured | goal |\n| --- | --- | --- |\n");
    let mut row = |name: &str, value: f64, goal: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(report, "| {name} | {value:.2} | {goal} |");
    };
    for (case, ratios) in cases.iter().zip(&ratios) {
        row(&format!("{} ÷ floor", case.name), median(ratios), case.goal);
    }
    row(
        "the same at 2,000 checks a second, open loop ÷ floor",
        median(&paced),
        "0.85",
    );
    row("`when` ÷ without", median(&ratios[2]) / known, "1.15");
    row("1,000 rules ÷ 10", median(&ratios[3]) / known, "1.05");
    row("1,000 issuers ÷ 2", median(&ratios[4]) / known, "1.05");
    let beyond = median(&ratios[5]) - (median(&long_floor) - 1.0);
    row(
        "8 KiB ÷ 600 bytes, beyond what the bytes cost the floor",
        beyond / known,
        "1.02",
    );
    row(
        "first sight: (CPU - floor) ÷ one RS256 verification",
        median(&first),
        "1.15",
    );
    row("expired ÷ first sight", median(&expired), "0.95");
    row("forged ÷ first sight", median(&forged), "0.95");
    row("unknown `kid` ÷ first sight", median(&unknown), "0.95");
    row(
        "one judgement of a known token, in process and without transport, µs",
        core::judgement(&minter),
        "0.5",
    );
    row("memory, idle, MiB", idle, "20");
    let memory = full_cache(&minter, &keys);
    row(
        "memory after 100,000 tokens, `token_cache: 64MiB`, MiB",
        memory,
        "100",
    );
    (report, median(&floors))
}

/// The memory of a service that has seen 100,000 tokens.
fn full_cache(minter: &Minter, keys: &str) -> f64 {
    let process = Process::accredit(&configuration(keys, 2, 10));
    let mut connection = CheckConnection::connect(process.address);
    for batch in 0..100 {
        let messages: Vec<Bytes> = (0..1000)
            .map(|number| {
                let token = minter.token(batch * 1000 + number, json!({}));
                check(Some(&token), "/api/data", number)
            })
            .collect();
        connection.closed_loop(&messages, messages.len());
    }
    process.memory()
}

/// In microseconds.
fn cpu_per_check(process: &Process, messages: &[Bytes], checks: usize) -> f64 {
    let mut connection = CheckConnection::connect(process.address);
    let before = process.cpu();
    connection.closed_loop(messages, checks);
    micros(process.cpu() - before) / checks as f64
}

fn cpu_paced(process: &Process, messages: &[Bytes]) -> f64 {
    let mut connection = CheckConnection::connect(process.address);
    let before = process.cpu();
    connection.open_loop(messages, 4000, Duration::from_micros(500));
    micros(process.cpu() - before) / 4000.0
}

/// What the cryptographic library alone takes to verify one of these tokens, in microseconds.
fn raw_verification(minter: &Minter, tokens: &[String]) -> f64 {
    let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, minter.public_key()).unwrap();
    let parts: Vec<(&str, Vec<u8>)> = tokens
        .iter()
        .map(|token| {
            let (signed, signature) = token.rsplit_once('.').unwrap();
            (signed, base64url::decode(signature).unwrap())
        })
        .collect();
    let before = process::own_cpu();
    for (signed, signature) in &parts {
        key.verify_sig(signed.as_bytes(), signature).unwrap();
    }
    micros(process::own_cpu() - before) / parts.len() as f64
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
