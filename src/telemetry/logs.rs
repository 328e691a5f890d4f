//! Log lines on standard error: JSON for machines, text for people.

use std::fmt;
use std::io::IsTerminal as _;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::fmt as lines;

use crate::telemetry::log_queue::STANDARD_ERROR;

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

/// Changes the level of a process's log while it runs.
#[derive(Clone)]
pub struct LevelControl {
    apply: Arc<dyn Fn(EnvFilter) -> bool + Send + Sync>,
    current: Arc<Mutex<String>>,
}

/// Why a level was not set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LevelError {
    /// There is none of that name.
    Unknown(UnknownLogSetting),
    /// This process's log is written by somebody else.
    NotOurs,
}

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
pub fn start(format: LogFormat, level: Option<&str>) -> Result<LevelControl, UnknownLogSetting> {
    let level = level.unwrap_or("info");
    let builder = lines::Subscriber::builder()
        .with_env_filter(filter(level)?)
        .with_writer(&STANDARD_ERROR)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    // A subscriber that is there already keeps its place: tests of several services share a process.
    let apply: Arc<dyn Fn(EnvFilter) -> bool + Send + Sync> = match format {
        LogFormat::Json => {
            let builder = builder.json().flatten_event(true).with_filter_reloading();
            let handle = builder.reload_handle();
            let _ = tracing::subscriber::set_global_default(builder.finish());
            Arc::new(move |filter| handle.reload(filter).is_ok())
        }
        LogFormat::Text => {
            let builder = builder.with_filter_reloading();
            let handle = builder.reload_handle();
            let _ = tracing::subscriber::set_global_default(builder.finish());
            Arc::new(move |filter| handle.reload(filter).is_ok())
        }
    };
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(place, "a fault of ours: a thread panicked");
    }));
    Ok(LevelControl {
        apply,
        current: Arc::new(Mutex::new(level.to_owned())),
    })
}

/// A level, or levels by module (`info,accredit::jwks=debug`). The filter's own reader takes an unknown word for a
/// module's name, and then nothing is logged at all.
fn filter(text: &str) -> Result<EnvFilter, UnknownLogSetting> {
    let is_level = |part: &str| {
        let level = part.rsplit_once('=').map_or(part, |(_, level)| level);
        !level.trim().is_empty() && level.trim().parse::<LevelFilter>().is_ok()
    };
    let read = EnvFilter::try_new(text).ok();
    read.filter(|_| text.split(',').all(is_level))
        .ok_or_else(|| {
            UnknownLogSetting(format!(
                "`{text}` is no log level; use error, warn, info, debug or trace"
            ))
        })
}

// === impl LevelControl ===

impl LevelControl {
    /// Sets the level, and tells the one before.
    ///
    /// # Errors
    /// [`LevelError`]; nothing changes then.
    pub fn set(&self, level: &str) -> Result<String, LevelError> {
        let filter = filter(level).map_err(LevelError::Unknown)?;
        if !(self.apply)(filter) {
            return Err(LevelError::NotOurs);
        }
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::replace(&mut current, level.to_owned()))
    }
}

impl Default for LevelControl {
    /// Controls nothing: the log is somebody else's.
    fn default() -> LevelControl {
        LevelControl {
            apply: Arc::new(|_| false),
            current: Arc::default(),
        }
    }
}

impl fmt::Debug for LevelControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LevelControl")
    }
}

impl fmt::Display for UnknownLogSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UnknownLogSetting {}

impl fmt::Display for LevelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LevelError::Unknown(unknown) => unknown.fmt(f),
            LevelError::NotOurs => {
                f.write_str("the log of this process is not written by accredit")
            }
        }
    }
}

impl std::error::Error for LevelError {}

#[cfg(test)]
mod tests {
    use super::filter;

    #[test]
    fn a_word_that_is_no_level_is_refused() {
        for level in [
            "info",
            "DEBUG",
            "off",
            "info,accredit::jwks=debug",
            "accredit=trace",
        ] {
            assert!(filter(level).is_ok(), "{level}");
        }
        for word in ["verbose", "", "info,loud", "accredit=loud", "info,"] {
            assert!(filter(word).is_err(), "{word:?}");
        }
    }
}
