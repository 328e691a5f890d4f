//! Lines on their way to standard error: a bounded queue, and a thread that writes them. Whoever has a line to say never
//! waits for whoever reads it.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::mem::take;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

/// So many bytes of lines may wait.
const CAPACITY: usize = 1024 * 1024;

/// So many more of lines that tell why a process ends, or how many others are missing.
const WITH_RESERVE: usize = CAPACITY + 64 * 1024;

/// How long the last lines may take to be written.
const LAST_LINES: Duration = Duration::from_millis(500);

/// Between two attempts to write where standard error is a pipe that does not block, and is full.
const UNTIL_READ: Duration = Duration::from_millis(10);

/// Where every line of this process goes: it has one standard error.
pub static STANDARD_ERROR: LogQueue = LogQueue::new();

/// Lines that wait to be written.
#[derive(Debug)]
pub struct LogQueue {
    /// Held for as long as it takes to move a line in or out; never while one is written.
    state: Mutex<State>,
    filled: Condvar,
    emptied: Condvar,
    dropped: AtomicU64,
}

/// Waits for the last lines when it is dropped, also where a panic ends the process.
#[derive(Debug)]
pub struct LastLines;

/// One line on its way into the queue.
#[derive(Debug)]
pub struct Line {
    queue: &'static LogQueue,
    most: usize,
}

#[derive(Debug)]
struct State {
    lines: VecDeque<Vec<u8>>,
    /// Bytes that wait, and those being written.
    held: usize,
    /// Lines that found no room since it was last told how many.
    left_out: u64,
    has_writer: bool,
    writer_waits: bool,
}

impl LogQueue {
    /// Without a thread: lines are written at once, by whoever says them.
    const fn new() -> LogQueue {
        LogQueue {
            state: Mutex::new(State {
                lines: VecDeque::new(),
                held: 0,
                left_out: 0,
                has_writer: false,
                writer_waits: false,
            }),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            dropped: AtomicU64::new(0),
        }
    }

    /// Starts the thread that writes, once. It ends with the process, which awaits it by [`LastLines`].
    ///
    /// # Errors
    /// Those of starting a thread.
    pub fn start(&'static self) -> io::Result<()> {
        self.start_into(io::stderr())
    }

    fn start_into(&'static self, out: impl Write + Send + 'static) -> io::Result<()> {
        // Held meanwhile, so that there is no second thread, and no line that nobody would write.
        let mut state = self.state();
        if !state.has_writer {
            let builder = std::thread::Builder::new().name("log".to_owned());
            builder.spawn(move || self.write_each(out))?;
            state.has_writer = true;
        }
        Ok(())
    }

    /// Says a line of one's own, after all lines so far.
    pub fn say(&self, line: &str) {
        self.push(format!("{line}\n").into_bytes(), WITH_RESERVE);
    }

    /// How many lines were lost: no room, or standard error did not take them.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until every line so far is written, for so long at most.
    fn flush(&self, within: Duration) {
        let is_busy = |state: &mut State| state.held > 0 || state.left_out > 0;
        let state = self.state();
        drop(self.emptied.wait_timeout_while(state, within, is_busy));
    }

    fn push(&self, line: Vec<u8>, most: usize) {
        let mut state = self.state();
        if !state.has_writer {
            drop(state);
            self.write(&mut io::stderr(), &line);
            return;
        }
        match state.held.saturating_add(line.len()) {
            held if held <= most => {
                state.held = held;
                state.lines.push_back(line);
            }
            _ => {
                state.left_out += 1;
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        if take(&mut state.writer_waits) {
            drop(state);
            self.filled.notify_one();
        }
    }

    fn write_each(&self, mut out: impl Write) {
        loop {
            let (lines, left_out) = self.take_all();
            if left_out > 0 {
                // One more line of this queue, for which there is a reserve.
                tracing::warn!(
                    left_out,
                    "lines were left out of the log, since standard error was not read in time"
                );
            }
            for line in lines {
                self.write(&mut out, &line);
                self.has_written(line.len());
            }
        }
    }

    /// Waits until there is something to write, or to say.
    fn take_all(&self) -> (VecDeque<Vec<u8>>, u64) {
        let mut state = self.state();
        while state.lines.is_empty() && state.left_out == 0 {
            state.writer_waits = true;
            state = self
                .filled
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        (take(&mut state.lines), take(&mut state.left_out))
    }

    fn write(&self, out: &mut impl Write, line: &[u8]) {
        if write_whole(out, line).is_err() {
            // There is nobody to tell but the metric.
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn has_written(&self, bytes: usize) {
        let mut state = self.state();
        state.held = state.held.saturating_sub(bytes);
        if state.held == 0 {
            self.emptied.notify_all();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever shares standard error with us may have set it not to block; half of a line would spoil the next one too.
fn write_whole(out: &mut impl Write, mut line: &[u8]) -> io::Result<()> {
    loop {
        match out.write(line) {
            Ok(0) if !line.is_empty() => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => match line.get(written..) {
                Some(rest) if !rest.is_empty() => line = rest,
                Some(_) | None => return Ok(()),
            },
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted => {}
                io::ErrorKind::WouldBlock => std::thread::sleep(UNTIL_READ),
                _ => return Err(error),
            },
        }
    }
}

impl MakeWriter<'_> for &'static LogQueue {
    type Writer = Line;

    fn make_writer(&self) -> Line {
        Line {
            queue: self,
            most: CAPACITY,
        }
    }

    fn make_writer_for(&self, event: &Metadata<'_>) -> Line {
        let is_our_own = event.target() == module_path!();
        Line {
            queue: self,
            most: if is_our_own { WITH_RESERVE } else { CAPACITY },
        }
    }
}

/// The subscriber writes each line whole, in one go.
impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.queue.push(line.to_vec(), self.most);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LastLines {
    fn drop(&mut self) {
        STANDARD_ERROR.flush(LAST_LINES);
    }
}

#[cfg(test)]
mod tests;
