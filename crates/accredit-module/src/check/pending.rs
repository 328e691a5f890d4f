//! A request that is held while keys or the first deny list are fetched.

use std::sync::Arc;
use std::time::Duration;

use accredit_core::authn::authenticator::ticket::KeyTicket;
use accredit_core::revocation::store::DenyListStore;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::AbortHandle;

use crate::process::resumption::{Resume, ResumeAtEnd, SharedResumption};

/// The wait of one request. Dropping it gives up the wait, and the place among the waiting requests with it.
#[derive(Debug)]
pub struct PendingCheck {
    awaited: AwaitedEvent,
    waiting: AbortHandle,
    resumption: SharedResumption,
}

/// What a request waits for.
#[derive(Debug)]
pub enum AwaitedEvent {
    /// The keys of its token.
    Keys(Arc<KeyTicket>),
    /// The end of the first load of a deny list, with a place among the requests that wait for one.
    FirstDenyList(Arc<DenyListStore>, OwnedSemaphorePermit),
}

impl PendingCheck {
    /// Waits at most for `longest`, and then resumes the stream.
    pub fn start(
        awaited: AwaitedEvent,
        longest: Duration,
        resumption: Box<dyn Resume>,
        runtime: &Handle,
    ) -> PendingCheck {
        let resumption = SharedResumption::new(resumption);
        let at_end = ResumeAtEnd(resumption.clone());
        let ended = awaited.ended();
        let waiting = runtime.spawn(async move {
            let _at_end = at_end;
            // Whether the fetch ended or the time is up, the ticket or the store knows.
            let _ = tokio::time::timeout(longest, ended).await;
        });
        PendingCheck {
            awaited,
            waiting: waiting.abort_handle(),
            resumption,
        }
    }

    /// The ticket of a wait for keys.
    pub fn ticket(&self) -> Option<&KeyTicket> {
        match &self.awaited {
            AwaitedEvent::Keys(ticket) => Some(ticket),
            AwaitedEvent::FirstDenyList(..) => None,
        }
    }
}

impl AwaitedEvent {
    fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let (ticket, store) = match self {
            AwaitedEvent::Keys(ticket) => (Some(ticket.clone()), None),
            AwaitedEvent::FirstDenyList(store, _) => (None, Some(store.clone())),
        };
        async move {
            if let Some(ticket) = ticket {
                ticket.ready().await;
            }
            if let Some(store) = store {
                store.until(DenyListStore::was_attempted).await;
            }
        }
    }
}

impl Drop for PendingCheck {
    fn drop(&mut self) {
        self.resumption.end();
        self.waiting.abort();
    }
}
