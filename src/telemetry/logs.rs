//! Log lines on standard error: JSON for machines, text for people.

use std::fmt;
use std::io::IsTerminal as _;
use std::str::FromStr;

use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt as lines;

/// How a log line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people.
    Text,
}

/// A log format or level that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownLogSetting(String);

impl FromStr for LogFormat {
    type Err = UnknownLogSetting;

    fn from_str(text: &str) -> Result<LogFormat, UnknownLogSetting> {
        match text {
            "json" => Ok(LogFormat::Json),
            "text" => Ok(LogFormat::Text),
            other => Err(UnknownLogSetting(format!(
                "`{other}` is no log format; use json or text"
            ))),
        }
    }
}

/// Starts logging for the process, at that level (`info` if none is given), and keeps panics from printing what
/// they were about: a message may quote a request.
///
/// # Errors
/// [`UnknownLogSetting`] for a level that does not exist.
pub fn start(format: LogFormat, level: Option<&str>) -> Result<(), UnknownLogSetting> {
    let level = level.unwrap_or("info");
    let filter = EnvFilter::try_new(level).map_err(|_| {
        UnknownLogSetting(format!(
            "`{level}` is no log level; use error, warn, info, debug or trace"
        ))
    })?;
    let builder = lines::Subscriber::builder()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    // A subscriber that is there already keeps its place: tests of several services share a process.
    let _ = match format {
        LogFormat::Json => {
            tracing::subscriber::set_global_default(builder.json().flatten_event(true).finish())
        }
        LogFormat::Text => tracing::subscriber::set_global_default(builder.finish()),
    };
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(place, "a fault of ours: a thread panicked");
    }));
    Ok(())
}

impl fmt::Display for UnknownLogSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UnknownLogSetting {}
