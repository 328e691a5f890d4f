//! A request that is held while keys are fetched.

use std::sync::Arc;
use std::time::Duration;

use accredit_core::authn::authenticator::ticket::KeyTicket;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::process::resumption::{Resume, ResumeAtEnd, SharedResumption};

/// The wait of one request. Dropping it gives up the wait, and the place among the waiting checks with it.
#[derive(Debug)]
pub struct PendingCheck {
    ticket: Arc<KeyTicket>,
    waiting: AbortHandle,
    resumption: SharedResumption,
}

impl PendingCheck {
    /// Waits for keys, at most for `longest`, and then resumes the stream.
    pub fn start(
        ticket: KeyTicket,
        longest: Duration,
        resumption: Box<dyn Resume>,
        runtime: &Handle,
    ) -> PendingCheck {
        let ticket = Arc::new(ticket);
        let resumption = SharedResumption::new(resumption);
        let at_end = ResumeAtEnd(resumption.clone());
        let waited = ticket.clone();
        let waiting = runtime.spawn(async move {
            let _at_end = at_end;
            // Whether the fetch ended or the time is up, the ticket knows.
            let _ = tokio::time::timeout(longest, waited.ready()).await;
        });
        PendingCheck {
            ticket,
            waiting: waiting.abort_handle(),
            resumption,
        }
    }

    pub fn ticket(&self) -> &KeyTicket {
        &self.ticket
    }
}

impl Drop for PendingCheck {
    fn drop(&mut self) {
        self.resumption.end();
        self.waiting.abort();
    }
}
