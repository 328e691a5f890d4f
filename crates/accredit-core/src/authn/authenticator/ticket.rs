//! A check's wait for keys, as a value that the caller owns.

use crate::authn::error::AuthenticationError;
use crate::keys::store::lookup::KeyWait;

/// A check waits for keys: await [`KeyTicket::ready`], for at most as long as the check may take, then judge the request
/// again with this ticket. Dropping the ticket gives up the wait.
#[derive(Debug)]
pub struct KeyTicket {
    pub(super) wait: KeyWait,
    pub(super) reason: WaitReason,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WaitReason {
    /// accredit holds no key for the token.
    KeyMissing,
    /// The held keys did not verify the token, and newer keys might (CONTRACT 5.4).
    SecondVerification(FirstVerification),
}

/// The result before the wait. It remains the answer if the wait brings no other keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FirstVerification {
    pub(super) error: AuthenticationError,
    /// Whether the token's `kid` is the one of a held key.
    pub(super) names_held_key: bool,
}

impl KeyTicket {
    /// Resolves when the wait has ended. Any executor can poll it.
    pub async fn ready(&self) {
        self.wait.ended().await;
    }
}
