//! The commands and their flags.

use std::process;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::cli::check::CheckArgs;
use crate::cli::dev::DevArgs;
use crate::cli::exit::{ExitCode, complain};
use crate::cli::explain::ExplainArgs;
use crate::cli::keys::KeysArgs;
use crate::cli::serve::ServeArgs;
use crate::cli::tail::TailArgs;
use crate::cli::{check, dev, explain, keys, schema, serve, tail};
use crate::telemetry::log_queue::LastLines;

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
    Check(CheckArgs),
    /// Decide one request as the service would, and tell each step; the token comes on standard input
    Explain(ExplainArgs),
    /// Follow the decisions of a running service, or look a refused request up
    Tail(TailArgs),
    /// Show the issuers of a running service and their keys
    Keys(KeysArgs),
    /// Print the JSON Schema of the configuration
    Schema,
    /// Run the service with an embedded development issuer: the whole main job, nothing else installed
    Dev(DevArgs),
}

/// Runs what was typed.
pub fn run() -> process::ExitCode {
    let _last_lines = LastLines;
    let code = match Cli::try_parse() {
        Ok(cli) => match cli.command {
            Command::Serve(args) => serve::run(args),
            Command::Check(args) => check::run(args),
            Command::Explain(args) => explain::run(args),
            Command::Tail(args) => tail::run(args),
            Command::Keys(args) => keys::run(args),
            Command::Schema => schema::run(),
            Command::Dev(args) => dev::run(args),
        },
        Err(answer) => not_a_command(&answer),
    };
    ExitCode::into(code)
}

/// Help and version are asked for; of what cannot be read one line says why, as of everything else.
fn not_a_command(answer: &clap::Error) -> ExitCode {
    let is_help = matches!(
        answer.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    match (is_help, answer.exit_code()) {
        (true, code) => match answer.print() {
            Ok(()) if code == 0 => ExitCode::Done,
            Ok(()) => ExitCode::BadUsage,
            Err(_) => ExitCode::Failed,
        },
        (false, _) => {
            complain(one_line(&answer.to_string()));
            ExitCode::BadUsage
        }
    }
}

/// clap's paragraphs (what is wrong, what is like it, the usage) in one line.
fn one_line(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let paragraphs: Vec<String> = text
        .split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|paragraph| !paragraph.is_empty())
        .collect();
    paragraphs.join("; ")
}
