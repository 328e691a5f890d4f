//! A token's wait for keys, and what it remembers of the token.

use crate::authn::error::Error;
use crate::jwks::store::desk::{Wait, Waited};
use crate::telemetry::traces::Parent;

/// A wait for keys.
#[derive(Debug)]
pub struct KeyWait<'a> {
    pub(super) wait: Wait<'a>,
    pub(super) reason: WaitReason,
}

/// A wait that has ended.
#[derive(Clone, Copy, Debug)]
pub struct WaitedFor {
    pub(super) waited: Waited,
    pub(super) reason: WaitReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WaitReason {
    /// No held key is the token's.
    KeyMissing,
    /// Held keys did not verify the token, and others might.
    OnceMore(FirstVerdict),
}

/// What was found of a token before the wait: it stands where the wait brings no keys to judge it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FirstVerdict {
    pub(super) error: Error,
    /// Whether the token's `kid` was one of a held key.
    pub(super) names_held_key: bool,
}

impl KeyWait<'_> {
    /// The fetch that is waited for is a part of this trace.
    pub fn traced_under(&self, parent: Parent) {
        self.wait.traced_under(parent);
    }

    /// Waits until the deadline at the latest.
    pub async fn until(self, deadline: tokio::time::Instant) -> WaitedFor {
        WaitedFor {
            waited: self.wait.until(deadline).await,
            reason: self.reason,
        }
    }
}
