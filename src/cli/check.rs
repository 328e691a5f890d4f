//! `accredit check`

use std::path::PathBuf;

use clap::Args;

use crate::app::online::{OnlineResult, fetch_all};
use crate::cli::exit::{ExitCode, complain};
use crate::cli::run::on_main_runtime;
use crate::cli::settings::{ConfigFlags, environment, settings};
use crate::config::resolve::Resolved;

/// Flags of `accredit check`.
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// The configuration's file [env: ACCREDIT_CONFIG] [default: /etc/accredit/accredit.yaml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Also fetch each key set
    #[arg(long)]
    online: bool,
}

/// Runs the command.
#[allow(clippy::print_stdout, reason = "the answer to the command")]
pub fn run(args: CheckArgs) -> ExitCode {
    let typed = ConfigFlags {
        config: args.config,
        ..ConfigFlags::default()
    };
    let Ok(resolved) = settings(typed, &environment, |warning| {
        complain(format_args!("warning: {warning}"))
    }) else {
        return ExitCode::BadUsage;
    };
    let fetched = if args.online {
        online(&resolved)
    } else {
        ExitCode::Done
    };
    let warnings = match resolved.warnings.len() {
        0 => String::new(),
        1 => ", with 1 warning".to_owned(),
        count => format!(", with {count} warnings"),
    };
    println!("the configuration is valid{warnings}");
    fetched
}

fn online(resolved: &Resolved) -> ExitCode {
    on_main_runtime(async {
        match fetch_all(&resolved.settings).await {
            Ok(fetched)
                if fetched
                    .iter()
                    .map(tell)
                    .filter(|code| *code != ExitCode::Done)
                    .count()
                    == 0 =>
            {
                ExitCode::Done
            }
            Ok(_) => ExitCode::Failed,
            Err(error) => {
                complain(error);
                ExitCode::Failed
            }
        }
    })
}

#[allow(clippy::print_stdout, reason = "the answer to the command")]
fn tell(fetched: &OnlineResult) -> ExitCode {
    let OnlineResult {
        issuer,
        source,
        keys,
    } = fetched;
    match keys {
        Ok((0, _)) => {
            complain(format_args!(
                "warning: {issuer} ({source}): the key set is empty; none of its tokens can be admitted"
            ));
            ExitCode::Failed
        }
        Ok((usable, 0)) => {
            println!("{issuer} ({source}): {usable} usable keys");
            ExitCode::Done
        }
        Ok((usable, aside)) => {
            println!("{issuer} ({source}): {usable} usable keys, {aside} set aside");
            ExitCode::Done
        }
        Err(error) => {
            complain(format_args!("{issuer} ({source}): {error}"));
            ExitCode::Failed
        }
    }
}
