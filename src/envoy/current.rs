//! The service that answers checks now. A reload replaces it whole, so that no check sees half of a configuration.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::envoy::service::CheckService;

/// The service of the configuration in force. Reading takes no lock.
#[derive(Debug)]
pub struct Current<J>(ArcSwap<CheckService<J>>);

impl<J> Current<J> {
    pub fn new(service: CheckService<J>) -> Current<J> {
        Current(ArcSwap::from_pointee(service))
    }

    /// The service in force. A check keeps the one that it began with.
    pub fn load(&self) -> Arc<CheckService<J>> {
        self.0.load_full()
    }

    /// Puts another service in force for new checks.
    pub fn replace(&self, service: CheckService<J>) {
        self.0.store(Arc::new(service));
    }
}
