//! The service that answers checks now: replaced whole, so that no check sees half of a configuration.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::envoy::service::CheckService;

/// Holds the service of the configuration in force. Reading takes no lock.
#[derive(Debug)]
pub struct Current<D>(ArcSwap<CheckService<D>>);

impl<D> Current<D> {
    /// Begins with that service.
    pub fn new(service: CheckService<D>) -> Current<D> {
        Current(ArcSwap::from_pointee(service))
    }

    /// The service in force. A check keeps the one it began with.
    pub fn load(&self) -> Arc<CheckService<D>> {
        self.0.load_full()
    }

    /// Puts another in force, for checks that begin from now on.
    pub fn replace(&self, service: CheckService<D>) {
        self.0.store(Arc::new(service));
    }
}
