//! `accredit import`

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::exit::{ExitCode, complain, say};
use crate::cli::settings::STANDARD_INPUT;
use crate::import::input::ImportSource;
use crate::import::run::{ImportCompleteness, import};

/// The maximum size of the input in bytes. The dump of a large proxy's configuration has some tens of megabytes.
const MAX_SOURCE: u64 = 256 << 20;

#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// Files of the other tool, in YAML or JSON, with one or several documents; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(crate) fn run(args: &ImportArgs) -> ExitCode {
    let mut sources = Vec::new();
    for file in &args.files {
        match source(file) {
            Ok(source) => sources.push(source),
            Err(error) => {
                complain(format_args!(
                    "{}: {error}; name a readable file",
                    file.display()
                ));
                return ExitCode::BadUsage;
            }
        }
    }
    match import(&sources) {
        Err(lines) => {
            lines.iter().for_each(complain);
            ExitCode::BadUsage
        }
        Ok(imported) => {
            imported.lines.iter().for_each(complain);
            match (
                say(imported.configuration.trim_end()),
                imported.completeness,
            ) {
                (ExitCode::Done, ImportCompleteness::SomethingLeftOut) => ExitCode::LeftOut,
                (code, _) => code,
            }
        }
    }
}

/// A pipe is read as well, so that the output of another command can be given as a file.
fn source(file: &Path) -> std::io::Result<ImportSource> {
    let is_input = file == Path::new(STANDARD_INPUT);
    let mut bytes = Vec::new();
    if is_input {
        std::io::stdin()
            .lock()
            .take(MAX_SOURCE + 1)
            .read_to_end(&mut bytes)?;
    } else {
        File::open(file)?
            .take(MAX_SOURCE + 1)
            .read_to_end(&mut bytes)?;
    }
    if bytes.len() as u64 > MAX_SOURCE {
        return Err(std::io::Error::new(
            ErrorKind::FileTooLarge,
            "the input is over 256 MiB",
        ));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| std::io::Error::new(ErrorKind::InvalidData, "the text is not UTF-8"))?;
    let name = if is_input {
        "standard input".to_owned()
    } else {
        file.display().to_string()
    };
    Ok(ImportSource { name, text })
}
