//! Calls whose headers have arrived and whose messages have not.
//!
//! A peer often writes the headers of several calls before their messages, which then come with the next read. A task and a timer
//! for each of these calls would cost more than its check, and starting a timer can take a system call. So they wait for a short
//! time with the task of their connection, which is woken by all that arrives, and share a timer.

use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use h2::{FlowControl, RecvStream};
use tokio::time::{Sleep, sleep};

/// A call waits with the task of the connection at least this long, and at most twice as long. Afterwards it gets a task, where its
/// own time limits apply: they count from the arrival of its headers, so that this wait does not add to them.
const MIN_WAIT: Duration = Duration::from_millis(5);

/// Calls of one connection that may wait here, because each of them is examined at each read.
const MAX_WAITING: usize = 64;

/// The calls of one connection that wait for the first octets of their messages.
pub(crate) struct AwaitedMessages<C> {
    waiting: Vec<WaitingCall<C>>,
    /// Runs on when no call waits any more: most often another one comes before its end.
    timer: Option<Pin<Box<Sleep>>>,
}

/// A message of which nothing has arrived.
pub(crate) struct AwaitedMessage(FlowControl);

struct WaitingCall<C> {
    message: AwaitedMessage,
    call: C,
    /// Whether the timer has ended once since the call waits.
    is_late: bool,
}

// === impl AwaitedMessage ===

impl AwaitedMessage {
    /// `None` if there is something to read already, or nothing will come.
    pub(crate) fn of(message: &mut RecvStream) -> Option<AwaitedMessage> {
        let has_arrived = message.flow_control().used_capacity() > 0 || message.is_end_stream();
        (!has_arrived).then(|| AwaitedMessage(message.flow_control().clone()))
    }

    fn has_arrived(&self) -> bool {
        self.0.used_capacity() > 0
    }
}

// === impl AwaitedMessages ===

impl<C> AwaitedMessages<C> {
    pub(crate) fn new() -> Self {
        Self {
            waiting: Vec::new(),
            timer: None,
        }
    }

    /// Lets a call wait.
    ///
    /// # Errors
    /// The call, if too many wait already.
    pub(crate) fn add(&mut self, message: AwaitedMessage, call: C) -> Result<(), C> {
        if self.waiting.len() >= MAX_WAITING {
            return Err(call);
        }
        self.waiting.push(WaitingCall {
            message,
            call,
            is_late: false,
        });
        Ok(())
    }

    /// Takes calls whose messages have begun to arrive, at most that many, and returns how many.
    pub(crate) fn take_arrived(&mut self, most: usize, mut take: impl FnMut(C)) -> usize {
        let (mut place, mut taken) = (0, 0);
        while let Some(waiting) = self.waiting.get(place)
            && taken < most
        {
            if waiting.message.has_arrived() {
                let WaitingCall { message, call, .. } = self.waiting.swap_remove(place);
                drop(message);
                take(call);
                taken += 1;
            } else {
                place += 1;
            }
        }
        taken
    }

    /// Takes the calls that have waited too long, and has the task woken for the others.
    pub(crate) fn take_late(&mut self, cx: &mut Context<'_>, mut take: impl FnMut(C)) {
        while !self.waiting.is_empty() || self.timer.is_some() {
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(MIN_WAIT)));
            if timer.as_mut().poll(cx).is_pending() {
                return;
            }
            self.timer = None;
            let mut place = 0;
            while let Some(waiting) = self.waiting.get_mut(place) {
                if waiting.is_late {
                    take(self.waiting.swap_remove(place).call);
                } else {
                    waiting.is_late = true;
                    place += 1;
                }
            }
        }
    }
}
