//! `accredit check`

use std::path::PathBuf;

use accredit_core::config::resolve::{Resolved, resolve};
use clap::Args;

use crate::app::check_files::check_files;
use crate::app::online::{OnlineCheck, fetch_all};
use crate::cli::exit::{ExitCode, complain};
use crate::cli::run::on_main_runtime;
use crate::cli::settings::{ConfigFlags, document, environment};

#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// The configuration file, or - for standard input [env: ACCREDIT_CONFIG] [default: /etc/accredit/accredit.yaml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Exit with 2 if a warning is left that accept_warnings does not name
    #[arg(long)]
    deny_warnings: bool,
    /// Also fetch each key set
    #[arg(long)]
    online: bool,
}

#[allow(clippy::print_stdout, reason = "the answer to the command")]
pub(crate) fn run(args: CheckArgs) -> ExitCode {
    let flags = ConfigFlags {
        config: args.config,
        ..ConfigFlags::default()
    };
    let Ok((document, mut problems)) = document(flags, &environment) else {
        return ExitCode::BadUsage;
    };
    check_files(&document, &mut problems);
    let resolved = match resolve(&document, problems) {
        Ok(resolved) => resolved,
        Err(problems) => {
            problems.iter().for_each(complain);
            return ExitCode::BadUsage;
        }
    };
    resolved.warnings.iter().for_each(complain);
    if args.deny_warnings && !resolved.warnings.is_empty() {
        complain(
            "--deny-warnings: there are warnings; correct them, or name their codes in accept_warnings",
        );
        return ExitCode::BadUsage;
    }
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
                    .map(print_keys)
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

/// How many keys that are set aside are printed. The issuer decides how many there are.
const MAX_PRINTED_KEYS: usize = 100;

#[allow(clippy::print_stdout, reason = "the answer to the command")]
fn print_keys(checked: &OnlineCheck) -> ExitCode {
    let OnlineCheck {
        issuer,
        source,
        keys,
    } = checked;
    let keys = match keys {
        Ok(keys) => keys,
        Err(error) => {
            complain(format_args!("{issuer} ({source}): {error}"));
            return ExitCode::Failed;
        }
    };
    for (key_id, reason) in keys.set_aside.iter().take(MAX_PRINTED_KEYS) {
        match key_id {
            Some(key_id) => println!("{issuer} ({source}): key {key_id:?} is set aside: {reason}"),
            None => println!("{issuer} ({source}): a key without kid is set aside: {reason}"),
        }
    }
    match (keys.usable, keys.set_aside.len()) {
        (0, _) => {
            complain(format_args!(
                "warning: {issuer} ({source}): the key set is empty; none of its tokens can be admitted"
            ));
            ExitCode::Failed
        }
        (usable, 0) => {
            println!("{issuer} ({source}): {usable} usable keys");
            ExitCode::Done
        }
        (usable, aside) => {
            println!("{issuer} ({source}): {usable} usable keys, {aside} set aside");
            ExitCode::Done
        }
    }
}
