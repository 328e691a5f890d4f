//! What waits in the queue, what is dropped and counted, and what a flush waits for.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::LogQueue;

const PATIENCE: Duration = Duration::from_secs(30);

/// Reports each line, and then waits until the test lets it go on.
struct Gate {
    entered: Sender<String>,
    let_go: Receiver<()>,
}

impl Write for Gate {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let gone = |()| io::Error::from(io::ErrorKind::BrokenPipe);
        let text = String::from_utf8_lossy(line).into_owned();
        self.entered.send(text).map_err(|_| gone(()))?;
        self.let_go.recv().map_err(|_| gone(()))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn gated(max_lines: usize) -> (&'static LogQueue, Sender<()>, Receiver<String>) {
    let queue: &'static LogQueue = Box::leak(Box::new(LogQueue::new()));
    let ((go, let_go), (entered, lines)) = (channel(), channel());
    queue.start_with(Gate { entered, let_go }, max_lines);
    (queue, go, lines)
}

fn next(lines: &Receiver<String>) -> String {
    lines.recv_timeout(PATIENCE).expect("a line is written")
}

#[test]
fn a_log_line_that_finds_the_queue_full_is_dropped_and_counted() {
    let (queue, go, lines) = gated(4);
    queue.push(b"0\n");
    assert_eq!(next(&lines), "0\n");
    // The thread is held in a write; four lines fit behind it.
    for number in 1..=7 {
        queue.push(format!("{number}\n").as_bytes());
    }
    assert_eq!(queue.dropped(), 3);
    for number in 1..=4 {
        go.send(()).expect("the thread waits");
        assert_eq!(next(&lines), format!("{number}\n"));
    }
    go.send(()).expect("the thread waits");
    queue.flush(PATIENCE);
    queue.push(b"8\n");
    assert_eq!(next(&lines), "8\n");
    assert_eq!(queue.dropped(), 3);
}

#[test]
fn the_last_log_line_follows_the_queued_lines() {
    let (queue, go, lines) = gated(4);
    for line in ["a\n", "b\n", "c\n"] {
        queue.push(line.as_bytes());
        go.send(()).expect("the thread waits");
    }
    go.send(()).expect("the thread waits");
    queue.print_last("why it ends");
    queue.flush(PATIENCE);
    let written: Vec<String> = lines.try_iter().collect();
    assert_eq!(written, ["a\n", "b\n", "c\n", "why it ends\n"]);
}

#[test]
fn a_log_flush_has_a_time_limit() {
    let (queue, _go, lines) = gated(4);
    queue.push(b"a\n");
    assert_eq!(next(&lines), "a\n");
    queue.flush(Duration::from_millis(1));
    assert_eq!(queue.dropped(), 0);
}

#[test]
fn a_log_line_that_cannot_be_written_is_counted() {
    let (queue, go, _lines) = gated(4);
    drop(go);
    queue.push(b"a\n");
    queue.push(b"b\n");
    queue.flush(PATIENCE);
    assert_eq!(queue.dropped(), 2);
}

/// Takes one byte a call, and refuses every second call.
#[derive(Default)]
struct Hesitant {
    taken: Vec<u8>,
    is_willing: bool,
}

impl Write for Hesitant {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.is_willing = !self.is_willing;
        match line {
            [byte, ..] if self.is_willing => {
                self.taken.push(*byte);
                Ok(1)
            }
            _ => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_log_line_is_written_completely_to_a_non_blocking_standard_error() {
    let queue = LogQueue::new();
    let mut out = Hesitant::default();
    queue.write_line(&mut out, b"a\n");
    queue.write_line(&mut out, b"bc\n");
    assert_eq!(out.taken, b"a\nbc\n");
    assert_eq!(queue.dropped(), 0);
}
