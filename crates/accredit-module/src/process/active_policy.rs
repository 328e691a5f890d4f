//! The policy that one configuration decides by now, and whether its keys have come.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use crate::process::policy::Policy;

/// Requests read it without a lock.
#[derive(Debug)]
pub struct ActivePolicy {
    policy: ArcSwap<Policy>,
    /// `None` if the text of the filter is the configuration.
    file: Option<PathBuf>,
    is_ready: watch::Sender<bool>,
}

impl ActivePolicy {
    pub fn new(policy: Policy, file: Option<PathBuf>) -> ActivePolicy {
        ActivePolicy {
            policy: ArcSwap::from_pointee(policy),
            file,
            is_ready: watch::Sender::new(false),
        }
    }

    /// What requests are decided by now. A request keeps the policy that it began with.
    pub fn load(&self) -> Arc<Policy> {
        self.policy.load_full()
    }

    /// Puts another policy in force for new requests.
    pub fn replace(&self, policy: Policy) {
        self.policy.store(Arc::new(policy));
    }

    /// The configuration file.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Every required issuer has had keys or, after `startup_wait`, any issuer (CONTRACT 5.1.4, 5.1.5).
    pub fn set_ready(&self) {
        self.is_ready.send_replace(true);
    }

    pub fn is_ready(&self) -> bool {
        *self.is_ready.borrow()
    }

    /// Resolves when [`ActivePolicy::is_ready`] holds, or when nothing has the policy any more. The future does not have it.
    pub fn ready(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut is_ready = self.is_ready.subscribe();
        async move {
            // An error says that the policy is gone.
            let _ = is_ready.wait_for(|ready| *ready).await;
        }
    }
}
