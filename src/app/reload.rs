//! Sending new configurations to a running service.

use std::sync::Arc;

use accredit_core::config::settings::Settings;
use tokio::sync::{mpsc, oneshot};

use crate::app::metrics::ReloadMetrics;

/// Sends new configurations to a running service.
#[derive(Clone, Debug)]
pub struct Reloader {
    requests: mpsc::Sender<ReloadRequest>,
    metrics: Arc<ReloadMetrics>,
}

#[derive(Debug)]
pub(crate) struct ReloadRequests(pub(super) mpsc::Receiver<ReloadRequest>);

/// A new configuration, and the channel for the result.
#[derive(Debug)]
pub(super) struct ReloadRequest {
    pub(super) settings: Settings,
    pub(super) result: oneshot::Sender<Reloaded>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// The new configuration is active.
    Applied,
    /// The previous configuration stays active.
    Rejected,
    /// A newer configuration took effect before this one was active.
    Superseded,
}

pub(crate) fn channel() -> (Reloader, ReloadRequests) {
    let (sender, receiver) = mpsc::channel(1);
    let reloader = Reloader {
        requests: sender,
        metrics: Arc::default(),
    };
    (reloader, ReloadRequests(receiver))
}

impl Reloader {
    /// Applies a configuration, and waits for the result. The log has the cause of a rejection. If the service has ended,
    /// the result is [`Reloaded::Rejected`].
    pub async fn reload(&self, settings: Settings) -> Reloaded {
        let result = self.send(settings).await;
        result.await.unwrap_or(Reloaded::Rejected)
    }

    /// Sends a configuration, and does not wait for its result: the next one may arrive before.
    pub(crate) async fn send(&self, settings: Settings) -> oneshot::Receiver<Reloaded> {
        let (result, receiver) = oneshot::channel();
        // If the service has ended, the sender of the result is dropped.
        let _ = self.requests.send(ReloadRequest { settings, result }).await;
        receiver
    }

    /// Counts a failed reload: the new configuration is invalid and was not sent.
    pub(crate) fn count_invalid(&self) {
        self.metrics.failed();
    }

    pub(crate) fn metrics(&self) -> &Arc<ReloadMetrics> {
        &self.metrics
    }
}
