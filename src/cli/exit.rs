//! How a command ends.

use std::fmt::Display;
use std::process;

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

/// Says in one line what to change.
#[allow(
    clippy::print_stderr,
    reason = "errors of a command are for the person who typed it"
)]
pub fn complain(error: impl Display) {
    eprintln!("accredit: {error}");
}
