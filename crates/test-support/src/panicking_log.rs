//! A log at which a task panics. Every task that must not end writes lines, so that a test can make it panic at a chosen place without a
//! fault in the program.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Event, Metadata, Subscriber};

/// While a process has one log only, `tracing` asks the thread that reaches a line first whether it is wanted. If that is the thread of
/// another test, which has no log, the line is off for all threads. With a second log, it asks both logs.
static SECOND_LOG: LazyLock<Dispatch> = LazyLock::new(|| {
    Dispatch::new(PanickingLog(Arc::new(LogLines {
        panic_at: "no line, for no thread writes to this log",
        has_panicked: AtomicBool::new(true),
        lines: Mutex::default(),
    })))
});

/// The lines that the thread of the test has logged.
#[derive(Clone)]
pub struct PanickingLog(Arc<LogLines>);

struct LogLines {
    panic_at: &'static str,
    has_panicked: AtomicBool,
    lines: Mutex<Vec<String>>,
}

struct Line(String);

impl PanickingLog {
    /// Receives the lines of this thread until the guard is dropped. The first line that contains the text panics.
    pub fn panicking_at(text: &'static str) -> (PanickingLog, DefaultGuard) {
        let log = PanickingLog(Arc::new(LogLines {
            panic_at: text,
            has_panicked: AtomicBool::new(false),
            lines: Mutex::default(),
        }));
        LazyLock::force(&SECOND_LOG);
        let guard = tracing::subscriber::set_default(log.clone());
        (log, guard)
    }

    /// How many lines contain all of these texts.
    pub fn count(&self, texts: &[&str]) -> usize {
        let lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let has_all = |line: &&String| texts.iter().all(|text| line.contains(text));
        lines.iter().filter(has_all).count()
    }
}

impl Subscriber for PanickingLog {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        let Line(line) = line;
        let LogLines {
            panic_at,
            has_panicked,
            lines,
        } = &*self.0;
        let panics = line.contains(panic_at) && !has_panicked.swap(true, Ordering::Relaxed);
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line);
        drop(lines);
        assert!(!panics, "the test makes this line panic");
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{field}={value:?} ");
    }
}
