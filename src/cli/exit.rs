//! The exit status of a command, and the lines that it prints.

use std::fmt::Display;
use std::io::{ErrorKind, Write as _};
use std::process;

use crate::telemetry::log_queue::STANDARD_ERROR;
use crate::telemetry::printable::{printable, printable_json};

/// The exit statuses of CONTRACT 2.3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitCode {
    Done,
    Failed,
    /// Bad usage, or a configuration error.
    BadUsage,
    /// `explain`: the decision is deny.
    Denied,
    /// `import`: a part of the original was left out.
    LeftOut,
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> process::ExitCode {
        process::ExitCode::from(match code {
            ExitCode::Done => 0,
            ExitCode::Failed => 1,
            ExitCode::BadUsage => 2,
            ExitCode::Denied | ExitCode::LeftOut => 3,
        })
    }
}

/// Prints an error as one line on standard error. Control characters in quoted text are escaped. The line goes through the queue
/// of the log, so that it comes after earlier log lines and a reader that stalls cannot block the command.
pub(crate) fn complain(error: impl Display) {
    let error = error.to_string();
    STANDARD_ERROR.print_last(&format!("accredit: {}", printable(&error)));
}

/// Prints a line on standard error like [`complain`], as it is.
pub(crate) fn complain_line(line: &str) {
    STANDARD_ERROR.print_last(line);
}

/// Prints errors like `complain`, and waits for nothing: a configuration can have hundreds, and a signal must not wait for the
/// reader of standard error.
pub fn complain_without_waiting(errors: impl IntoIterator<Item: Display>) {
    for error in errors {
        let error = error.to_string();
        STANDARD_ERROR.print(&format!("accredit: {}", printable(&error)));
    }
}

/// Prints JSON on standard output as [`say`] does, with the controls of client text escaped (CONTRACT 6.5.3).
pub(crate) fn say_json(json: &serde_json::Value) -> ExitCode {
    say(&printable_json(&json.to_string()))
}

/// Prints a line on standard output. A closed pipe (`accredit tail | head`) ends the command without an error line.
pub(crate) fn say(text: &str) -> ExitCode {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::Done,
        Err(error) => {
            if error.kind() != ErrorKind::BrokenPipe {
                complain(format_args!("cannot write to standard output: {error}"));
            }
            ExitCode::Failed
        }
    }
}
