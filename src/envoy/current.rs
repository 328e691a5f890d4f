//! The service that answers checks now. A reload replaces it whole, so that no check sees half of a configuration.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use crate::envoy::service::CheckService;

/// The service of the configuration in force. Reading takes no lock.
#[derive(Debug)]
pub struct Current<J> {
    service: ArcSwap<CheckService<J>>,
    replaced: Notify,
}

impl<J> Current<J> {
    pub fn new(service: CheckService<J>) -> Current<J> {
        Current {
            service: ArcSwap::from_pointee(service),
            replaced: Notify::new(),
        }
    }

    /// The service in force. A check keeps the one that it began with.
    pub fn load(&self) -> Arc<CheckService<J>> {
        self.service.load_full()
    }

    /// Resolves when the service is replaced after this call, even if the future was not polled by then.
    pub fn replaced(&self) -> impl Future<Output = ()> {
        self.replaced.notified()
    }

    /// Puts another service in force for new checks.
    pub fn replace(&self, service: CheckService<J>) {
        self.service.store(Arc::new(service));
        self.replaced.notify_waiters();
    }
}
