//! Finds peers that are gone although their connection was not closed: each has to answer a PING from time to time.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use h2::{Ping, PingPong};
use tokio::time::{Instant, Sleep};

use crate::server::limits::ConnectionLimits;
use crate::server::timers::Timers;

/// The PINGs of one connection.
#[derive(Debug)]
pub(crate) struct KeepAlive {
    pings: PingPong,
    interval: Duration,
    timeout: Duration,
    /// When the peer last sent a request or an answer to a PING.
    heard: Instant,
    /// A PING is sent and not answered.
    is_unanswered: bool,
    /// When the next PING or the answer to the last one is due.
    due: Pin<Box<Sleep>>,
}

impl KeepAlive {
    pub(crate) fn new(pings: PingPong, limits: &ConnectionLimits, timers: &Timers) -> Self {
        Self {
            pings,
            interval: limits.ping_interval,
            timeout: limits.ping_timeout,
            heard: Instant::now(),
            is_unanswered: false,
            due: Box::pin(timers.sleep(limits.ping_interval)),
        }
    }

    /// Resolves if the peer has not answered a PING in time. `heard` is when it has sent a request.
    pub(crate) fn poll_lost(&mut self, heard: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(heard) = heard {
            self.heard = heard;
            if self.is_unanswered {
                // The peer is there, and its requests of this turn have to be answered.
                self.due.as_mut().reset(heard + self.timeout);
            }
        }
        loop {
            if self.is_unanswered && self.pings.poll_pong(cx).is_ready() {
                self.is_unanswered = false;
                self.heard = Instant::now();
                self.due.as_mut().reset(self.heard + self.interval);
            }
            ready!(self.due.as_mut().poll(cx));
            if self.is_unanswered {
                return Poll::Ready(());
            }
            let now = Instant::now();
            let mut next = self.heard + self.interval;
            if next <= now {
                // An error means that the connection is about to end.
                self.is_unanswered = self.pings.send_ping(Ping::opaque()).is_ok();
                next = now + self.timeout;
            }
            self.due.as_mut().reset(next);
        }
    }
}
