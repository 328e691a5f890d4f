//! The first fetch of a refresher, beside the restoring of saved keys.

use std::pin::pin;
use std::time::Duration;

use accredit_core::keys::ledger::Purpose;
use tokio::time::Instant;

use crate::jwks::fetcher::Fetch;
use crate::jwks::refresher::Refresher;

/// After this time, a first fetch gives its permit to the next issuer, and continues.
const MAX_PERMIT_TIME: Duration = Duration::from_millis(100);

/// The longest wait for saved keys before the second attempt.
const RESTORE_TIMEOUT: Duration = Duration::from_secs(5);

impl<F: Fetch> Refresher<F> {
    /// Runs the first fetch and the restoring of saved keys at the same time. Neither waits for the other.
    pub(super) async fn begin(&mut self) -> Instant {
        let store = self.store.clone();
        let restoring = self
            .saver
            .as_ref()
            .map(|saver| saver.restore(store.clone(), self.settings.max_stale));
        let Some(restoring) = restoring else {
            return self.first_attempt().await;
        };
        let mut restoring = pin!(restoring);
        let mut fetching = pin!(self.first_attempt());
        tokio::select! {
            next_attempt = &mut fetching => {
                if store.usable(Instant::now().into_std()).is_none() {
                    // A slow disk must not delay the next attempt.
                    let _ = tokio::time::timeout(RESTORE_TIMEOUT, restoring).await;
                }
                next_attempt
            }
            () = &mut restoring => fetching.await,
        }
    }

    /// The first fetch waits for a permit.
    async fn first_attempt(&mut self) -> Instant {
        let first_fetches = self.first_fetches.clone();
        // Never closed.
        let permit = first_fetches.acquire().await;
        let mut attempt = pin!(self.attempt(Purpose::Refresh));
        tokio::select! {
            next_attempt = &mut attempt => next_attempt,
            () = tokio::time::sleep(MAX_PERMIT_TIME) => {
                drop(permit);
                attempt.await
            }
        }
    }
}
