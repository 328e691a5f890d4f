//! What the console shows, and where it reads it.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::Instant;

use crate::admin::convert;
use crate::admin::pb;
use crate::admin::rules::{RuleSummary, summaries};
use crate::admin::service::AdminSources;
use crate::console::history::History;

/// What the console shows.
#[derive(Clone)]
pub struct ConsoleSources {
    pub admin: AdminSources,
    pub is_ready: Arc<dyn Fn() -> bool + Send + Sync>,
    /// The hash of the configuration in force.
    pub config: Arc<dyn Fn() -> String + Send + Sync>,
    pub history: Arc<History>,
    /// The name of this machine or pod.
    pub instance: Arc<str>,
    /// Checks in flight, and their limit.
    pub in_flight: Arc<dyn Fn() -> (usize, usize) + Send + Sync>,
    /// When the process began to serve.
    pub started: Instant,
}

impl ConsoleSources {
    /// Every issuer with its keys.
    pub fn issuers(&self) -> Vec<pb::Issuer> {
        let (now, authorizer) = (Instant::now(), (self.admin.authorizer)());
        let issuers = authorizer.authenticator().issuers().iter();
        issuers
            .map(|issuer| convert::issuer(issuer, now.into_std()))
            .collect()
    }

    /// The rules in their order, and the default rule.
    pub fn rules(&self) -> Vec<RuleSummary> {
        summaries(&(self.admin.authorizer)())
    }

    /// Asks for a fetch of every key set. Ends when the last fetch has ended; the refreshers finish them in any case.
    pub async fn refresh(&self) {
        let authorizer = (self.admin.authorizer)();
        let issuers = authorizer.authenticator().issuers().iter();
        let fetches = issuers.map(|issuer| issuer.keys.refresh_now(Instant::now().into_std()));
        join_all(fetches).await;
    }
}
