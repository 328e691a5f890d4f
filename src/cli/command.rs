//! The commands and their flags.

use std::process;

use clap::{Args, Parser, Subcommand};

use crate::cli::dev::DevArgs;
use crate::cli::exit::ExitCode;
use crate::cli::serve::ServeArgs;
use crate::cli::{check, dev, schema, serve};

/// Verifies the bearer token of every request that an Envoy proxy is about to let through.
#[derive(Debug, Parser)]
#[command(name = "accredit", version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer Envoy's checks
    Serve(ServeArgs),
    /// Validate a configuration, and list every problem in it
    Check(ConfigArgs),
    /// Print the JSON Schema of the configuration
    Schema,
    /// Run the service with an embedded development issuer: the whole main job, nothing else installed
    Dev(DevArgs),
}

/// Where a configuration is.
#[derive(Args, Debug)]
pub struct ConfigArgs {
    /// The configuration's file [env: ACCREDIT_CONFIG] [default: /etc/accredit/accredit.yaml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<std::path::PathBuf>,
}

/// Runs what was typed.
pub fn run() -> process::ExitCode {
    // clap ends the process by itself for --help and --version (0) and for bad usage (2).
    let code = match Cli::parse().command {
        Command::Serve(args) => serve::run(args),
        Command::Check(args) => check::run(args),
        Command::Schema => schema::run(),
        Command::Dev(args) => dev::run(args),
    };
    ExitCode::into(code)
}
