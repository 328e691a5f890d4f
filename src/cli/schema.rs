//! `accredit schema`

use std::io::Write as _;

use accredit_core::config::schema;

use crate::cli::exit::{ExitCode, complain};

pub(crate) fn run() -> ExitCode {
    let printed = serde_json::to_string_pretty(schema::schema())
        .map_err(std::io::Error::from)
        .and_then(|text| writeln!(std::io::stdout(), "{text}"));
    match printed {
        Ok(()) => ExitCode::Done,
        Err(error) => {
            complain(error);
            ExitCode::Failed
        }
    }
}
