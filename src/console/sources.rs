//! What the console shows, and where it reads it.

use std::sync::Arc;

use tokio::time::Instant;

use crate::admin::convert;
use crate::admin::pb;
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

    /// The names of the rules, and that of the default rule.
    pub fn rules(&self) -> Vec<String> {
        let authorizer = (self.admin.authorizer)();
        let table = authorizer.rules();
        let names = table.iter().map(|rule| rule.name.to_string());
        let mut names: Vec<String> = names.collect();
        let default = table.default_rule().name.to_string();
        if !names.contains(&default) {
            names.push(default);
        }
        names
    }
}
