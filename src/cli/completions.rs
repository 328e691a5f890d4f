//! `accredit completions` and `accredit man`: what packages install beside the binary.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use crate::cli::exit::{ExitCode, complain, say};

#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

#[derive(Args, Debug)]
pub(crate) struct ManArgs {
    /// The folder for the pages; it is made if it does not exist
    folder: PathBuf,
}

/// Prints the completions of these commands.
pub(crate) fn print(args: &CompletionsArgs, mut commands: Command) -> ExitCode {
    let name = commands.get_name().to_owned();
    let mut script = Vec::new();
    generate(args.shell, &mut commands, name, &mut script);
    say(String::from_utf8_lossy(&script).trim_end())
}

/// Writes a page for each of these commands.
pub(crate) fn write_man_pages(args: &ManArgs, commands: Command) -> ExitCode {
    let written = std::fs::create_dir_all(&args.folder)
        .and_then(|()| clap_mangen::generate_to(commands, &args.folder));
    match written {
        Ok(()) => ExitCode::Done,
        Err(error) => {
            complain(format_args!(
                "cannot write man pages into {}: {error}; name a folder that you can write to",
                args.folder.display()
            ));
            ExitCode::Failed
        }
    }
}
