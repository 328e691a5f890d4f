//! The binary: parse, run, exit.

use std::process::ExitCode;

use accredit::cli::command;

fn main() -> ExitCode {
    command::run()
}
