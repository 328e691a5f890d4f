//! Where the console has it from.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

use crate::admin::console::history::History;
use crate::admin::convert;
use crate::admin::pb;
use crate::admin::service::Sources;

/// What the console shows.
#[derive(Clone)]
pub struct ConsoleSources {
    /// What the admin API tells of.
    pub admin: Sources,
    /// Whether checks can be answered.
    pub is_ready: Arc<dyn Fn() -> bool + Send + Sync>,
    /// The short name of the configuration in force.
    pub config: Arc<dyn Fn() -> String + Send + Sync>,
    /// Decisions of the last minutes.
    pub history: Arc<History>,
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

    /// The names of the rules, the one for what no rule claims included.
    pub fn rules(&self) -> Vec<String> {
        let authorizer = (self.admin.authorizer)();
        let table = authorizer.rules();
        let names = table.iter().map(|rule| rule.name.to_string());
        let mut names: Vec<String> = names.collect();
        let last = table.default_rule().name.to_string();
        if !names.contains(&last) {
            names.push(last);
        }
        names
    }
}

impl fmt::Debug for ConsoleSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleSources").finish_non_exhaustive()
    }
}
