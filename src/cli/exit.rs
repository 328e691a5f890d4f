//! How a command ends.

use std::fmt::Display;
use std::io::{ErrorKind, Write as _};
use std::process;

use crate::admin::printable::printable;
use crate::telemetry::log_queue::STANDARD_ERROR;

/// The exit codes that programs may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// What was asked is done.
    Done = 0,
    /// It failed.
    Failed = 1,
    /// It was asked wrongly, or the configuration is wrong.
    BadUsage = 2,
    /// `explain`: the request is refused.
    Denied = 3,
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> process::ExitCode {
        process::ExitCode::from(code as u8)
    }
}

/// Says in one line what to change, whatever the texts hold that it quotes; after the lines of the log, where there is one, and as little held up by whoever
/// reads them.
pub fn complain(error: impl Display) {
    let error = error.to_string();
    STANDARD_ERROR.say(&format!("accredit: {}", printable(&error)));
}

/// Prints what was asked for, with a line's end. A reader that has gone, as `head` does, has seen enough.
pub fn say(text: &str) -> ExitCode {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::Done,
        Err(error) => {
            if error.kind() != ErrorKind::BrokenPipe {
                complain(format_args!(
                    "standard output cannot be written to: {error}"
                ));
            }
            ExitCode::Failed
        }
    }
}
