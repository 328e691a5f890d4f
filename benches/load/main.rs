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

mod cases;
mod checks;
mod client;
mod configuration;
mod core;
mod cost;
mod envoy;
mod figures;
mod first_sight;
mod floor;
mod form_report;
mod forms;
mod instructions;
mod long_token;
mod messages;
mod process;
mod scale;
mod through_envoy;

use std::fmt::Write as _;

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    match arguments.get(1).map(String::as_str) {
        Some("floor") => floor::serve(&arguments[2]),
        Some("first") => print!("{}", first_sight::measure()),
        Some("instructions") => print!("{}", instructions::measure()),
        Some("long") => print!("{}", long_token::measure()),
        Some("judgement") => print!("{}", core::measure()),
        Some("scale") => print!("{}", runtime().block_on(scale::measure())),
        Some("forms") => {
            let (envoy, module) = forms::programs();
            write(runtime().block_on(forms::measure(&envoy, &module)));
        }
        _ => write(runtime().block_on(whole_report())),
    }
}

/// The rows of every part but the forms.
async fn whole_report() -> String {
    let (mut report, of_floor) = cases::measure().await;
    report.push_str(&scale::measure().await);
    report.push_str(&instructions::measure());
    if let Some(program) = std::env::var_os("ACCREDIT_BENCH_ENVOY") {
        report.push_str(&through_envoy::measure(program.as_ref()).await);
    }
    // Writing to a String cannot fail.
    let _ = writeln!(
        report,
        "\nThe floor took {of_floor:.1} µs of CPU time per check."
    );
    report
}

/// Prints the report, and writes it into the file that the environment names.
fn write(report: String) {
    print!("{report}");
    if let Some(file) = std::env::var_os("ACCREDIT_BENCH_REPORT") {
        std::fs::write(file, report).unwrap();
    }
}
