//! `accredit check`

use crate::cli::command::ConfigArgs;
use crate::cli::exit::{ExitCode, complain};
use crate::cli::settings::{Typed, environment, settings};

/// Runs the command.
#[allow(clippy::print_stdout, reason = "the answer to the command")]
pub fn run(args: ConfigArgs) -> ExitCode {
    let typed = Typed {
        config: args.config,
        ..Typed::default()
    };
    match settings(typed, &environment, |warning| {
        complain(format_args!("warning: {warning}"))
    }) {
        Ok(resolved) => {
            let warnings = match resolved.warnings.len() {
                0 => String::new(),
                1 => ", with 1 warning".to_owned(),
                count => format!(", with {count} warnings"),
            };
            println!("the configuration is valid{warnings}");
            ExitCode::Done
        }
        Err(_) => ExitCode::BadUsage,
    }
}
