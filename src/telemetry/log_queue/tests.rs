//! What waits, what is left out, and who waits for whom.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::{CAPACITY, LogQueue, WITH_RESERVE};

const PATIENCE: Duration = Duration::from_secs(30);

/// Hands on what is written, each line only once it is let through.
struct Gate {
    lets: Receiver<()>,
    written: Sender<String>,
}

impl Write for Gate {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.lets.recv().map_err(gone)?;
        let text = String::from_utf8_lossy(line).into_owned();
        self.written
            .send(text)
            .map_err(|_| gone(std::sync::mpsc::RecvError))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn gated() -> (&'static LogQueue, Sender<()>, Receiver<String>) {
    let queue: &'static LogQueue = Box::leak(Box::new(LogQueue::new()));
    let ((lets_through, lets), (written, writes)) = (channel(), channel());
    queue.start_into(Gate { lets, written }).expect("a thread");
    (queue, lets_through, writes)
}

#[test]
fn whoever_finds_no_room_is_counted_and_waits_for_nobody() {
    let (queue, lets_through, writes) = gated();
    let line = vec![b'x'; CAPACITY / 4];
    for _ in 0..7 {
        queue.push(line.clone(), CAPACITY);
    }
    assert_eq!(queue.dropped(), 3, "four fit");
    queue.say("why it ends");
    queue.push(vec![b'y'; WITH_RESERVE - CAPACITY], WITH_RESERVE);
    assert_eq!(queue.dropped(), 4, "the reserve is bounded too");

    for _ in 0..4 {
        lets_through.send(()).expect("is there");
        let written = writes.recv_timeout(PATIENCE).expect("is written");
        assert_eq!(written.len(), line.len());
    }
    lets_through.send(()).expect("is there");
    assert_eq!(
        writes.recv_timeout(PATIENCE).as_deref(),
        Ok("why it ends\n"),
        "lines keep their order"
    );
    queue.flush(PATIENCE);
    queue.push(line, CAPACITY);
    assert_eq!(queue.dropped(), 4, "there is room again");
}

#[test]
fn a_flush_ends_when_all_is_written_or_its_time_is_up() {
    let (queue, lets_through, writes) = gated();
    queue.say("a");
    queue.flush(Duration::from_millis(1));
    assert!(writes.try_recv().is_err(), "nobody reads");
    lets_through.send(()).expect("is there");
    queue.flush(PATIENCE);
    assert_eq!(writes.try_recv().as_deref(), Ok("a\n"));
}

#[test]
fn what_cannot_be_written_is_counted() {
    let (queue, lets_through, _writes) = gated();
    drop(lets_through);
    queue.say("a");
    queue.flush(PATIENCE);
    assert_eq!(queue.dropped(), 1);
}

/// Takes a byte, and then none at first.
#[derive(Default)]
struct Unwilling {
    taken: Vec<u8>,
    is_willing: bool,
}

impl Write for Unwilling {
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
fn a_line_is_written_whole_where_standard_error_does_not_block() {
    let queue = LogQueue::new();
    let mut out = Unwilling::default();
    queue.write(&mut out, b"a\n");
    queue.write(&mut out, b"bc\n");
    assert_eq!(out.taken, b"a\nbc\n");
    assert_eq!(queue.dropped(), 0);
}
