//! The commands, and the error line of a bad command line.

use std::process;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, Subcommand};

use crate::cli::check::CheckArgs;
use crate::cli::completions::{self, CompletionsArgs, ManArgs};
use crate::cli::dev::DevArgs;
use crate::cli::exit::{ExitCode, complain};
use crate::cli::explain::ExplainArgs;
use crate::cli::import::ImportArgs;
use crate::cli::keys::KeysArgs;
use crate::cli::rule_test::TestArgs;
use crate::cli::serve::ServeArgs;
use crate::cli::tail::TailArgs;
use crate::cli::{check, dev, explain, help, import, keys, rule_test, schema, serve, tail};
use crate::telemetry::build_info::VERSION_AND_COMMIT;
use crate::telemetry::log_queue::FlushAtExit;

/// Verifies the bearer tokens of requests for the Envoy proxy (ext_authz)
#[derive(Debug, Parser)]
#[command(
    name = "accredit",
    version = VERSION_AND_COMMIT,
    max_term_width = 120,
    after_help = help::ALL
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service
    #[command(after_help = help::SERVE)]
    Serve(ServeArgs),
    /// Validate a configuration and list every problem
    #[command(after_help = help::CHECK)]
    Check(CheckArgs),
    /// Decide one request and print each step; reads the token from standard input
    #[command(after_help = help::EXPLAIN)]
    Explain(ExplainArgs),
    /// Follow the decisions of a running service, or look up a denied request
    #[command(after_help = help::TAIL)]
    Tail(TailArgs),
    /// Show the issuers of a running service and their keys
    #[command(after_help = help::KEYS)]
    Keys(KeysArgs),
    /// Convert a configuration of Envoy's jwt_authn, Istio, Envoy Gateway or Kubernetes
    #[command(after_help = help::IMPORT)]
    Import(ImportArgs),
    /// Run test cases against a configuration, without keys and network
    #[command(after_help = help::TEST)]
    Test(TestArgs),
    /// Print the JSON Schema of the configuration
    Schema,
    /// Run the service with an embedded development issuer, to try accredit alone
    Dev(DevArgs),
    /// Print the completions of a shell
    #[command(after_help = help::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Write a man page for each command
    #[command(hide = true)]
    Man(ManArgs),
}

/// Runs the command of the process's arguments.
pub fn run() -> process::ExitCode {
    let _flush = FlushAtExit;
    let code = match Cli::try_parse() {
        Ok(cli) => match cli.command {
            Command::Serve(args) => serve::run(args),
            Command::Check(args) => check::run(args),
            Command::Explain(args) => explain::run(args),
            Command::Tail(args) => tail::run(args),
            Command::Keys(args) => keys::run(args),
            Command::Import(args) => import::run(&args),
            Command::Test(args) => rule_test::run(args),
            Command::Schema => schema::run(),
            Command::Dev(args) => dev::run(args),
            Command::Completions(args) => completions::print(&args, Cli::command()),
            Command::Man(args) => completions::write_man_pages(&args, Cli::command()),
        },
        Err(error) => print_usage_or_error(&error),
    };
    ExitCode::into(code)
}

/// Prints help and version as clap does; prints every other error of the command line as one line (CONTRACT 2.3.2).
fn print_usage_or_error(error: &clap::Error) -> ExitCode {
    let is_help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    match (is_help, error.exit_code()) {
        (true, code) => match error.print() {
            Ok(()) if code == 0 => ExitCode::Done,
            Ok(()) => ExitCode::BadUsage,
            Err(_) => ExitCode::Failed,
        },
        (false, _) => {
            complain(one_line(&error.to_string()));
            ExitCode::BadUsage
        }
    }
}

/// Joins clap's paragraphs (the error, a suggestion, the usage) into one line.
fn one_line(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let paragraphs: Vec<String> = text
        .split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|paragraph| !paragraph.is_empty())
        .collect();
    paragraphs.join("; ")
}
