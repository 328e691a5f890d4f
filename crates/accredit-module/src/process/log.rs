//! The log of the module: JSON lines through the logger of the host.
//!
//! The host writes a line on the thread that logs it. A worker thread must not wait for the reader of the log, so the lines go
//! through a bounded queue to a thread of their own; a line that finds the queue full is counted and dropped.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use accredit::telemetry::printable::printable_json;
use tracing::{Level, Metadata};
use tracing_subscriber::fmt as lines;
use tracing_subscriber::fmt::MakeWriter;

use crate::process::platform::Platform;

/// A line of a denial has some 500 bytes, so that a full queue holds about 2 MiB.
const MAX_QUEUED_LINES: usize = 4096;

/// Panics of the process since the log was started.
static PANICS: AtomicU64 = AtomicU64::new(0);

static QUEUE: OnceLock<LineQueue> = OnceLock::new();

#[derive(Debug)]
struct LineQueue {
    lines: SyncSender<(Level, String)>,
    /// Lines that found the queue full.
    dropped: AtomicU64,
    reported: AtomicU64,
}

/// Writes lines of one level to the queue.
#[derive(Debug)]
struct QueueWriter {
    queue: &'static LineQueue,
    level: Level,
}

/// Starts the log and its thread. From then on a panic logs its place only: its message may quote a request. A second call does
/// nothing.
///
/// # Errors
/// If the thread cannot be started.
pub fn start(platform: Platform) -> io::Result<()> {
    if QUEUE.get().is_some() {
        return Ok(());
    }
    let (sender, receiver) = sync_channel(MAX_QUEUED_LINES);
    (platform.spawn)(
        "accredit-log",
        Box::new(move || write_each(&receiver, platform.log)),
    )?;
    let queue = QUEUE.get_or_init(|| LineQueue {
        lines: sender,
        dropped: AtomicU64::new(0),
        reported: AtomicU64::new(0),
    });
    let subscriber = lines::Subscriber::builder()
        .json()
        .flatten_event(true)
        .with_target(false)
        // The host writes time and level.
        .without_time()
        .with_level(false)
        .with_max_level(Level::INFO)
        .with_writer(queue)
        .finish();
    // In tests another subscriber can be there first; it stays.
    let _ = tracing::subscriber::set_global_default(subscriber);
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        PANICS.fetch_add(1, Ordering::Relaxed);
        tracing::error!(place, "internal error: a thread panicked");
    }));
    Ok(())
}

/// How often a thread of the process has panicked since [`start`].
pub fn panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// How many lines were dropped because the host did not write them in time.
pub fn dropped_lines() -> u64 {
    QUEUE
        .get()
        .map_or(0, |queue| queue.dropped.load(Ordering::Relaxed))
}

/// Logs how many lines were dropped since the last call.
pub fn report_dropped() {
    let Some(queue) = QUEUE.get() else {
        return;
    };
    let dropped = queue.dropped.load(Ordering::Relaxed);
    let left_out = dropped - queue.reported.swap(dropped, Ordering::Relaxed);
    if left_out > 0 {
        tracing::warn!(
            left_out,
            "log lines were dropped because Envoy did not write them in time"
        );
    }
}

fn write_each(lines: &Receiver<(Level, String)>, log: fn(Level, &str)) {
    while let Ok((level, line)) = lines.recv() {
        log(level, &line);
    }
}

impl<'a> MakeWriter<'a> for &'static LineQueue {
    type Writer = QueueWriter;

    fn make_writer(&'a self) -> QueueWriter {
        QueueWriter {
            queue: self,
            level: Level::INFO,
        }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> QueueWriter {
        QueueWriter {
            queue: self,
            level: *meta.level(),
        }
    }
}

impl Write for QueueWriter {
    /// The subscriber writes each line whole, in one call. Client text is in paths, hosts, methods and request ids
    /// (CONTRACT 6.5.3).
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let text = printable_json(text.trim_end()).into_owned();
        if self.queue.lines.try_send((self.level, text)).is_err() {
            self.queue.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
