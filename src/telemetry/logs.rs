//! Log lines on standard error: JSON for machines, text for people.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::fmt as lines;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format;

use crate::telemetry::log_queue::STANDARD_ERROR;
use crate::telemetry::printable::{printable, printable_json};

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// Text for people.
    Text,
}

/// Changes the log level of the process while it runs.
#[derive(Clone)]
pub struct LevelControl {
    apply: Arc<dyn Fn(EnvFilter) -> bool + Send + Sync>,
    current: Arc<Mutex<String>>,
}

/// A log setting that is not valid, or cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogSettingError {
    /// The text names no format.
    #[error("`{0}` is not a log format; use json or text")]
    UnknownFormat(String),
    /// The text names no level.
    #[error("`{0}` is not a log level; use error, warn, info, debug or trace")]
    UnknownLevel(String),
    /// The process writes its log by another subscriber, as tests do.
    #[error("the log of this process is not written by accredit")]
    NotInControl,
}

impl FromStr for LogFormat {
    type Err = LogSettingError;

    fn from_str(text: &str) -> Result<LogFormat, LogSettingError> {
        match text {
            "json" => Ok(LogFormat::Json),
            "text" => Ok(LogFormat::Text),
            other => Err(LogSettingError::UnknownFormat(other.to_owned())),
        }
    }
}

/// Starts the log of the process at a level, by default `info`; only text has colours. From then on a panic logs its place only: its message
/// may quote a request.
///
/// # Errors
/// [`LogSettingError::UnknownLevel`]
pub fn start(
    format: LogFormat,
    level: Option<&str>,
    is_coloured: bool,
) -> Result<LevelControl, LogSettingError> {
    let level = level.unwrap_or("info");
    let builder = lines::Subscriber::builder()
        .with_env_filter(filter(level)?)
        .with_writer(&STANDARD_ERROR)
        .with_ansi(is_coloured)
        .with_target(false);
    // In tests several services share a process: the first subscriber stays.
    let apply: Arc<dyn Fn(EnvFilter) -> bool + Send + Sync> = match format {
        LogFormat::Json => {
            let builder = builder
                .json()
                .flatten_event(true)
                .with_writer(|| PrintableJson)
                .with_filter_reloading();
            let handle = builder.reload_handle();
            let _ = tracing::subscriber::set_global_default(builder.finish());
            Arc::new(move |filter| handle.reload(filter).is_ok())
        }
        LogFormat::Text => {
            let builder = builder
                .fmt_fields(printable_fields())
                .with_filter_reloading();
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
        tracing::error!(place, "internal error: a thread panicked");
    }));
    Ok(LevelControl {
        apply,
        current: Arc::new(Mutex::new(level.to_owned())),
    })
}

/// Writes lines of JSON to the log queue. Client text is in paths, hosts, methods and request ids (CONTRACT 6.5.3).
struct PrintableJson;

impl Write for PrintableJson {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        (&STANDARD_ERROR).write_all(printable_json(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The fields of a line of text, escaped one by one: the line around them has the colours of a terminal.
fn printable_fields() -> impl for<'w> FormatFields<'w> + Send + Sync + 'static {
    format::debug_fn(|writer, field, value| {
        let text = format!("{value:?}");
        match field.name() {
            "message" => write!(writer, "{}", printable(&text)),
            name => write!(writer, "{name}={}", printable(&text)),
        }
    })
    .delimited(" ")
}

/// A level, or levels by module (`info,accredit::jwks=debug`). `EnvFilter` takes an unknown word for the name of a
/// module, and would then log nothing at all.
fn filter(text: &str) -> Result<EnvFilter, LogSettingError> {
    let is_level = |part: &str| {
        let level = part.rsplit_once('=').map_or(part, |(_, level)| level);
        !level.trim().is_empty() && level.trim().parse::<LevelFilter>().is_ok()
    };
    let filter = EnvFilter::try_new(text).ok();
    filter
        .filter(|_| text.split(',').all(is_level))
        .ok_or_else(|| LogSettingError::UnknownLevel(text.to_owned()))
}

// === impl LevelControl ===

impl LevelControl {
    /// Sets the level, and returns the level that was set before.
    ///
    /// # Errors
    /// [`LogSettingError`]; nothing changes then.
    pub fn set(&self, level: &str) -> Result<String, LogSettingError> {
        if !(self.apply)(filter(level)?) {
            return Err(LogSettingError::NotInControl);
        }
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::replace(&mut current, level.to_owned()))
    }
}

impl Default for LevelControl {
    /// Controls nothing.
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

#[cfg(test)]
mod tests {
    use super::filter;

    #[test]
    fn only_log_levels_are_accepted() {
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
