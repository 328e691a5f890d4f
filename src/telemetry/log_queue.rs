//! Log lines on their way to standard error, through the non-blocking writer of `tracing-appender`.
//!
//! A check never waits for the reader of the log: the queue is bounded, and a line that finds it full is counted and
//! dropped. Once standard error is read again, a warning reports the dropped lines.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::MakeWriter;

/// A line of a denial has some 500 bytes, so that a full queue holds about 2 MiB.
const MAX_QUEUED_LINES: usize = 4096;

/// How long the end of the process waits for the lines that are still queued.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

/// The time between two attempts to write to a full pipe that was set not to block.
const RETRY_WRITE: Duration = Duration::from_millis(10);

/// The queue of the process, which has one standard error.
pub static STANDARD_ERROR: LogQueue = LogQueue::new();

/// The queue before standard error. Until [`LogQueue::start`], lines are written at once.
#[derive(Debug)]
pub struct LogQueue {
    appender: OnceLock<Appender>,
    /// Lines handed to the appender, those that it dropped included.
    queued: AtomicU64,
    /// Lines that standard error did not take.
    failed: AtomicU64,
    /// The number of lines that the appender's thread had taken out of the queue when it last found the queue empty.
    taken: Mutex<u64>,
    drained: Condvar,
}

/// Flushes the queue when it is dropped, also when a panic ends the process.
#[derive(Debug)]
pub struct FlushAtExit;

#[derive(Debug)]
struct Appender {
    lines: NonBlocking,
    /// It exists as long as the process, like the queue. If nothing reads standard error, dropping it would wait longer
    /// than [`FLUSH_TIMEOUT`] and print to standard output.
    _guard: WorkerGuard,
}

/// Standard error, written to by the appender's thread.
struct QueueOutput<W> {
    queue: &'static LogQueue,
    out: W,
    taken: u64,
    reported: u64,
}

impl LogQueue {
    const fn new() -> LogQueue {
        LogQueue {
            appender: OnceLock::new(),
            queued: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            taken: Mutex::new(0),
            drained: Condvar::new(),
        }
    }

    /// Starts the thread that writes. A second call does nothing.
    pub fn start(&'static self) {
        self.start_with(io::stderr(), MAX_QUEUED_LINES);
    }

    fn start_with(&'static self, out: impl Write + Send + 'static, max_lines: usize) {
        self.appender.get_or_init(|| {
            let output = QueueOutput {
                queue: self,
                out,
                taken: 0,
                reported: 0,
            };
            let (lines, _guard) = NonBlockingBuilder::default()
                .lossy(true)
                .buffered_lines_limit(max_lines)
                .thread_name("log")
                .finish(output);
            Appender { lines, _guard }
        });
    }

    /// Prints why a command ends, after the lines that were logged before. Waits until those lines are written, so that
    /// the queue has room for this line.
    pub fn print_last(&self, line: &str) {
        self.flush(FLUSH_TIMEOUT);
        self.print(line);
    }

    /// Prints a line between those of the log. Like them, it is dropped if the queue is full.
    pub fn print(&self, line: &str) {
        self.push(format!("{line}\n").as_bytes());
    }

    /// The number of lines that were lost because the queue was full or writing to standard error failed.
    pub fn dropped(&self) -> u64 {
        self.overflowed() + self.failed.load(Ordering::Relaxed)
    }

    fn overflowed(&self) -> u64 {
        let appender = self.appender.get();
        appender.map_or(0, |appender| {
            appender.lines.error_counter().dropped_lines() as u64
        })
    }

    fn push(&self, line: &[u8]) {
        match self.appender.get() {
            Some(appender) => {
                self.queued.fetch_add(1, Ordering::SeqCst);
                // A lossy appender takes or counts each line; it does not fail.
                let _ = appender.lines.clone().write_all(line);
            }
            None => self.write_line(&mut io::stderr(), line),
        }
    }

    fn write_line(&self, out: &mut impl Write, line: &[u8]) {
        if write_whole(out, line).is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until each line queued so far is written, or the time is up.
    fn flush(&self, timeout: Duration) {
        let is_behind =
            |taken: &mut u64| *taken + self.overflowed() < self.queued.load(Ordering::SeqCst);
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.drained.wait_timeout_while(taken, timeout, is_behind));
    }
}

impl<W: Write> Write for QueueOutput<W> {
    /// The appender passes one line in each call.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.queue.write_line(&mut self.out, line);
        self.taken += 1;
        Ok(line.len())
    }

    /// The appender calls this when it has emptied the queue, so that the warning finds a place in it.
    fn flush(&mut self) -> io::Result<()> {
        let dropped = self.queue.dropped();
        if dropped > self.reported {
            let left_out = dropped - self.reported;
            self.reported = dropped;
            tracing::warn!(
                left_out,
                "log lines were dropped because standard error was not read in time"
            );
        }
        let mut taken = self
            .queue
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *taken = self.taken;
        self.queue.drained.notify_all();
        Ok(())
    }
}

/// Writes the whole line even if a process that shares standard error has made it non-blocking: half a line would also
/// damage the next one.
fn write_whole(out: &mut impl Write, mut line: &[u8]) -> io::Result<()> {
    while !line.is_empty() {
        match out.write(line) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => line = line.get(written..).unwrap_or_default(),
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted => {}
                io::ErrorKind::WouldBlock => std::thread::sleep(RETRY_WRITE),
                _ => return Err(error),
            },
        }
    }
    Ok(())
}

impl MakeWriter<'_> for &'static LogQueue {
    type Writer = &'static LogQueue;

    fn make_writer(&self) -> &'static LogQueue {
        self
    }
}

/// The subscriber writes each line whole, in one call.
impl Write for &'static LogQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for FlushAtExit {
    fn drop(&mut self) {
        STANDARD_ERROR.flush(FLUSH_TIMEOUT);
    }
}

#[cfg(test)]
mod tests;
